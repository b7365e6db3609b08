"""Problems of what a HelmRelease or a Kustomization has applied, and the warning events about it."""

import re
from collections.abc import Callable, Iterable, Iterator

from talos_flux.diagnose.flux.dependency_graph import Graph, moment_of, parts_of
from talos_flux.diagnose.flux.names import ObjectKey, key_of
from talos_flux.diagnose.operator_problems import UNFILLED, of_certificate, of_gateway, of_secret
from talos_flux.diagnose.pod_problems import of_job, of_pod, of_workload
from talos_flux.diagnose.problem import Problem
from talos_flux.kube.accessors import Object, age_of, namespace_of, selects
from talos_flux.kube.kinds import (
    CERTIFICATE,
    DAEMON_SET,
    DEPLOYMENT,
    GATEWAY,
    HELM_RELEASE,
    JOB,
    POD,
    STATEFUL_SET,
    Kind,
)
from talos_flux.kube.snapshot import Snapshot

WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB)
OF_RELEASE = "helm.toolkit.fluxcd.io"
EVENTS = 3
LONGEST = 240

JUDGES: dict[Kind, Callable[[Object], Iterable[Problem]]] = {
    DEPLOYMENT: of_workload,
    STATEFUL_SET: of_workload,
    DAEMON_SET: of_workload,
    JOB: of_job,
    POD: of_pod,
    CERTIFICATE: of_certificate,
    GATEWAY: of_gateway,
}
KINDS = (*JUDGES, *UNFILLED)


def unwell(snapshot: Snapshot, item: Object) -> list[Problem]:
    """Return the problems of what a Flux object has applied, those of pods before those of their workloads."""
    applied = set(parts_of(item)) | set(_labelled(snapshot, item))
    pods: list[Problem] = []
    others: list[Problem] = []
    for kind, judge in JUDGES.items():
        for object_ in snapshot.of(kind):
            if key_of(object_) in applied:
                of_its_pods = [problem for pod in _pods_of(snapshot, object_) for problem in of_pod(pod)]
                pods += of_its_pods
                others += () if of_its_pods else judge(object_)
    for kind, failure in UNFILLED.items():
        for object_ in snapshot.of(kind):
            if key_of(object_) in applied:
                others += of_secret(kind, object_, failure)
    return pods + others


def _labelled(snapshot: Snapshot, item: Object) -> Iterator[ObjectKey]:
    """Yield the workloads that carry a release's labels."""
    if item["kind"] == HELM_RELEASE.name:
        wanted = {f"{OF_RELEASE}/name": item["metadata"]["name"], f"{OF_RELEASE}/namespace": namespace_of(item)}
        for workload in snapshot.of(*WORKLOADS):
            if wanted.items() <= (workload["metadata"].get("labels") or {}).items():
                yield key_of(workload)


def _pods_of(snapshot: Snapshot, workload: Object) -> Iterator[Object]:
    """Yield the pods that a workload's selector matches."""
    return (pod for pod in snapshot.of(POD, namespace=namespace_of(workload)) if selects(workload, pod))


def warned(graph: Graph, item: Object, message: str) -> list[str]:
    """Return the last warnings of Kubernetes about what a Flux object applies, each text once."""
    names = {key.name for key in parts_of(item) if key.kind not in (HELM_RELEASE.name,)}
    names |= {name for _, name in re.findall(r"(\w+)/([\w.-]+/\S+) status:", message)}
    about = [
        event
        for key, events in graph.events.items()
        for event in events
        if key not in graph.objects and (key.name in names or any(key.name.startswith(f"{name}-") for name in names))
    ]
    texts: dict[str, str] = {}
    for event in sorted(about, key=moment_of, reverse=True):
        text = " ".join(str(event.get("message", "")).removeprefix("(combined from similar events): ").split())
        text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        # Each attempt has a pod of another name, so that the same warning differs in it.
        same = re.sub(r"-[a-z0-9]{5,10}\b", "", text)
        texts.setdefault(same, f"{age_of(moment_of(event))} ago: {event['involvedObject']['kind']}: {text}")
    return list(texts.values())[:EVENTS]
