"""The tools that judge, as `needs` had them brought: in .tools/bin, or what stands in for them in `make test`."""

import os
import subprocess
from pathlib import Path

from tests.tools.catalogue import BY_NAME
from tests.tools.obtain import BIN, OF_QUICK, STAND_INS

# Set while programs stand in for those that take long to build.
QUICK = "COPIER_TALOS_FLUX_QUICK"


def folders() -> list[Path]:
    """Where the tools lie, first come first served."""
    return [STAND_INS, BIN] if os.environ.get(QUICK) else [BIN]


def source_of(name: str) -> str:
    """Return the tool of the catalogue that provides the one that a test needs."""
    if name in OF_QUICK:
        return "quick"
    return (os.environ.get(QUICK) and name in BY_NAME and BY_NAME[name].stand_in) or name


def path(name: str) -> Path:
    """Return the tool's executable; FileNotFoundError says how to get it. A missing judge is never a pass."""
    for folder in folders():
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"{name} is missing: mark the test with needs({name!r}), or run `python -m tests.tools`")


def run(name: str, *arguments: str | Path, cwd: Path | None = None, stdin: str = "", timeout: float = 120) -> str:
    """Run a tool and return its stdout; RuntimeError with its first arguments and stderr when it fails."""
    command = [str(path(name)), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} {' '.join(map(str, arguments[:3]))}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
