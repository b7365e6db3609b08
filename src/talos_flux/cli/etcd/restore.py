"""talos-flux etcd restore: print how this cluster's etcd is brought back from a snapshot."""

from collections.abc import Sequence

from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.repository.settings import Inventory, inventory, short
from talos_flux.talos import config, etcd, etcd_snapshots
from talos_flux.terminal import out, warn

WIPE = "talosctl reset --graceful=false --reboot --system-labels-to-wipe EPHEMERAL"


@subcommand(failed=CHECK_FAILED)
def command() -> None:
    """Print how etcd is brought back from a snapshot.

    The commands have this cluster's addresses; nothing is changed. A restore is for a quorum that is lost for good:
    with one, a node is replaced instead.
    """
    config.refuse_without_talosconfig()
    cluster = inventory()
    state = etcd.look(cluster)
    if state.silence:
        warn(f"Nobody knows whether etcd has lost its quorum: {state.silence}. See to that first.")
    elif state.spare >= 0:
        warn(f"etcd has a quorum ({etcd.names(state.healthy)}), and a restore would lose what it knows.")
        out.print("A controller that is dead for good: `task talos:replace-node IP=<its address>`.", markup=False)
    newest = etcd_snapshots.newest(cluster)
    if newest:
        out.print(f"The newest snapshot is {etcd_snapshots.described(newest)}; what came later is lost.", markup=False)
    else:
        folder = short(etcd_snapshots.FOLDER)
        warn(f"{folder}/ has no snapshot of this cluster: without one, `task talos:reset`, start over.")
    for line in steps(cluster, short(newest) if newest else "snapshots/<file>"):
        out.print(line, markup=False)


def steps(cluster: Inventory, snapshot: str) -> Sequence[str]:
    """Return the steps of a restore, as lines."""
    first, *others = cluster.controllers
    return (
        "1. Every controller forgets what it had of etcd. This wipes /var: the volumes on its disk are lost as well.",
        *(f"   {WIPE} --nodes {node.address} --endpoints {node.address}" for node in cluster.controllers),
        "   A new machine, in maintenance mode, gets its configuration instead:",
        f"   talosctl apply-config --insecure --nodes <address> --file {short(first.config)}",
        f"2. When {first.name} waits for it (state Preparing):",
        f"   talosctl service etcd --nodes {first.address} --endpoints {first.address}",
        "3. It starts etcd with the snapshot:",
        f"   talosctl bootstrap --recover-from={snapshot} --nodes {first.address} --endpoints {first.address}",
        f"4. {f'{etcd.names(others)} join by themselves. ' if others else ''}When all is well, Flux goes on from Git:",
        "   ./scripts/cluster-health-monitor.py --wait",
    )
