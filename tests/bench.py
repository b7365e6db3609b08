"""What things cost, beside the floor they can't go below: `make bench`.

Runs are interleaved, because a noisy machine slows both sides alike; read the ratios, not the seconds.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.render import PROJECT, git

RUNS = 7


def seconds(template: Path, destination: Path, environment: dict[str, str]) -> float:
    """Wall time of one `copier copy --defaults`, the start of the command line included."""
    shutil.rmtree(destination, ignore_errors=True)
    started = time.perf_counter()
    subprocess.run(
        ["copier", "copy", "--defaults", "--quiet", "--vcs-ref", "HEAD", template, destination],
        check=True,
        env=environment,
        capture_output=True,
    )
    return time.perf_counter() - started


def as_static_template(rendered: Path, target: Path) -> int:
    """A template of the same files with nothing to ask or compute; returns how many files it has."""
    shutil.copytree(rendered, target / "template")
    (target / "template" / ".copier-answers.yml").unlink()
    (target / "copier.yml").write_text("_subdirectory: template\n")
    git(target, "init", "--quiet")
    git(target, "add", "--all")
    git(target, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "--message", "static")
    return sum(path.is_file() for path in (target / "template").rglob("*"))


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        environment = os.environ | {"COPIER_CACHE_DIR": str(work / "cache"), "COPIER_SETTINGS_PATH": str(work / "none")}
        ours, floor = work / "ours", work / "floor"
        seconds(PROJECT, ours, environment)
        files = as_static_template(ours, work / "static")
        pairs = [
            (seconds(PROJECT, ours, environment), seconds(work / "static", floor, environment)) for _ in range(RUNS)
        ]
    ratio = statistics.median(mine / least for mine, least in pairs)
    print(f"{'':34}{'min':>8}{'median':>8}{'max':>8}")
    for label, column in (("copier copy --defaults", 0), (f"floor: {files} static files", 1)):
        times = [pair[column] for pair in pairs]
        print(f"{label:34}{min(times):7.2f}s{statistics.median(times):7.2f}s{max(times):7.2f}s")
    print(f"{'ratio':34}{'':8}{ratio:7.2f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
