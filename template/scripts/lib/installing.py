"""From a machine in maintenance mode to a node of this cluster."""

from collections.abc import Iterable
from functools import partial

from lib import machines
from lib.cluster import Inventory, Node, short
from lib.machines import Machine, Patience, ask
from lib.process import KUBECONFIG, ToolFailed, write_private
from lib.refusal import Refusal
from lib.terminal import done, step, warn

# Another controller may answer when one does not.
ANSWER_SECONDS = 10


def look_at(nodes: Iterable[Node]) -> dict[Node, Machine]:
    """Show what every node is made of; Refusal when one does not answer."""
    found = {}
    for node in nodes:
        try:
            found[node] = machines.inspect(node.address)
        except Refusal as refusal:
            raise Refusal(f"{node}: {refusal}") from None
        machines.show(str(node), found[node])
    return found


def disks_to_wipe(found: dict[Node, Machine]) -> list[str]:
    """The disk of each node that is to be installed, in words; Refusal when a machine does not fit."""
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


def install(new: Iterable[Node], patience: Patience) -> None:
    """Give nodes in maintenance mode their configuration, then wait until they have installed themselves."""
    nodes = list(new)
    for node in nodes:
        ask(node.address, "apply-config", "--file", str(node.config), insecure=True)
        done(f"{node} has its configuration.")
    for node in nodes:
        step(f"Waiting for {node} to install Talos and start")
        patience.until(f"the start of {node}", partial(runs_this_cluster, node))


def runs_this_cluster(node: Node) -> bool:
    """Only a node with this cluster's configuration answers to its keys."""
    return bool(ask(node.address, "get", "machinestatus"))


def fetch_kubeconfig(cluster: Inventory, patience: Patience, renews: str) -> None:
    """kubeconfig, which Git ignores, from the first controller that gives it. `renews` is the task that does so."""

    def fetch() -> bool:
        *others, last = cluster.controllers
        for node in others:
            try:
                return _written(node)
            except ToolFailed:
                continue
        return _written(last)

    patience.until("an answer with the kubeconfig", fetch)
    done(f"{short(KUBECONFIG)} is for kubectl; it is valid for a year, `{renews}` renews it.")


def _written(node: Node) -> bool:
    write_private(KUBECONFIG, ask(node.address, "kubeconfig", "-", "--merge=false", timeout=ANSWER_SECONDS))
    return True
