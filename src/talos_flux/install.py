"""Create the virtual environment in which the tools run, with the versions and hashes that requirements.txt locks.

scripts/talos-flux runs this file by its path, with whatever Python uv finds, so it imports nothing but the standard
library.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def install(environment: Path) -> None:
    """Create the environment at a path atomically, unless a working one exists.

    Concurrent runs wait for each other. SystemExit with a sentence when it can't be created.
    """
    try:
        environment.parent.mkdir(parents=True, exist_ok=True)
        with environment.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.access(environment / "bin/python", os.X_OK):
                make(environment)
    except OSError as error:
        sys.exit(f"error: {environment} can't be made: {error.strerror}. XDG_CACHE_HOME moves it.")


def make(environment: Path) -> None:
    """Install into a temporary folder beside the environment, then rename it."""
    print("Installing the packages of the tools, once", file=sys.stderr)
    for interrupted in environment.parent.glob(f".{environment.name}.*"):
        shutil.rmtree(interrupted, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{environment.name}.", dir=environment.parent))
    try:
        uv("venv", "--relocatable", "--allow-existing", "--python", sys.executable, draft)
        uv("pip", "install", "--python", draft / "bin/python", "--require-hashes", "--requirement", REQUIREMENTS)
        shutil.rmtree(environment, ignore_errors=True)
        draft.rename(environment)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def uv(*arguments: str | Path) -> None:
    """Run uv; SystemExit with its stderr when it fails."""
    command = ["uv", "--quiet", "--no-config", *arguments]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"uv ended with {done.returncode}"
        sys.exit(f"error: the packages of the tools can't be installed: {reason}")


if __name__ == "__main__":
    try:
        install(Path(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit("error: interrupted; the next run installs the packages.")
