"""The first start of etcd, once in a cluster's life."""

from collections.abc import Container

from talos_flux.process import ToolError
from talos_flux.repository.settings import Inventory, Node
from talos_flux.talos.machines import Poller, ask
from talos_flux.terminal import done, step


def start_etcd(cluster: Inventory, new: Container[Node], patience: Poller) -> None:
    """Let exactly one controller start etcd, unless it runs; the others join it.

    A controller that ran before this command may hold etcd's data although it does not answer, and then refuses to
    start it anew. So one that is new starts it only when all are.
    """
    for node in cluster.controllers:
        try:
            ask(node.address, "etcd", "members")
        except ToolError:
            continue
        done(f"etcd runs on {node}.")
        return
    first = min(cluster.controllers, key=lambda node: node in new)

    def bootstrap() -> bool:
        try:
            ask(first.address, "bootstrap")
        except ToolError as failed:
            if "AlreadyExists" in failed.stderr or "not empty" in failed.stderr:
                return True
            raise
        return True

    step(f"Starting etcd on {first}")
    patience.until(f"the start of etcd on {first}", bootstrap)
    done(f"etcd starts on {first}.")
