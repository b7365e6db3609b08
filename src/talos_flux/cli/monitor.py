"""talos-flux monitor: show how every source, Kustomization and HelmRelease stands."""

import asyncio
import contextlib
import json

import click

from talos_flux.cli.commands import CHECK_FAILED, subcommand, watch_options
from talos_flux.diagnose.change_lines import ChangeLines
from talos_flux.diagnose.flux.dependency_graph import Graph
from talos_flux.diagnose.flux.rows import lines, rows
from talos_flux.diagnose.flux.status import State
from talos_flux.diagnose.monitor import Monitor
from talos_flux.diagnose.probes.unobserved import unknown
from talos_flux.kube import kinds
from talos_flux.kube.client import connected
from talos_flux.kube.snapshot import Snapshot, take
from talos_flux.kube.watch import watch as follow
from talos_flux.terminal import err, out

KINDS = (*kinds.FLUX, kinds.WARNING, kinds.NAMESPACE)
CODES = {State.FAILING: 2, State.WAITING: 2, State.SUSPENDED: 1}


@subcommand(failed=CHECK_FAILED)
@click.option("-n", "--namespace", default="", metavar="NAME", help="Show only what is deployed to this namespace.")
@watch_options
def command(namespace: str, context: str | None, interval: float, *, watch: bool, as_json: bool) -> int:
    """Show how every source, Kustomization and HelmRelease stands.

    With --watch the table changes as they do, and keys choose what it shows; where no terminal is, a line is written
    for each change. Looking changes nothing.

    Exit codes: 0 everything is ready or in progress, 1 something is suspended, 2 something fails or waits, 3 something
    could not be looked at; 0 at the end of --watch.
    """
    with contextlib.suppress(KeyboardInterrupt):
        if not watch:
            return show(asyncio.run(look(context)), namespace, as_json=as_json)
        asyncio.run(go_on(context, namespace, interval, as_json=as_json))
    return 0


async def look(context: str | None) -> Snapshot:
    """Return a snapshot of the cluster."""
    async with connected(context) as client:
        return await take(client, KINDS)


def show(snapshot: Snapshot, namespace: str, *, as_json: bool) -> int:
    """Print every object, and what could not be observed; return the exit code."""
    table = rows(Graph.of(snapshot), namespace)
    if as_json:
        print(json.dumps([row.as_json() for row in table], indent=2))
    else:
        for line in lines(table):
            out.print(line)
    unseen = unknown(snapshot, namespace)
    for sentence in unseen:
        err.print(sentence, markup=False)
    return CHECK_FAILED if unseen else max((CODES.get(row.state, 0) for row in table), default=0)


async def go_on(context: str | None, namespace: str, interval: float, *, as_json: bool) -> None:
    """Show changes until interrupted, on a terminal as a table."""
    async with connected(context) as client:
        # A cluster that can't be reached at the start is an error; later it may come back.
        snapshot = await take(client, KINDS)
        if out.is_terminal and not as_json:
            await Monitor(client, KINDS, namespace=namespace, interval=interval).run_async()
        else:
            changed = ChangeLines(snapshot, namespace, as_json=as_json)
            await follow(client, KINDS, changed.write, seconds=interval)
