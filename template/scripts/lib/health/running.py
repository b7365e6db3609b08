"""How the tools that look at the cluster run: once, or until Ctrl-C, for people or for programs."""

import argparse
import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable, Iterator

from rich.console import Group
from rich.live import Live
from rich.text import Text

from lib.arguments import FAILED
from lib.health.report import Report, show
from lib.kube.client import connected
from lib.kube.follow import Follower, watch
from lib.kube.kinds import Kind
from lib.kube.objects import without_ages
from lib.kube.snapshot import Snapshot, take
from lib.terminal import out

Examine = Callable[[Snapshot], Report]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those that all of these tools have."""
    parser.add_argument("--context", help="another context of the kubeconfig")
    parser.add_argument("--watch", action="store_true", help="go on until Ctrl-C, and show what changes")
    parser.add_argument(
        "--interval", type=seconds, default=1.0, metavar="SECONDS", help="with --watch: show at most so often; 1"
    )
    parser.add_argument("--json", action="store_true", help="for programs; with --watch one line for each change")


def seconds(text: str) -> float:
    """A time to wait, as argparse asks for it."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds from 0.1 to 3600")
    return value


def run(kinds: Iterable[Kind], examine: Examine, arguments: argparse.Namespace) -> int:
    """Look, and return the exit code: 0 healthy, 1 warnings, 2 critical, 3 something could not be looked at."""
    if arguments.watch:
        return asyncio.run(_watch(kinds, examine, arguments))
    report = examine(asyncio.run(_once(kinds, arguments.context)))
    show(report, out, as_json=arguments.json)
    return code_of(report)


def code_of(report: Report) -> int:
    """A report's exit code. What could not be looked at may be worse than all that was found."""
    return FAILED if report.unknown else int(report.level)


async def _once(kinds: Iterable[Kind], context: str | None) -> Snapshot:
    async with connected(context) as client:
        return await take(client, kinds)


async def _watch(kinds: Iterable[Kind], examine: Examine, arguments: argparse.Namespace) -> int:
    last: list[Report] = []

    async with connected(arguments.context) as client:
        # What can't be reached at all is refused, as without --watch; what goes away later may come back.
        await take(client, [next(iter(kinds))])
        with _shown(arguments.json) as display:

            def look(follower: Follower) -> None:
                last[:] = [examine(follower.snapshot)]
                display(last[0], follower.outage)

            with contextlib.suppress(asyncio.CancelledError):
                await watch(client, kinds, look, seconds=arguments.interval)
    return code_of(last[0]) if last else 0


@contextlib.contextmanager
def _shown(as_json: bool) -> Iterator[Callable[[Report, str], None]]:
    """A function that shows a report, and whether it is an old one."""
    before: list[str] = [""]
    if as_json or not out.is_terminal:

        def write(report: Report, outage: str) -> None:
            text = json.dumps(report.as_json() | ({"outage": outage} if outage else {}))
            if (essence := without_ages(text)) != before[0]:
                if as_json:
                    print(text, flush=True)
                else:
                    out.print(report, outage)
            before[0] = essence

        yield write
        return
    with Live(console=out, auto_refresh=False, vertical_overflow="crop") as live:

        def draw(report: Report, outage: str) -> None:
            note = Text(outage or "Ctrl-C ends this.", style="red" if outage else "dim")
            live.update(Group(report, note), refresh=True)

        yield draw
