"""The machines as Kubernetes sees them."""

from collections.abc import Collection, Iterator

from lib.health.problems import Level, Part, Problem
from lib.kube.kinds import NODE
from lib.kube.objects import Object, age_of, condition_of, spec_of, status_of
from lib.kube.snapshot import Snapshot

# What a kubelet reports of its machine, each in words; all but Ready are well when they are False.
PRESSURES = {
    "MemoryPressure": "is short of memory, so it evicts pods and takes no new ones without requests",
    "DiskPressure": "is short of disk space, so it evicts pods and deletes images",
    "PIDPressure": "is short of process ids, so it evicts pods",
    "NetworkUnavailable": "has no network for pods",
}


def nodes(snapshot: Snapshot, expected: Collection[str]) -> Part:
    """Every node, and those that the repository names and the cluster does not have."""
    here = list(snapshot.of(NODE))
    # Where nodes can't be looked at, none is missing.
    missing = set(expected) - {str(node["metadata"]["name"]) for node in here} if NODE in snapshot.objects else ()
    problems = [problem for node in here for problem in of_node(node)]
    problems += [
        Problem(
            Level.CRITICAL, f"Node {name}", "is in talos/inventory.yaml and not in the cluster",
            command=f"talosctl --nodes {name} dmesg",
        )
        for name in sorted(missing)
    ]  # fmt: skip
    said = {str((status_of(node).get("nodeInfo") or {}).get("kubeletVersion") or "unknown") for node in here}
    return Part("nodes", f"{len(here)} nodes, Kubernetes {', '.join(sorted(said)) or 'unknown'}", tuple(problems))


def of_node(node: Object) -> Iterator[Problem]:
    """What is wrong with one."""
    name = str(node["metadata"]["name"])
    subject, command = f"Node {name}", f"kubectl describe node {name}"
    ready = condition_of(node)
    if ready.get("status") != "True":
        since = age_of(ready.get("lastTransitionTime"))
        said = str(ready.get("message") or "its kubelet has not reported yet").rstrip(".")
        text = f"is not ready{f' since {since}' if since else ''}: {said}"
        yield Problem(Level.CRITICAL, subject, text, command=f"talosctl --nodes {name} dmesg")
    for kind, text in PRESSURES.items():
        if condition_of(node, kind).get("status") == "True":
            yield Problem(Level.WARNING, subject, text, command=command)
    if spec_of(node).get("unschedulable"):
        command = f"kubectl uncordon {name}"
        yield Problem(Level.WARNING, subject, "is cordoned: new pods go elsewhere", command=command)
