"""What the start of a command takes: of v0.3's scripts, which uv ran, beside scripts/talos-flux now. `make bench`.

Warm is what people wait for each day; cold is the first run on a computer, with the packages from the network.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.bench import compare, seconds
from tests.support.releases import unpack
from tests.support.render import PROJECT

BEFORE = "v0.3.0"
COMMANDS = {
    "check-flux-config.py --help": "check --help",
    "check-flux-config.py": "check",
    "k8s-health-check.py --help": "health --help",
    "secret-set.py --help": "secret set --help",
    "update.py --help": "update --help",
}


def run(command: list[str | Path], root: Path, cache: Path) -> None:
    """Run a command of a cluster, with what it downloads in a folder of its own."""
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), "UV_CACHE_DIR": str(cache / "uv")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "before").mkdir()
        unpack(BEFORE, work / "before")
        create = [sys.executable, "-m", "examples.create", "examples/anton.yaml", str(work / "now")]
        subprocess.run(create, cwd=PROJECT, check=True, capture_output=True)

        def before(words: str) -> None:
            script, *options = words.split()
            run(["uv", "run", "--quiet", "--script", f"scripts/{script}", *options], work / "before", work / "cache")

        def now(words: str) -> None:
            run([work / "now/scripts/talos-flux", *words.split()], work / "now", work / "cache")

        print(f"{'':52}{'min':>9}{'median':>9}{'max':>9}")
        for old, new in COMMANDS.items():
            # The side that is divided by is the old one, so that 0.5 is half.
            compare(f"talos-flux {new}", partial(now, new), old, partial(before, old))
        for name, start, words in (("now", now, "check"), (BEFORE, before, "check-flux-config.py")):
            shutil.rmtree(work / "cache")
            print(f"{f'first run of {words}, {name}':52}{seconds(partial(start, words)):8.1f}s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
