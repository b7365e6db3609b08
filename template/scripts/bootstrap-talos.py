#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Install Talos on every node and start Kubernetes. Nodes that already run this cluster are left alone."""

import argparse

from lib import readiness, talos
from lib.cluster import Inventory, Node, inventory
from lib.installing import disks_to_wipe, fetch_kubeconfig, install, look_at
from lib.machines import Patience, ask
from lib.process import ToolFailed
from lib.terminal import Refusal, command, confirm, done, step


def start_etcd(cluster: Inventory, new: set[Node], patience: Patience) -> None:
    """Exactly one controller starts etcd, once in the cluster's life; the others join it.

    A controller that ran before this command may hold etcd's data although it does not answer, and then refuses to
    start it anew. So one that is new starts it only when all are.
    """
    for node in cluster.controllers:
        try:
            ask(node.address, "etcd", "members")
        except ToolFailed:
            continue
        done(f"etcd runs on {node}.")
        return
    first = min(cluster.controllers, key=lambda node: node in new)

    def bootstrap() -> bool:
        try:
            ask(first.address, "bootstrap")
        except ToolFailed as failed:
            if "AlreadyExists" in failed.said or "not empty" in failed.said:
                return True
            raise
        return True

    step(f"Starting etcd on {first}")
    patience.until(f"the start of etcd on {first}", bootstrap)
    done(f"etcd starts on {first}.")


def main() -> None:
    """Look, ask once, then go; what an interrupted run has done is found done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yes", action="store_true", help="wipe the disks without asking")
    parser.add_argument("--timeout", type=float, default=20, metavar="MINUTES", help="how long one step may take")
    arguments = parser.parse_args()
    readiness.refuse_unless_ready(readiness.BEFORE_BOOTSTRAP)
    cluster = inventory()
    if problem := talos.why_the_rendered_configs_are_stale(cluster):
        raise Refusal(problem)
    found = look_at(cluster.nodes)
    new = [node for node, machine in found.items() if machine.maintenance]
    if wiped := disks_to_wipe(found):
        confirm(f"Everything on these disks will be lost: {'; '.join(wiped)}. Install Talos there?", yes=arguments.yes)
    else:
        done("Every node already runs this cluster.")
    patience = Patience(arguments.timeout)
    install(new, patience)
    start_etcd(cluster, set(new), patience)
    fetch_kubeconfig(cluster, patience, "task kubeconfig")
    done("Next: `task bootstrap:apps`. Nodes become Ready only then, with the network.")


if __name__ == "__main__":
    command(main)
