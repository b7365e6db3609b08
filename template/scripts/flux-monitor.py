#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "lightkube==1.0.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0", "textual==8.2.8",
# ]
# ///
"""Show how every source, Kustomization and HelmRelease stands; with --watch as it changes, with keys to filter.

Where no terminal is, --watch writes a line for each change. Looking changes nothing.

Exit codes: 0 everything is ready or in progress, 1 something is suspended, 2 something fails or waits, 3 something
could not be looked at.
"""

import argparse
import asyncio
import contextlib
import json
from datetime import datetime

from lib.arguments import FAILED, Parser
from lib.flux.changes import changes
from lib.flux.graph import Graph
from lib.flux.monitor import Monitor
from lib.flux.rows import Row, lines, rows
from lib.flux.standing import State
from lib.health.running import add_options
from lib.health.unknown import unknown
from lib.kube import kinds
from lib.kube.client import connected
from lib.kube.follow import Follower, watch
from lib.kube.snapshot import Snapshot, take
from lib.terminal import command, err, out

KINDS = (*kinds.FLUX, kinds.WARNING, kinds.NAMESPACE)
CODES = {State.FAILING: 2, State.WAITING: 2, State.SUSPENDED: 1}


def main() -> int:
    """Once, or until q or Ctrl-C."""
    parser = Parser(__doc__)
    parser.add_argument("-n", "--namespace", default="", help="only what is deployed to it")
    add_options(parser)
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_watch(arguments) if arguments.watch else _once(arguments))
    return 0


async def _once(arguments: argparse.Namespace) -> int:
    async with connected(arguments.context) as client:
        snapshot = await take(client, KINDS)
    found = rows(Graph.of(snapshot), arguments.namespace)
    if arguments.json:
        print(json.dumps([row.as_json() for row in found], indent=2))
    else:
        for line in lines(found):
            out.print(line)
    return _code(snapshot, found, arguments.namespace)


def _code(snapshot: Snapshot, found: list[Row], namespace: str) -> int:
    """The exit code; what could not be looked at is said."""
    unseen = unknown(snapshot, namespace)
    for sentence in unseen:
        err.print(sentence, markup=False)
    return FAILED if unseen else max((CODES.get(row.state, 0) for row in found), default=0)


async def _watch(arguments: argparse.Namespace) -> int:
    async with connected(arguments.context) as client:
        # What can't be reached at all is refused; what goes away later may come back.
        snapshot = await take(client, KINDS)
        if out.is_terminal and not arguments.json:
            monitor = Monitor(client, KINDS, namespace=arguments.namespace, interval=arguments.interval)
            await monitor.run_async()
            return 0
        before = rows(Graph.of(snapshot), arguments.namespace)
        outage, unseen = "", list[str]()

        def tell_unseen(snapshot: Snapshot) -> None:
            nonlocal unseen
            now = unknown(snapshot, arguments.namespace)
            for sentence in now:
                if sentence not in unseen:
                    err.print(sentence, markup=False)
            unseen = now

        tell_unseen(snapshot)

        def write(follower: Follower) -> None:
            nonlocal before, outage
            tell_unseen(follower.snapshot)
            now = rows(Graph.of(follower.snapshot), arguments.namespace)
            for change in changes(before, now):
                if arguments.json:
                    print(json.dumps(change.as_json()), flush=True)
                else:
                    out.print(f"{datetime.now():%H:%M:%S} {change}", markup=False)
            before = now
            if follower.outage != outage:
                err.print(follower.outage or "the API answers again", markup=False)
            outage = follower.outage

        await watch(client, KINDS, write, seconds=arguments.interval)
    return 0


if __name__ == "__main__":
    command(main, failed=FAILED)
