"""Whether a node may be taken down now, for an upgrade or for good: the checks of what else would break."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from talos_flux.diagnose.probes.etcd_health import Etcd
from talos_flux.diagnose.probes.nodes import nodes
from talos_flux.diagnose.probes.pods import pods
from talos_flux.diagnose.probes.unobserved import unknown
from talos_flux.diagnose.problem import CheckResult, Level, Problem
from talos_flux.diagnose.report import MARKS, Report
from talos_flux.kube.accessors import is_observed, is_true, name_of, spec_of, status_of
from talos_flux.kube.kinds import DAEMON_SET, DEPLOYMENT, JOB, LONGHORN_VOLUME, NODE, POD, STATEFUL_SET, Kind
from talos_flux.kube.snapshot import Snapshot
from talos_flux.repository.settings import Inventory, Node, version_of

KINDS = (NODE, POD, DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, LONGHORN_VOLUME)
VERSIONS = "versions"
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
# What apps need from every node, so that it must be complete before one is taken down.
VITAL: tuple[tuple[Kind, str], ...] = (
    (DAEMON_SET, "kube-system/cilium"),
    (DEPLOYMENT, "kube-system/cilium-operator"),
    (DEPLOYMENT, "kube-system/coredns"),
    (DEPLOYMENT, "flux-system/source-controller"),
    (DEPLOYMENT, "flux-system/kustomize-controller"),
    (DEPLOYMENT, "flux-system/helm-controller"),
)


class Verdict(Report):
    """A report that ends in whether a node may be upgraded. `kubernetes` are the versions of Kubernetes that run."""

    kubernetes: frozenset[str] = frozenset()

    @property
    def open(self) -> bool:
        """Return whether a node may be taken down: nothing is critical, and nothing is unknown."""
        return self.level < Level.CRITICAL and not self.unknown

    @property
    def wrong(self) -> list[str]:
        """Return what keeps the gate shut, the most important first: critical problems, then what is unknown."""
        critical = [str(problem) for part in self.parts for problem in part.problems if problem.level == Level.CRITICAL]
        return [*critical, *self.unknown]

    @property
    def in_short(self) -> str:
        """Return the first thing that is wrong, and how many more there are; empty when nothing is."""
        first, *more = self.wrong or [""]
        return f"{first.removesuffix('.')}{f' (and {len(more)} more)' if more else ''}"

    @property
    def warnings(self) -> list[str]:
        """Return the warnings, which do not keep the gate shut; those about versions are no news to an upgrade."""
        problems = (problem for part in self.parts if part.name != VERSIONS for problem in part.problems)
        return [str(problem) for problem in problems if problem.level == Level.WARNING]

    @property
    def verdict(self) -> str:
        """Return the verdict in one line of rich's markup."""
        if self.open:
            warnings = " in spite of the warnings" if self.level else ""
            return f"{MARKS[self.level]} ready for an upgrade{warnings}"
        return f"{MARKS[Level.CRITICAL]} no upgrade now"

    def as_json(self) -> dict[str, Any]:
        """Return the report's mapping, and {ready}."""
        return {"ready": self.open} | super().as_json()


class Gate:
    """Examines one snapshot after the other, and asks etcd in the background."""

    def __init__(self, cluster: Inventory, *, verbose: bool = False, old_seconds: float = 10) -> None:
        self.cluster, self.verbose = cluster, verbose
        self.etcd = Etcd(cluster, old_seconds)

    def examine(self, snapshot: Snapshot) -> Verdict:
        """Return the verdict on a snapshot, with what is wrong."""
        parts = [
            nodes(snapshot, [node.name for node in self.cluster.nodes]),
            control_plane(snapshot, self.cluster),
            vital(snapshot),
            volumes(snapshot),
        ]
        reported = {problem.subject for part in parts for problem in part.problems}
        parts.append(apps(snapshot, reported))
        parts.append(versions(snapshot))
        unseen = [*self.etcd.unknown, *unknown(snapshot)]
        verdict = Verdict([*self.etcd.parts, *parts], unseen, verbose=self.verbose)
        verdict.kubernetes = frozenset(kubernetes(snapshot))
        return verdict

    def without_the_api(self, reason: str) -> Verdict:
        """Return the verdict when the API can't be asked, which `reason` says."""
        return Verdict(self.etcd.parts, [*self.etcd.unknown, reason], verbose=self.verbose)


def control_plane(snapshot: Snapshot, cluster: Inventory) -> CheckResult:
    """Check the static pods of every controller; that the API answers is known from there being a snapshot."""
    controllers = cluster.controllers if POD in snapshot.objects else ()
    problems = [
        problem for node in controllers for name in CONTROL_PLANE for problem in _static_pod(snapshot, node, name)
    ]
    return CheckResult(
        "control plane", f"{', '.join(CONTROL_PLANE)} on {len(cluster.controllers)} controllers", tuple(problems)
    )


def _static_pod(snapshot: Snapshot, node: Node, name: str) -> Iterator[Problem]:
    full = f"kube-system/{name}-{node.name}"
    pod = snapshot.find(POD, full)
    if pod is None or not is_true(pod):
        command = f"talosctl --nodes {node.address} get staticpodstatus"
        text = "is not ready" if pod else "is not there"
        yield Problem(Level.CRITICAL, f"Pod {full}", text, "kube-system", command)


def vital(snapshot: Snapshot) -> CheckResult:
    """Check the network, DNS and Flux, each with all of its pods."""
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
    return CheckResult("network, DNS, Flux", ", ".join(name.partition("/")[2] for _, name in VITAL), tuple(problems))


def volumes(snapshot: Snapshot) -> CheckResult:
    """Check Longhorn's volumes: while a replica is rebuilt, the node that holds the other one must stay.

    No other storage is asked: a volume that stays on its node is away while that is, and back with it.
    """
    longhorn_volumes = list(snapshot.of(LONGHORN_VOLUME))
    problems = []
    for volume in longhorn_volumes:
        robustness = status_of(volume).get("robustness")
        if robustness in ("degraded", "faulted"):
            claim = (status_of(volume).get("kubernetesStatus") or {}).get("pvcName", "")
            used = f" (claim {claim})" if claim else ""
            text = "is being rebuilt" if robustness == "degraded" else "has lost every replica"
            command = f"kubectl --namespace storage describe volumes.longhorn.io {volume['metadata']['name']}"
            subject = f"Longhorn volume {volume['metadata']['name']}{used}"
            problems.append(Problem(Level.CRITICAL, subject, f"is {robustness}: it {text}", "storage", command))
    count = len(longhorn_volumes)
    looked_at = f"{count} Longhorn volumes" if count else "none of Longhorn, whose copies alone are looked at"
    return CheckResult("volumes", looked_at, tuple(problems))


def apps(snapshot: Snapshot, reported: set[str]) -> CheckResult:
    """Check pods, with warnings only: an upgrade does not wait for a failing app, since it makes that no worse.

    `reported` are subjects of which another check has reported a problem.
    """
    part = pods(snapshot)
    warnings = (replace(problem, level=Level.WARNING) for problem in part.problems if problem.subject not in reported)
    return replace(part, name="apps", problems=tuple(warnings))


def versions(snapshot: Snapshot) -> CheckResult:
    """Check which nodes run other versions than those in talos/versions.yaml."""
    wanted_talos, wanted_kubernetes = version_of("talos"), version_of("kubernetes")
    problems = []
    for node in snapshot.of(NODE):
        info = status_of(node).get("nodeInfo") or {}
        for component, runs, wanted, task in (
            ("Talos", talos_of(info), wanted_talos, "talos:upgrade"),
            ("Kubernetes", str(info.get("kubeletVersion", "")), wanted_kubernetes, "talos:upgrade-k8s"),
        ):
            if runs and runs != wanted:
                text = f"runs {component} {runs}, and talos/versions.yaml says {wanted}"
                problems.append(Problem(Level.WARNING, f"Node {name_of(node)}", text, command=f"task {task}"))
    return CheckResult(VERSIONS, f"Talos {wanted_talos}, Kubernetes {wanted_kubernetes}", tuple(problems))


def kubernetes(snapshot: Snapshot) -> Iterator[str]:
    """Yield the versions of the kubelets and of the control plane's static pods."""
    for node in snapshot.of(NODE):
        if version := (status_of(node).get("nodeInfo") or {}).get("kubeletVersion"):
            yield str(version)
    for pod in snapshot.of(POD, namespace="kube-system"):
        if name_of(pod).partition("/")[2].startswith(CONTROL_PLANE):
            for container in spec_of(pod).get("containers") or []:
                if match := re.search(r":(v\d+\.\d+\.\d+[^@]*)", str(container.get("image"))):
                    yield match[1]


def talos_of(info: Any) -> str:
    """Return the version of Talos in a node's `nodeInfo.osImage`; empty for another system."""
    name, _, version = str(info.get("osImage", "")).partition(" ")
    return version.strip("()") if name == "Talos" else ""
