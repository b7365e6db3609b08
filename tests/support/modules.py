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
    if "Dir" in answer and not done.returncode:
        return Path(answer["Dir"])
    # A module for a newer Go than the one here arrives whole: go names its archive, and only refuses to build it.
    if "Zip" in answer and (unpacked := _unpacked(Path(answer["Zip"]))).is_dir():
        return unpacked
    raise RuntimeError(f"go mod download {module}: {answer.get('Error') or done.stderr}")


def _unpacked(archive: Path) -> Path:
    """Return where go unpacks <cache>/cache/download/<path>/@v/<version>.zip: <cache>/<path>@<version>."""
    download, path = str(archive.parent.parent).split("/cache/download/")
    return Path(download, f"{path}@{archive.stem}")
