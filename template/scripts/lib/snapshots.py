"""Snapshots of etcd: all that Kubernetes knows, every Secret in clear among it."""

from datetime import UTC, datetime
from pathlib import Path

from lib import etcd, machines
from lib.cluster import Inventory, short
from lib.process import ROOT, ToolFailed
from lib.refusal import Refusal

FOLDER = ROOT / "snapshots"
# A home's etcd is some hundred megabytes at most.
SECONDS = 600


def take(cluster: Inventory) -> Path:
    """A new snapshot, which only its owner can read, complete or not at all; Refusal when no etcd gives one."""
    folder = private_folder()
    state = etcd.look(cluster)
    if state.silence:
        raise Refusal(f"there is no snapshot: {state.silence}.")
    healthy = state.healthy
    if not healthy:
        raise Refusal("etcd gives no snapshot without a quorum: `./scripts/cluster-health-monitor.py` says why.")
    path = folder / f"{cluster.cluster}-{datetime.now(UTC):%Y%m%d-%H%M%S}.etcd"
    try:
        # talosctl makes the file when it is complete, then looks whether it is a database.
        machines.ask(healthy[0].address, "etcd", "snapshot", str(path), timeout=SECONDS)
    except ToolFailed as failed:
        path.unlink(missing_ok=True)
        raise Refusal(f"etcd on {healthy[0]} gave no snapshot: {machines.reason(failed.said)}") from None
    finally:
        _tidy()
    return path


def private_folder() -> Path:
    """Where they are; Git ignores it, and only its owner can enter it."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    FOLDER.chmod(0o700)
    _tidy()
    return FOLDER


def _tidy() -> None:
    """What an interrupted talosctl leaves is no snapshot."""
    for unfinished in FOLDER.glob("*.part"):
        unfinished.unlink(missing_ok=True)


def newest(cluster: Inventory) -> Path | None:
    """The last one; its name says when it was taken."""
    return max(FOLDER.glob(f"{cluster.cluster}-*.etcd"), default=None, key=lambda path: path.name)


def described(path: Path) -> str:
    """A snapshot in a sentence."""
    return f"{short(path)} ({path.stat().st_size / 1e6:.1f} MB)"
