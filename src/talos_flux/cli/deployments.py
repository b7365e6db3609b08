"""talos-flux deployments: say what keeps Flux from deploying what is in Git."""

from typing import Any

import click
from rich.console import Console, ConsoleOptions, RenderResult

from talos_flux.cli.commands import CHECK_FAILED, subcommand, watch_options
from talos_flux.diagnose.flux import workloads
from talos_flux.diagnose.flux.dependency_graph import Graph
from talos_flux.diagnose.flux.revisions import revisions
from talos_flux.diagnose.flux.rows import Row, lines, rows
from talos_flux.diagnose.probes.flux_health import controllers, flux
from talos_flux.diagnose.probes.unobserved import unknown
from talos_flux.diagnose.report import Report
from talos_flux.diagnose.runner import run
from talos_flux.kube import kinds
from talos_flux.kube.snapshot import Snapshot

KINDS = (*kinds.FLUX, *workloads.KINDS, kinds.WARNING, kinds.NAMESPACE)


class Deployments(Report):
    """A report that also has every object of Flux, for JSON and for --verbose."""

    objects: list[Row]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.verbose:
            yield from lines(self.objects)
        yield from super().__rich_console__(console, options)

    def as_json(self) -> dict[str, Any]:
        """Return the report's, and {objects: [<Row>]}."""
        return super().as_json() | {"objects": [row.as_json() for row in self.objects]}


@subcommand(failed=CHECK_FAILED)
@click.option("-v", "--verbose", is_flag=True, help="Also list every object, and say what is well.")
@click.option("-n", "--namespace", default="", metavar="NAME", help="Look only at what is deployed to this namespace.")
@watch_options
def command(namespace: str, context: str | None, interval: float, *, verbose: bool, watch: bool, as_json: bool) -> int:
    """Say what keeps Flux from deploying what is in Git.

    Each failure is said once, where it began, with the command that helps: from what waits it goes back over
    dependsOn, sources and releases to the workload and its events. Looking changes nothing, and no secret's value is
    read.

    Exit codes: 0 everything is deployed or in progress, 1 something is suspended, 2 something fails, 3 something could
    not be looked at.
    """

    def examine(snapshot: Snapshot) -> Report:
        graph = Graph.of(snapshot)
        parts = [controllers(snapshot), flux(graph, namespace, snapshot), revisions(snapshot)]
        report = Deployments(parts, unknown(snapshot, namespace), verbose=verbose)
        report.objects = rows(graph, namespace)
        return report

    return run(KINDS, examine, context=context, watch=watch, interval=interval, as_json=as_json)
