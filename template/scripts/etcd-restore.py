#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Print how this cluster's etcd is brought back from a snapshot. It changes nothing.

A restore is for a quorum that is lost for good: with one, a node is replaced instead.
"""

from lib import etcd, snapshots, talos
from lib.arguments import FAILED, Parser
from lib.cluster import inventory, short
from lib.terminal import command, out, warn

WIPE = "talosctl reset --graceful=false --reboot --system-labels-to-wipe EPHEMERAL"


def main() -> None:
    """Commands with this cluster's addresses, in their order."""
    Parser(__doc__).parse_args()
    talos.refuse_without_talosconfig()
    cluster = inventory()
    state = etcd.look(cluster)
    if state.silence:
        warn(f"Nobody knows whether etcd has lost its quorum: {state.silence}. See to that first.")
    elif state.spare >= 0:
        warn(f"etcd has a quorum ({etcd.names(state.healthy)}), and a restore would lose what it knows.")
        out.print("A controller that is dead for good: `task talos:replace-node IP=<its address>`.", markup=False)
    newest = snapshots.newest(cluster)
    if newest:
        out.print(f"The newest snapshot is {snapshots.described(newest)}; what came later is lost.", markup=False)
    else:
        warn(
            f"{short(snapshots.FOLDER)}/ has no snapshot of this cluster: without one, `task talos:reset`, start over."
        )
    name = short(newest) if newest else "snapshots/<file>"
    first, *others = cluster.controllers
    lines = [
        "1. Every controller forgets what it had of etcd. This wipes /var: the volumes on its disk are lost as well.",
        *(f"   {WIPE} --nodes {node.address} --endpoints {node.address}" for node in cluster.controllers),
        "   A new machine, in maintenance mode, gets its configuration instead:",
        f"   talosctl apply-config --insecure --nodes <address> --file {short(first.config)}",
        f"2. When {first.name} waits for it (state Preparing):",
        f"   talosctl service etcd --nodes {first.address} --endpoints {first.address}",
        "3. It starts etcd with the snapshot:",
        f"   talosctl bootstrap --recover-from={name} --nodes {first.address} --endpoints {first.address}",
        f"4. {f'{etcd.names(others)} join by themselves. ' if others else ''}When all is well, Flux goes on from Git:",
        "   ./scripts/cluster-health-monitor.py --wait",
    ]
    for line in lines:
        out.print(line, markup=False)


if __name__ == "__main__":
    command(main, failed=FAILED)
