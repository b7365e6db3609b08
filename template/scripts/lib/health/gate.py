"""Whether a node may be taken away now, be it for an upgrade or for good: what else would break."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lib.arguments import FAILED
from lib.cluster import Inventory, Node, version_of
from lib.health.etcd import Etcd
from lib.health.nodes import nodes
from lib.health.pods import pods
from lib.health.problems import Level, Part, Problem
from lib.health.report import MARKS, Report
from lib.health.unknown import unknown
from lib.kube.kinds import DAEMON_SET, DEPLOYMENT, JOB, LONGHORN_VOLUME, NODE, POD, STATEFUL_SET, Kind
from lib.kube.objects import is_observed, is_true, name_of, spec_of, status_of
from lib.kube.snapshot import Snapshot

KINDS = (NODE, POD, DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, LONGHORN_VOLUME)
VERSIONS = "versions"
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
# What apps need from any node, so that it must be whole before one goes.
VITAL: tuple[tuple[Kind, str], ...] = (
    (DAEMON_SET, "kube-system/cilium"),
    (DEPLOYMENT, "kube-system/cilium-operator"),
    (DEPLOYMENT, "kube-system/coredns"),
    (DEPLOYMENT, "flux-system/source-controller"),
    (DEPLOYMENT, "flux-system/kustomize-controller"),
    (DEPLOYMENT, "flux-system/helm-controller"),
)


class Verdict(Report):
    """A report that ends in one sentence about upgrades. `kubernetes` are the versions that run."""

    kubernetes: frozenset[str] = frozenset()

    @property
    def open(self) -> bool:
        """Whether a node may go."""
        return self.level < Level.CRITICAL and not self.unknown

    @property
    def wrong(self) -> list[str]:
        """What keeps it shut, the most important first."""
        critical = [str(one) for part in self.parts for one in part.problems if one.level == Level.CRITICAL]
        return [*critical, *self.unknown]

    @property
    def warnings(self) -> list[str]:
        """What does not keep it shut; that versions differ is no news to an upgrade."""
        problems = (one for part in self.parts if part.name != VERSIONS for one in part.problems)
        return [str(one) for one in problems if one.level == Level.WARNING]

    @property
    def code(self) -> int:
        """The exit code."""
        return FAILED if self.unknown else int(self.level)

    @property
    def verdict(self) -> str:
        """One line, as rich marks it up."""
        if self.open:
            warnings = " in spite of the warnings" if self.level else ""
            return f"{MARKS[self.level]} ready for an upgrade{warnings}"
        return f"{MARKS[Level.CRITICAL]} no upgrade now"

    def as_json(self) -> dict[str, Any]:
        """A report's, and {ready}."""
        return {"ready": self.open} | super().as_json()


class Gate:
    """Looks at one snapshot after the other."""

    def __init__(self, cluster: Inventory, *, verbose: bool = False, old_seconds: float = 10) -> None:
        self.cluster, self.verbose = cluster, verbose
        self.etcd = Etcd(cluster, old_seconds)

    def examine(self, snapshot: Snapshot) -> Verdict:
        """The verdict, with what is wrong."""
        parts = [
            nodes(snapshot, [node.name for node in self.cluster.nodes]),
            control_plane(snapshot, self.cluster),
            vital(snapshot),
            volumes(snapshot),
        ]
        told = {problem.subject for part in parts for problem in part.problems}
        parts.append(apps(snapshot, told))
        parts.append(versions(snapshot))
        unseen = [*self.etcd.unknown, *unknown(snapshot)]
        verdict = Verdict([*self.etcd.parts, *parts], unseen, verbose=self.verbose)
        verdict.kubernetes = frozenset(kubernetes(snapshot))
        return verdict

    def without_the_api(self, reason: str) -> Verdict:
        """The verdict when the API can't be asked."""
        return Verdict(self.etcd.parts, [*self.etcd.unknown, reason], verbose=self.verbose)


def control_plane(snapshot: Snapshot, cluster: Inventory) -> Part:
    """The static pods of every controller; that the API answered is seen by now."""
    controllers = cluster.controllers if POD in snapshot.objects else ()
    problems = [one for node in controllers for name in CONTROL_PLANE for one in _static_pod(snapshot, node, name)]
    return Part(
        "control plane", f"{', '.join(CONTROL_PLANE)} on {len(cluster.controllers)} controllers", tuple(problems)
    )


def _static_pod(snapshot: Snapshot, node: Node, name: str) -> Iterator[Problem]:
    full = f"kube-system/{name}-{node.name}"
    pod = snapshot.find(POD, full)
    if pod is None or not is_true(pod):
        command = f"talosctl --nodes {node.address} get staticpodstatus"
        text = "is not ready" if pod else "is not there"
        yield Problem(Level.CRITICAL, f"Pod {full}", text, "kube-system", command)


def vital(snapshot: Snapshot) -> Part:
    """The network, DNS and Flux, each with all of its pods."""
    problems = []
    for kind, name in VITAL:
        if kind not in snapshot.objects:
            continue
        item = snapshot.find(kind, name)
        namespace, _, short = name.partition("/")
        command = f"kubectl --namespace {namespace} describe {kind.name.lower()} {short}"
        if item is None:
            text = "is not there"
        else:
            status = status_of(item)
            wanted = status.get("desiredNumberScheduled", 0) if kind == DAEMON_SET else spec_of(item).get("replicas", 1)
            ready = status.get("numberReady", status.get("readyReplicas", 0))
            text = f"has {ready} of {wanted} pods ready" if ready < wanted or not is_observed(item) else ""
        if text:
            problems.append(Problem(Level.CRITICAL, f"{kind} {name}", text, namespace, command))
    return Part("network, DNS, Flux", ", ".join(name.partition("/")[2] for _, name in VITAL), tuple(problems))


def volumes(snapshot: Snapshot) -> Part:
    """Longhorn's: while a replica is made anew, the node that holds the other one must stay."""
    here = list(snapshot.of(LONGHORN_VOLUME))
    problems = []
    for volume in here:
        robustness = status_of(volume).get("robustness")
        if robustness in ("degraded", "faulted"):
            claim = (status_of(volume).get("kubernetesStatus") or {}).get("pvcName", "")
            used = f" (claim {claim})" if claim else ""
            text = "is being rebuilt" if robustness == "degraded" else "has lost every replica"
            command = f"kubectl --namespace storage describe volumes.longhorn.io {volume['metadata']['name']}"
            subject = f"Longhorn volume {volume['metadata']['name']}{used}"
            problems.append(Problem(Level.CRITICAL, subject, f"is {robustness}: it {text}", "storage", command))
    return Part("volumes", f"{len(here)} Longhorn volumes", tuple(problems))


def apps(snapshot: Snapshot, told: set[str]) -> Part:
    """What an upgrade does not wait for: it makes an app that fails no worse."""
    part = pods(snapshot)
    warnings = (replace(one, level=Level.WARNING) for one in part.problems if one.subject not in told)
    return replace(part, name="apps", problems=tuple(warnings))


def versions(snapshot: Snapshot) -> Part:
    """Which nodes run something else than talos/versions.yaml says."""
    wanted_talos, wanted_kubernetes = version_of("talos"), version_of("kubernetes")
    problems = []
    for node in snapshot.of(NODE):
        info = status_of(node).get("nodeInfo") or {}
        for what, runs, wanted, task in (
            ("Talos", talos_of(info), wanted_talos, "talos:upgrade"),
            ("Kubernetes", str(info.get("kubeletVersion", "")), wanted_kubernetes, "talos:upgrade-k8s"),
        ):
            if runs and runs != wanted:
                text = f"runs {what} {runs}, and talos/versions.yaml says {wanted}"
                problems.append(Problem(Level.WARNING, f"Node {name_of(node)}", text, command=f"task {task}"))
    return Part(VERSIONS, f"Talos {wanted_talos}, Kubernetes {wanted_kubernetes}", tuple(problems))


def kubernetes(snapshot: Snapshot) -> Iterator[str]:
    """The versions of the kubelets and of the control plane's static pods."""
    for node in snapshot.of(NODE):
        if version := (status_of(node).get("nodeInfo") or {}).get("kubeletVersion"):
            yield str(version)
    for pod in snapshot.of(POD, namespace="kube-system"):
        if name_of(pod).partition("/")[2].startswith(CONTROL_PLANE):
            for container in spec_of(pod).get("containers") or []:
                if found := re.search(r":(v\d+\.\d+\.\d+[^@]*)", str(container.get("image"))):
                    yield found[1]


def talos_of(info: Any) -> str:
    """The version of Talos in what a kubelet says of its system; empty for another system."""
    name, _, version = str(info.get("osImage", "")).partition(" ")
    return version.strip("()") if name == "Talos" else ""
