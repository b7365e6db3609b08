"""The real tools, as `python -m tests.tools.build` left them in .tools/bin."""

import subprocess
from pathlib import Path

from tests.tools.build import BIN


def path(name: str) -> Path:
    """The tool's executable; FileNotFoundError says how to get it. A missing judge is never a pass."""
    tool = BIN / name
    if not tool.exists():
        raise FileNotFoundError(f"{tool} is missing: run `python -m tests.tools.build {name}`")
    return tool


def run(name: str, *arguments: str | Path, cwd: Path | None = None, timeout: float = 120) -> str:
    """Run a tool and return its stdout; RuntimeError with its first arguments and stderr when it fails."""
    command = [str(path(name)), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} {' '.join(map(str, arguments[:3]))}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
