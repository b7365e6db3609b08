"""Runs the checks of the cluster once, or until Ctrl-C, for people or for programs."""

import asyncio
import contextlib
import json
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Group
from rich.live import Live
from rich.text import Text

from talos_flux.diagnose.report import Report, show
from talos_flux.errors import UserError
from talos_flux.kube.accessors import without_ages
from talos_flux.kube.client import connected
from talos_flux.kube.kinds import Kind
from talos_flux.kube.snapshot import Snapshot, take
from talos_flux.kube.watch import Follower
from talos_flux.kube.watch import watch as follow
from talos_flux.terminal import out

Examine = Callable[[Snapshot], Report]


def run(
    kinds: Sequence[Kind], examine: Examine, *, context: str | None, watch: bool, interval: float, as_json: bool
) -> int:
    """Show what is wrong, and return the report's exit code.

    With `watch` it is shown anew whenever it changes, at most every `interval` seconds, until Ctrl-C.
    """
    if watch:
        return asyncio.run(_watch(kinds, examine, context, interval, as_json=as_json))
    report = _report(examine, asyncio.run(_once(kinds, context)))
    show(report, out, as_json=as_json)
    return report.code


def _report(examine: Examine, snapshot: Snapshot) -> Report:
    """Return the report; UserError where an object has other parts than Kubernetes gives it."""
    try:
        return examine(snapshot)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise UserError(
            "an object that the API lists is none of Kubernetes': "
            f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})."
        ) from None


async def _once(kinds: Sequence[Kind], context: str | None) -> Snapshot:
    async with connected(context) as client:
        return await take(client, kinds)


async def _watch(
    kinds: Sequence[Kind], examine: Examine, context: str | None, interval: float, *, as_json: bool
) -> int:
    last: list[Report] = []

    async with connected(context) as client:
        # An API that can't be reached at the start is an error, as without --watch; later it may come back.
        await take(client, kinds[:1])
        with _shown(as_json) as display:

            def look(follower: Follower) -> None:
                last[:] = [_report(examine, follower.snapshot)]
                display(last[0], follower.outage)

            with contextlib.suppress(asyncio.CancelledError):
                await follow(client, kinds, look, seconds=interval)
    return last[0].code if last else 0


@contextlib.contextmanager
def _shown(as_json: bool) -> Iterator[Callable[[Report, str], None]]:
    """Yield a function that shows a report and its outage: since when the API has not answered, or nothing."""
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
