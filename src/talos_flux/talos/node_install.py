"""Turns machines in maintenance mode into nodes of this cluster."""

from collections.abc import Iterable
from functools import partial

from talos_flux import kubectl
from talos_flux.errors import UserError
from talos_flux.paths import KUBECONFIG
from talos_flux.process import ToolError, write_private
from talos_flux.repository.settings import Inventory, Node, short
from talos_flux.talos import encryption, machines
from talos_flux.talos.machines import Machine, Poller, ask
from talos_flux.terminal import done, step, warn

# Another controller may answer when one does not.
ANSWER_SECONDS = 10


def look_at(nodes: Iterable[Node]) -> dict[Node, Machine]:
    """Show what every node is made of; UserError when one does not answer, or can't seal its disks as it is to."""
    inspected = {}
    for node in nodes:
        try:
            inspected[node] = machines.inspect(node.address)
        except UserError as refusal:
            raise UserError(f"{node}: {refusal}") from None
        machines.show(str(node), inspected[node])
        if inspected[node].maintenance:
            encryption.refuse_to_install_without_secure_boot(node)
    return inspected


def disks_to_wipe(inspected: dict[Node, Machine]) -> list[str]:
    """Return a text for the disk of each node that is to be installed; UserError when a machine does not fit."""
    wiped = []
    for node, machine in inspected.items():
        disk = machines.refuse_unless_it_fits(node, machine)
        for link in machine.links:
            if link.name in machines.requirements_of(node).links and not link.up:
                warn(f"link {link.name} of {node} is down: is the cable plugged in?")
        if machine.maintenance:
            expression = machines.requirements_of(node).disk
            wiped.append(f"{disk or f'the disk that Talos finds by {expression}'} of {node}")
    return wiped


def install(new: Iterable[Node], patience: Poller) -> None:
    """Give nodes in maintenance mode their configuration, then wait until they have installed themselves."""
    nodes = list(new)
    for node in nodes:
        ask(node.address, "apply-config", "--file", str(node.config), insecure=True)
        done(f"{node} has its configuration.")
    for node in nodes:
        step(f"Waiting for {node} to install Talos and start")
        patience.until(f"the start of {node}", partial(runs_this_cluster, node))


def runs_this_cluster(node: Node) -> bool:
    """Return whether a node has this cluster's configuration: only then does it answer to its keys."""
    return bool(ask(node.address, "get", "machinestatus"))


def wait_until_registered(nodes: Iterable[Node], patience: Poller) -> None:
    """Wait for the nodes to be known to Kubernetes; they are before they are Ready, which takes a network."""
    wanted = {node.name for node in nodes}

    def all_are_there() -> bool:
        missing = wanted - {node["metadata"]["name"] for node in kubectl.listed("nodes", "")}
        patience.last = f"{', '.join(sorted(missing))} has not registered"
        return not missing

    step("Waiting for the nodes to register")
    patience.until("the registration of every node", all_are_there)
    done(f"The nodes are registered: {', '.join(sorted(wanted))}.")


def fetch_kubeconfig(cluster: Inventory, patience: Poller, renews: str) -> None:
    """Write the kubeconfig, which Git ignores, from the first controller that gives it.

    `renews` is the task that does so again.
    """

    def fetch() -> bool:
        *others, last = cluster.controllers
        for node in others:
            try:
                return _written(node)
            except ToolError:
                continue
        return _written(last)

    patience.until("an answer with the kubeconfig", fetch)
    done(f"{short(KUBECONFIG)} is for kubectl; it is valid for a year, `{renews}` renews it.")


def _written(node: Node) -> bool:
    write_private(KUBECONFIG, ask(node.address, "kubeconfig", "-", "--merge=false", timeout=ANSWER_SECONDS))
    return True
