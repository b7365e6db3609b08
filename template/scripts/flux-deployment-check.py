#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["lightkube==1.0.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Say what keeps Flux from deploying what is in Git: each failure once, where it began, with the command that helps.

From what waits it goes back over dependsOn, sources and releases to the workload and its events. Looking changes
nothing, and no secret's value is read.

Exit codes: 0 everything is deployed or in progress, 1 something is suspended, 2 something fails, 3 something could
not be looked at.
"""

from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult

from lib.arguments import FAILED, Parser
from lib.flux import workloads
from lib.flux.graph import Graph
from lib.flux.revisions import revisions
from lib.flux.rows import Row, lines, rows
from lib.health.flux import controllers, flux
from lib.health.report import Report
from lib.health.running import add_options, run
from lib.health.unknown import unknown
from lib.kube import kinds
from lib.kube.snapshot import Snapshot
from lib.terminal import command

KINDS = (*kinds.FLUX, *workloads.KINDS, kinds.WARNING, kinds.NAMESPACE)


class Deployment(Report):
    """The report, with every object when it is verbose or for a program."""

    objects: list[Row]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.verbose:
            yield from lines(self.objects)
        yield from super().__rich_console__(console, options)

    def as_json(self) -> dict[str, Any]:
        """The report's, and {objects: [<Row>]}."""
        return super().as_json() | {"objects": [row.as_json() for row in self.objects]}


def main() -> int:
    """All of it, or what concerns a namespace."""
    parser = Parser(__doc__)
    parser.add_argument("-v", "--verbose", action="store_true", help="also list every object, and say what is well")
    parser.add_argument("-n", "--namespace", default="", help="only what is deployed to it")
    add_options(parser)
    arguments = parser.parse_args()

    def examine(snapshot: Snapshot) -> Report:
        where = arguments.namespace
        graph = Graph.of(snapshot)
        parts = [controllers(snapshot), flux(graph, where, snapshot), revisions(snapshot)]
        found = Deployment(parts, unknown(snapshot, where), verbose=arguments.verbose)
        found.objects = rows(graph, where)
        return found

    return run(KINDS, examine, arguments)


if __name__ == "__main__":
    command(main, failed=FAILED)
