"""Adds one more node to a running cluster, or puts one in the place of another."""

import asyncio
from collections.abc import Iterator

from talos_flux import kubectl
from talos_flux.errors import UserError
from talos_flux.kube.accessors import Object, is_true, spec_of
from talos_flux.kube.client import connected
from talos_flux.kube.kinds import LONGHORN_REPLICA, VOLUME
from talos_flux.kube.snapshot import Snapshot, take
from talos_flux.repository.settings import Inventory, Node
from talos_flux.talos import config, etcd, machines, node_install
from talos_flux.talos.etcd import EtcdStatus, Member
from talos_flux.talos.machines import Machine, Poller
from talos_flux.terminal import confirm, done, step


def refuse_unless_there_is_a_cluster(cluster: Inventory, node: Node) -> EtcdStatus:
    """Return etcd's status; UserError when it has no quorum, since then nobody can join or be removed.

    Raise UserError also when the rendered configurations are stale, or etcd's state is unknown.
    """
    if problem := config.why_the_rendered_configs_are_stale(cluster):
        raise UserError(problem)
    state = etcd.look(cluster)
    if state.silence:
        raise UserError(f"{node} can't join, since nobody knows how etcd is: {state.silence}.")
    if state.spare < 0:
        raise UserError(
            f"etcd has no quorum, {state.quorum} of {state.voters} must agree, so {node} can't join: the first nodes "
            "are for `task bootstrap:talos`, and a quorum that is lost for good is for `task etcd:restore`."
        )
    return state


def look_at_its_machine(cluster: Inventory, node: Node) -> Machine:
    """Return the machine at the node's address; UserError when none answers, or it does not fit."""
    inspected = node_install.look_at([node])
    machines.refuse_unless_it_fits(node, inspected[node])
    return inspected[node]


def confirm_the_disk(node: Node, machine: Machine, *, yes: bool) -> None:
    """Name the disk that is wiped, and ask. A node that already runs this cluster needs no confirmation."""
    if not machine.maintenance:
        done(f"{node} runs this cluster.")
        return
    [wiped] = node_install.disks_to_wipe({node: machine})
    confirm(f"Everything on this disk will be lost: {wiped}. Install Talos there?", yes=yes)


def losses(node: Node) -> str:
    """Return sentences about what is lost with the old machine's disk."""
    snapshot = asyncio.run(_volumes())
    lost = sorted(_claims_on(snapshot, node))
    named = f" The data of {len(lost)} claims is there and nowhere else: {', '.join(lost)}." if lost else ""
    if reason := next(iter(snapshot.denied.values()), ""):
        named += f" It may be more, since {reason}."
    return (
        f"{node} is removed{' from etcd and' if node.controller else ''} from Kubernetes, and a new machine takes its "
        f"place. What was on its disk is lost.{named}"
    )


async def _volumes() -> Snapshot:
    async with connected() as client:
        return await take(client, (VOLUME, LONGHORN_REPLICA))


def _claims_on(snapshot: Snapshot, node: Node) -> Iterator[str]:
    """Yield the claims whose only copy is on a node: volumes bound to it, and Longhorn's with one replica."""
    replicas: dict[str, set[str]] = {}
    for replica in snapshot.of(LONGHORN_REPLICA):
        spec = spec_of(replica)
        # A failed replica holds no data.
        if not spec.get("failedAt"):
            replicas.setdefault(str(spec.get("volumeName")), set()).add(str(spec.get("nodeID")))
    for volume in snapshot.of(VOLUME):
        claim = spec_of(volume).get("claimRef") or {}
        if node.name in _only_nodes(volume) or replicas.get(str(volume["metadata"]["name"])) == {node.name}:
            yield f"{claim.get('namespace', '')}/{claim.get('name', volume['metadata']['name'])}"


def _only_nodes(volume: Object) -> set[str]:
    """Return the names of the nodes to which a volume is bound."""
    terms = ((spec_of(volume).get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or []
    return {
        value
        for term in terms
        for key in ("matchExpressions", "matchFields")
        for expression in term.get(key) or []
        if expression["key"] in ("kubernetes.io/hostname", "metadata.name") and expression["operator"] == "In"
        for value in expression.get("values") or []
    }


def remove_member(state: EtcdStatus, node: Node, member: Member) -> None:
    """Remove a dead member from etcd, through a healthy one."""
    by = next(healthy for healthy in state.healthy if healthy != node)
    machines.ask(by.address, "etcd", "remove-member", member.id)


def remove_node(node: Node) -> None:
    """Remove a dead node from Kubernetes; its pods are scheduled elsewhere."""
    kubectl.delete("node", "", [node.name], timeout=60)


def join(cluster: Inventory, node: Node, machine: Machine, minutes: float) -> None:
    """Install a node, and wait until it is Ready and, as a controller, votes in etcd."""
    patience = Poller(minutes)
    if machine.maintenance:
        node_install.install([node], patience)

    def is_ready() -> bool:
        if not is_true(kubectl.get("node", "", node.name)):
            patience.last = "its kubelet does not say that it is"
            return False
        patience.last = "its etcd does not vote yet"
        return not node.controller or node in etcd.look(cluster).healthy

    step(f"Waiting for {node} to be Ready")
    patience.until(f"the readiness of {node}", is_ready)
    done(f"{node} is Ready{' and votes in etcd' if node.controller else ''}.")
