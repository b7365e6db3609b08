"""What a release or a Kustomization runs: which of it is not well, and what Kubernetes warned of."""

import re
from collections.abc import Callable, Iterable, Iterator

from lib.flux.graph import Graph, moment_of, parts_of
from lib.flux.names import Key, key_of
from lib.health.certificates import UNFILLED, of_certificate, of_secret
from lib.health.network import of_gateway
from lib.health.pods import of_job, of_pod, of_workload
from lib.health.problems import Problem
from lib.kube.kinds import (
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
from lib.kube.objects import Object, age_of, name_of, namespace_of
from lib.kube.snapshot import Snapshot

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
    """What is wrong with what an object of Flux has applied, pods before what should have made them."""
    applied = set(parts_of(item)) | set(_labelled(snapshot, item))
    pods: list[Problem] = []
    others: list[Problem] = []
    for kind, judge in JUDGES.items():
        for one in snapshot.of(kind):
            if key_of(one) in applied:
                others += judge(one)
                pods += (problem for pod in _pods_of(snapshot, one) for problem in of_pod(pod))
    for kind, what in UNFILLED.items():
        for one in snapshot.of(kind):
            if key_of(one) in applied:
                others += of_secret(kind, one, what)
    told = tuple(problem.subject for problem in pods)
    return pods + [
        problem
        for problem in others
        if not any(subject.startswith(f"Pod {problem.subject.partition(' ')[2]}-") for subject in told)
    ]


def _labelled(snapshot: Snapshot, item: Object) -> Iterator[Key]:
    """The workloads that carry a release's labels."""
    if item["kind"] == HELM_RELEASE.name:
        wanted = {f"{OF_RELEASE}/name": item["metadata"]["name"], f"{OF_RELEASE}/namespace": namespace_of(item)}
        for one in snapshot.of(*WORKLOADS):
            if wanted.items() <= (one["metadata"].get("labels") or {}).items():
                yield key_of(one)


def _pods_of(snapshot: Snapshot, workload: Object) -> Iterator[Object]:
    """The pods that are called after a workload."""
    if workload["kind"] != POD.name:
        for pod in snapshot.of(POD, namespace=namespace_of(workload)):
            if name_of(pod).startswith(f"{name_of(workload)}-"):
                yield pod


def warned(graph: Graph, item: Object, said: str) -> list[str]:
    """What Kubernetes warned of last about what an object of Flux applies, each thing once."""
    names = {key.name for key in parts_of(item) if key.kind not in (HELM_RELEASE.name,)}
    names |= {place for _, place in re.findall(r"(\w+)/([\w.-]+/\S+) status:", said)}
    about = [
        event
        for key, events in graph.events.items()
        for event in events
        if key not in graph.objects and (key.name in names or any(key.name.startswith(f"{name}-") for name in names))
    ]
    found: dict[str, str] = {}
    for event in sorted(about, key=moment_of, reverse=True):
        text = " ".join(str(event.get("message", "")).removeprefix("(combined from similar events): ").split())
        text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        # Each attempt has a pod of another name.
        same = re.sub(r"-[a-z0-9]{5,10}\b", "", text)
        found.setdefault(same, f"{age_of(moment_of(event))} ago: {event['involvedObject']['kind']}: {text}")
    return list(found.values())[:EVENTS]
