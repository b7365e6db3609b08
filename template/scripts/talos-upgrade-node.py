#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Upgrade Talos on one node to the version in talos/versions.yaml, while every other node is well."""

import argparse

from lib import machines
from lib.cluster import Inventory, Node, inventory
from lib.process import run
from lib.terminal import Refusal, command, done, step


def refuse_unless_the_others_are_well(cluster: Inventory, upgraded: Node) -> None:
    """etcd survives the loss of one controller of three, so one node at a time."""
    for node in cluster.nodes:
        if node == upgraded:
            continue
        try:
            machine = machines.inspect(node.address)
        except Refusal as refusal:
            raise Refusal(f"{node} is not well, so {upgraded} stays as it is: {refusal}") from None
        if machine.maintenance or machine.stage != "running" or not machine.ready:
            raise Refusal(
                f"{node} is not ready (stage {machine.stage}), so {upgraded} stays as it is: "
                "upgrade one node at a time."
            )


def main() -> None:
    """Talos keeps the old system, and boots it again when the new one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="IP address of the node")
    arguments, more = parser.parse_known_args()
    cluster = inventory()
    node = cluster.at(arguments.address)
    refuse_unless_the_others_are_well(cluster, node)
    step(f"Upgrading {node} to {node.image}")
    run(
        "talosctl", "upgrade", "--nodes", node.address, "--endpoints", node.address, "--image", node.image, *more,
        show=True,
    )  # fmt: skip
    done(f"{node} is upgraded.")


if __name__ == "__main__":
    command(main)
