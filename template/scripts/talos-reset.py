#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Wipe the cluster, or one node of it, back to maintenance mode."""

import argparse

from lib import machines, talos
from lib.cluster import Inventory, Node, inventory
from lib.process import ToolFailed, run
from lib.terminal import Refusal, command, confirm_by_name, done, warn

PARTITIONS = ("STATE", "EPHEMERAL")


def losses(cluster: Inventory, nodes: list[Node]) -> str:
    """What a reset loses, in words."""
    names = ", ".join(str(node) for node in nodes)
    if len(nodes) < len(cluster.nodes):
        return f"{names} loses its configuration, its images and every volume that is kept on its disk."
    return (
        f"The whole cluster {cluster.cluster} ({names}) is lost: etcd and with it every object of Kubernetes, "
        "every volume on the nodes' disks, every configuration. Only what is in Git and in backups comes back."
    )


def reset(node: Node, *, graceful: bool) -> None:
    """A node that is alone in the world can't leave its cluster gracefully."""
    wipe = [word for label in PARTITIONS for word in ("--system-labels-to-wipe", label)]
    run(
        "talosctl", "reset", "--nodes", node.address, "--endpoints", node.address, f"--graceful={graceful}".lower(),
        "--reboot", "--wait=false", *wipe,
    )  # fmt: skip


def main() -> None:
    """Workers first: a controller is needed until the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ip", help="only this node")
    parser.add_argument("--yes", action="store_true", help="reset without asking")
    arguments = parser.parse_args()
    talos.refuse_without_talosconfig()
    cluster = inventory()
    # An empty address is somebody's unset variable, and never the whole cluster.
    workers_first = sorted(cluster.nodes, key=lambda node: node.controller)
    nodes = workers_first if arguments.ip is None else [cluster.at(arguments.ip)]
    whole = len(nodes) == len(cluster.nodes)
    confirm_by_name(losses(cluster, nodes), cluster.cluster if whole else nodes[0].name, yes=arguments.yes)
    left = []
    for node in nodes:
        try:
            reset(node, graceful=not whole)
            done(f"{node} wipes itself and boots into maintenance mode.")
        except ToolFailed as failed:
            if machines.waits_for_a_configuration(node.address):
                done(f"{node} is in maintenance mode already.")
                continue
            left.append(node)
            warn(f"{node} is as it was: {failed}")
    if left:
        raise Refusal(f"{len(left)} of {len(nodes)} nodes did not take the reset: run it again with IP=<address>.")


if __name__ == "__main__":
    command(main)
