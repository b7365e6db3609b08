"""Snapshots of etcd: all that Kubernetes knows, every Secret in clear among it."""

import re
from datetime import UTC, datetime
from pathlib import Path

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.process import ToolError
from talos_flux.repository.settings import Inventory, short
from talos_flux.talos import etcd, machines

FOLDER = ROOT / "snapshots"
# A home's etcd is some hundred megabytes at most.
SECONDS = 600


def take(cluster: Inventory) -> Path:
    """Take a new snapshot, which only its owner can read, complete or not at all; UserError when no etcd gives one."""
    folder = private_folder()
    state = etcd.look(cluster)
    if state.silence:
        raise UserError(f"there is no snapshot: {state.silence}.")
    healthy = state.healthy
    if not healthy:
        raise UserError("etcd gives no snapshot without a quorum: `./scripts/cluster-health-monitor.py` says why.")
    path = folder / f"{cluster.cluster}-{datetime.now(UTC):%Y%m%d-%H%M%S}.etcd"
    try:
        # talosctl creates the file once it is complete, then verifies that it is a database.
        machines.ask(healthy[0].address, "etcd", "snapshot", str(path), timeout=SECONDS)
    except ToolError as failed:
        path.unlink(missing_ok=True)
        raise UserError(f"etcd on {healthy[0]} gave no snapshot: {machines.reason(failed.stderr)}") from None
    finally:
        _tidy()
    return path


def private_folder() -> Path:
    """Create the folder of the snapshots and return it; Git ignores it, and only its owner can enter it."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    FOLDER.chmod(0o700)
    _tidy()
    return FOLDER


def _tidy() -> None:
    """Remove what an interrupted talosctl left, which is no snapshot."""
    for unfinished in FOLDER.glob("*.part"):
        unfinished.unlink(missing_ok=True)


def newest(cluster: Inventory) -> Path | None:
    """Return the last snapshot, by the time in its name; None without one."""
    # Another cluster's name may begin with this one's.
    name = re.compile(rf"{re.escape(cluster.cluster)}-\d{{8}}-\d{{6}}\.etcd")
    kept = (path for path in FOLDER.glob("*.etcd") if name.fullmatch(path.name))
    return max(kept, default=None, key=lambda path: path.name)


def described(path: Path) -> str:
    """Return a snapshot's path and size for a sentence."""
    return f"{short(path)} ({path.stat().st_size / 1e6:.1f} MB)"
