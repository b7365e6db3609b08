#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Keep etcd as it is now in snapshots/, which Git ignores and only you can read. Older ones stay."""

from lib import snapshots, talos
from lib.arguments import FAILED, Parser
from lib.cluster import inventory
from lib.terminal import command, done, step


def main() -> None:
    """It holds every Secret in clear."""
    Parser(__doc__).parse_args()
    talos.refuse_without_talosconfig()
    step("Asking etcd for a snapshot")
    taken = snapshots.take(inventory())
    done(f"{snapshots.described(taken)} holds every Secret in clear: keep a copy like a password.")


if __name__ == "__main__":
    command(main, failed=FAILED)
