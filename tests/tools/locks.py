"""The cache that checkouts and test runs share, and its locks."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_dir() -> Path:
    """Where tools are kept between checkouts."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("COPIER_TALOS_FLUX_CACHE") or home / "copier-talos-flux") / "tools"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock `<path>.lock`; waits while another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
