"""Judge every example with charts fetched by hand: `make verify-charts DIR=folder`.

DIR holds charts as folders or .tgz archives named <chart>-<version>, as `helm pull [--untar]` leaves them.
A chart that is not in DIR comes from its Go module where there is one. Exit code 1 when anything is refused.
"""

import os
import sys
import tempfile
from pathlib import Path

from tests.support import apiserver, charts, processes
from tests.support.cases import EXAMPLES
from tests.support.render import Renderer, snapshot
from tests.support.repository import Repository


def main(folder: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="verify-charts-") as name:
        scratch = Path(name)
        fetched = charts.from_folder(folder, scratch / "fetched")
        render = Renderer(snapshot(scratch / "template"), scratch / "renders")
        releases = [r for answers in EXAMPLES.values() for r in charts.releases(Repository(render(answers), answers))]
        server = apiserver.running(scratch / "apiserver", os.getpid())
        try:
            return report(server, releases, fetched, scratch)
        finally:
            processes.stop(scratch / "apiserver")


def report(server: apiserver.ApiServer, releases: list[charts.Release], fetched: dict[str, Path], scratch: Path) -> int:
    """Print one row per chart, then what was refused and what was not rendered; the exit code."""
    refused: list[str] = []
    rows = [("chart", "pin", "rendered", "result")]
    for name, pin in sorted({(release.chart, release.pin) for release in releases}):
        chart = fetched.get(name)
        if chart is None and name in charts.MODULE_CHARTS:
            chart = charts.from_module(name, scratch / "modules")
        if chart is None:
            rows.append((name, pin, "-", "not rendered: neither in the folder nor in a Go module"))
            continue
        distinct = {release.key: release for release in releases if (release.chart, release.pin) == (name, pin)}
        problems = [text for release in distinct.values() for text in charts.objections(server, release, chart)]
        refused += problems
        result = f"{len(set(problems))} refused" if problems else f"accepted, {len(distinct)} sets of values"
        rows.append((name, pin, charts.version_of(chart), result))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for problem in sorted(set(refused)):
        print(problem)
    return 1 if refused else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python -m tests.verify_charts DIR, a folder of charts named <chart>-<version>")
    sys.exit(main(Path(sys.argv[1])))
