"""talos-flux talos reset: wipe the cluster, or one node of it."""

from collections.abc import Sequence

import click

from talos_flux.cli.commands import subcommand
from talos_flux.errors import UserError
from talos_flux.process import ToolError, run
from talos_flux.repository.settings import Inventory, Node, inventory
from talos_flux.talos import config, machines
from talos_flux.terminal import confirm_by_name, done, warn

PARTITIONS = ("STATE", "EPHEMERAL")


@subcommand()
@click.option("--ip", "address", metavar="ADDRESS", help="Reset only the node with this IP address.")
@click.option("--yes", is_flag=True, help="Reset without asking.")
def command(address: str | None, *, yes: bool) -> None:
    """Wipe the cluster, or one node of it.

    A node that is wiped boots into maintenance mode. What is lost is named first. Workers are wiped before
    controllers, which are needed until the end.
    """
    config.refuse_without_talosconfig()
    cluster = inventory()
    # An empty address comes from an unset variable, and must never mean the whole cluster.
    workers_first = sorted(cluster.nodes, key=lambda node: node.controller)
    nodes = workers_first if address is None else [cluster.at(address)]
    whole = len(nodes) == len(cluster.nodes)
    confirm_by_name(losses(cluster, nodes), cluster.cluster if whole else nodes[0].name, yes=yes)
    left = []
    for node in nodes:
        try:
            reset(node, graceful=not whole)
            done(f"{node} wipes itself and boots into maintenance mode.")
        except ToolError as failed:
            if machines.waits_for_a_configuration(node.address):
                done(f"{node} is in maintenance mode already.")
                continue
            left.append(node)
            warn(f"{node} is as it was: {failed}")
    if left:
        raise UserError(f"{len(left)} of {len(nodes)} nodes did not take the reset: run it again with IP=<address>.")


def losses(cluster: Inventory, nodes: Sequence[Node]) -> str:
    """Return in words what a reset loses."""
    names = ", ".join(str(node) for node in nodes)
    if len(nodes) < len(cluster.nodes):
        return f"{names} loses its configuration, its images and every volume that is kept on its disk."
    return (
        f"The whole cluster {cluster.cluster} ({names}) is lost: etcd and with it every object of Kubernetes, "
        "every volume on the nodes' disks, every configuration. Only what is in Git and in backups comes back."
    )


def reset(node: Node, *, graceful: bool) -> None:
    """Reset a node; a node that is alone can't leave its cluster gracefully."""
    wipe = [word for label in PARTITIONS for word in ("--system-labels-to-wipe", label)]
    run(
        "talosctl", "reset", "--nodes", node.address, "--endpoints", node.address, f"--graceful={graceful}".lower(),
        "--reboot", "--wait=false", *wipe,
    )  # fmt: skip
