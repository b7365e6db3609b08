"""One more node for a cluster that runs, or one in the place of another."""

import asyncio
from collections.abc import Iterator

from lib import etcd, installing, machines, talos
from lib.cluster import Inventory, Node
from lib.etcd import Member, State
from lib.kube.client import connected
from lib.kube.kinds import LONGHORN_REPLICA, VOLUME
from lib.kube.objects import Object, spec_of
from lib.kube.snapshot import Snapshot, take
from lib.machines import Machine, Patience
from lib.process import run
from lib.refusal import Refusal
from lib.terminal import confirm, done, step


def refuse_unless_there_is_a_cluster(cluster: Inventory, node: Node) -> State:
    """What etcd says; Refusal when it has no quorum without this node, since then nobody can join or be removed."""
    if problem := talos.why_the_rendered_configs_are_stale(cluster):
        raise Refusal(problem)
    state = etcd.look(cluster)
    if state.silence:
        raise Refusal(f"{node} can't join, since nobody knows how etcd is: {state.silence}.")
    if state.spare < 0:
        raise Refusal(
            f"etcd has no quorum, {state.quorum} of {state.voters} must agree, so {node} can't join: the first nodes "
            "are for `task bootstrap:talos`, and a quorum that is lost for good is for `task etcd:restore`."
        )
    return state


def look_at_its_machine(cluster: Inventory, node: Node) -> Machine:
    """What is at the node's address; Refusal when it is no machine that fits."""
    found = installing.look_at([node])
    machines.refuse_unless_it_fits(node, found[node])
    return found[node]


def confirm_the_disk(node: Node, machine: Machine, *, yes: bool) -> None:
    """Name what is wiped, and ask."""
    if not machine.maintenance:
        done(f"{node} runs this cluster.")
        return
    [wiped] = installing.disks_to_wipe({node: machine})
    confirm(f"Everything on this disk will be lost: {wiped}. Install Talos there?", yes=yes)


def losses(node: Node) -> str:
    """What is lost with the old machine's disk, in words."""
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
    """The claims whose only copy is on a node: volumes that can't be elsewhere, and Longhorn's with one replica."""
    replicas: dict[str, set[str]] = {}
    for replica in snapshot.of(LONGHORN_REPLICA):
        spec = spec_of(replica)
        # One that has failed holds nothing.
        if not spec.get("failedAt"):
            replicas.setdefault(str(spec.get("volumeName")), set()).add(str(spec.get("nodeID")))
    for volume in snapshot.of(VOLUME):
        claim = spec_of(volume).get("claimRef") or {}
        if node.name in _only_nodes(volume) or replicas.get(str(volume["metadata"]["name"])) == {node.name}:
            yield f"{claim.get('namespace', '')}/{claim.get('name', volume['metadata']['name'])}"


def _only_nodes(volume: Object) -> set[str]:
    """The nodes by whose names a volume is bound to them."""
    terms = ((spec_of(volume).get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or []
    return {
        value
        for term in terms
        for key in ("matchExpressions", "matchFields")
        for one in term.get(key) or []
        if one["key"] in ("kubernetes.io/hostname", "metadata.name") and one["operator"] == "In"
        for value in one.get("values") or []
    }


def remove_member(state: State, node: Node, member: Member) -> None:
    """Take a dead member out of etcd, by way of one that is well."""
    by = next(one for one in state.healthy if one != node)
    machines.ask(by.address, "etcd", "remove-member", member.id)


def remove_node(node: Node) -> None:
    """Take a dead node out of Kubernetes; its pods go elsewhere."""
    run("kubectl", "delete", "node", node.name, "--ignore-not-found", "--timeout=60s", timeout=90)


def join(cluster: Inventory, node: Node, machine: Machine, minutes: float) -> None:
    """Install a node, and wait until it is Ready and, as a controller, votes in etcd."""
    patience = Patience(minutes)
    if machine.maintenance:
        installing.install([node], patience)

    def is_ready() -> bool:
        condition = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
        said = run("kubectl", "get", "node", node.name, "--output", condition, timeout=30)
        if said != "True":
            patience.last = "its kubelet does not say that it is"
            return False
        patience.last = "its etcd does not vote yet"
        return not node.controller or node in etcd.look(cluster).healthy

    step(f"Waiting for {node} to be Ready")
    patience.until(f"the readiness of {node}", is_ready)
    done(f"{node} is Ready{' and votes in etcd' if node.controller else ''}.")
