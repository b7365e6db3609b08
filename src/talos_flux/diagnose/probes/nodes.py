"""The check of the nodes as Kubernetes sees them."""

from collections.abc import Collection, Iterator

from talos_flux.diagnose.problem import CheckResult, Level, Problem
from talos_flux.kube.accessors import Object, age_of, condition_of, spec_of, status_of
from talos_flux.kube.kinds import NODE
from talos_flux.kube.snapshot import Snapshot

# The conditions that a kubelet reports of its machine, each with our text; False is healthy.
PRESSURES = {
    "MemoryPressure": "is short of memory, so it evicts pods and takes no new ones without requests",
    "DiskPressure": "is short of disk space, so it evicts pods and deletes images",
    "PIDPressure": "is short of process ids, so it evicts pods",
    "NetworkUnavailable": "has no network for pods",
}


def nodes(snapshot: Snapshot, expected: Collection[str]) -> CheckResult:
    """Check every node, and that those of the repository, `expected`, are in the cluster."""
    items = list(snapshot.of(NODE))
    # Where nodes can't be listed, none counts as missing.
    missing = set(expected) - {str(node["metadata"]["name"]) for node in items} if NODE in snapshot.objects else ()
    problems = [problem for node in items for problem in of_node(node)]
    problems += [
        Problem(
            Level.CRITICAL, f"Node {name}", "is in talos/inventory.yaml and not in the cluster",
            command=f"talosctl --nodes {name} dmesg",
        )
        for name in sorted(missing)
    ]  # fmt: skip
    versions = {str((status_of(node).get("nodeInfo") or {}).get("kubeletVersion") or "unknown") for node in items}
    return CheckResult(
        "nodes", f"{len(items)} nodes, Kubernetes {', '.join(sorted(versions)) or 'unknown'}", tuple(problems)
    )


def of_node(node: Object) -> Iterator[Problem]:
    """Yield the problems of one node."""
    name = str(node["metadata"]["name"])
    subject, command = f"Node {name}", f"kubectl describe node {name}"
    ready = condition_of(node)
    if ready.get("status") != "True":
        since = age_of(ready.get("lastTransitionTime"))
        message = str(ready.get("message") or "its kubelet has not reported yet").rstrip(".")
        text = f"is not ready{f' since {since}' if since else ''}: {message}"
        yield Problem(Level.CRITICAL, subject, text, command=f"talosctl --nodes {name} dmesg")
    for kind, text in PRESSURES.items():
        if condition_of(node, kind).get("status") == "True":
            yield Problem(Level.WARNING, subject, text, command=command)
    if spec_of(node).get("unschedulable"):
        command = f"kubectl uncordon {name}"
        yield Problem(Level.WARNING, subject, "is cordoned: new pods go elsewhere", command=command)
