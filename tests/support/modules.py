"""Go modules as a source of CRDs and charts: downloaded once into Go's module cache, read from there."""

import json
import subprocess
from functools import cache
from pathlib import Path


@cache
def folder(module: str) -> Path:
    """Where `path@version` lies in the module cache, downloaded if need be; RuntimeError when it can't be had."""
    done = subprocess.run(
        ["go", "mod", "download", "-json", module], capture_output=True, text=True, check=False, cwd="/"
    )
    answer = json.loads(done.stdout or "{}")
    if done.returncode or "Dir" not in answer:
        raise RuntimeError(f"go mod download {module}: {answer.get('Error') or done.stderr}")
    return Path(answer["Dir"])
