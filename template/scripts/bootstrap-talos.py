#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Install Talos on every node and start Kubernetes. Nodes that already run this cluster are left alone."""

import argparse
from functools import partial

from lib import machines, readiness, talos
from lib.cluster import Inventory, Node, inventory, short
from lib.machines import Machine, Patience, ask
from lib.process import KUBECONFIG, ToolFailed, write_private
from lib.terminal import Refusal, command, confirm, done, step, warn


def look_at(cluster: Inventory) -> dict[Node, Machine]:
    """Show what every node is made of; refuse before anything changes when one does not fit."""
    found = {}
    for node in cluster.nodes:
        try:
            found[node] = machines.inspect(node.address)
        except Refusal as refusal:
            raise Refusal(f"{node}: {refusal}") from None
        machines.show(str(node), found[node])
    return found


def disks_to_wipe(found: dict[Node, Machine]) -> list[str]:
    """The disk of each node that is to be installed, in words."""
    wiped = []
    for node, machine in found.items():
        disk = machines.refuse_unless_it_fits(node, machine)
        for link in machine.links:
            if link.name in machines.wishes(node).links and not link.up:
                warn(f"link {link.name} of {node} is down: is the cable plugged in?")
        if machine.maintenance:
            expression = machines.wishes(node).disk
            wiped.append(f"{disk or f'the disk that Talos finds by {expression}'} of {node}")
    return wiped


def install(found: dict[Node, Machine], patience: Patience) -> None:
    """Give every node in maintenance mode its configuration, then wait until it has installed itself."""
    new = [node for node, machine in found.items() if machine.maintenance]
    for node in new:
        ask(node.address, "apply-config", "--file", str(node.config), insecure=True)
        done(f"{node} has its configuration.")
    for node in new:
        step(f"Waiting for {node} to install Talos and start")
        patience.until(f"the start of {node}", partial(runs_this_cluster, node))


def runs_this_cluster(node: Node) -> bool:
    """Only a node with this cluster's configuration answers to its keys."""
    return bool(ask(node.address, "get", "machinestatus"))


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


def fetch_kubeconfig(cluster: Inventory, patience: Patience) -> None:
    """kubeconfig, which Git ignores."""
    address = cluster.controllers[0].address

    def fetch() -> bool:
        write_private(KUBECONFIG, ask(address, "kubeconfig", "-", "--merge=false"))
        return True

    patience.until("an answer with the kubeconfig", fetch)
    done(f"{short(KUBECONFIG)} is for kubectl; it is valid for a year, `task bootstrap:talos` renews it.")


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
    found = look_at(cluster)
    if wiped := disks_to_wipe(found):
        confirm(f"Everything on these disks will be lost: {'; '.join(wiped)}. Install Talos there?", yes=arguments.yes)
    else:
        done("Every node already runs this cluster.")
    patience = Patience(arguments.timeout)
    install(found, patience)
    start_etcd(cluster, {node for node, machine in found.items() if machine.maintenance}, patience)
    fetch_kubeconfig(cluster, patience)
    done("Next: `task bootstrap:apps`. Nodes become Ready only then, with the network.")


if __name__ == "__main__":
    command(main)
