"""The check of pods, and of the workloads that should have made them."""

from collections.abc import Collection

from talos_flux.diagnose.flux.dependency_graph import warnings_of
from talos_flux.diagnose.flux.names import key_of
from talos_flux.diagnose.pod_problems import of_job, of_pod, of_workload
from talos_flux.diagnose.problem import CheckResult, Problem
from talos_flux.kube.accessors import Object, selects, status_of
from talos_flux.kube.kinds import DAEMON_SET, DEPLOYMENT, JOB, POD, STATEFUL_SET
from talos_flux.kube.snapshot import Snapshot


def pods(snapshot: Snapshot, namespace: str = "", reported: Collection[str] = ()) -> CheckResult:
    """Check pods, then workloads that have fewer than they want for another reason than a pod's.

    `reported` are subjects of which another check has reported a problem.
    """
    items = list(snapshot.of(POD, namespace=namespace))
    warnings = warnings_of(snapshot)
    problems: list[Problem] = []
    failing: list[Object] = []
    for pod in items:
        if of_this_pod := list(of_pod(pod, warnings.get(key_of(pod), ()))):
            problems += of_this_pod
            failing.append(pod)
    for item in snapshot.of(DEPLOYMENT, STATEFUL_SET, DAEMON_SET, namespace=namespace):
        if not any(selects(item, pod) for pod in failing):
            problems += (problem for problem in of_workload(item) if problem.subject not in reported)
    problems += (problem for item in snapshot.of(JOB, namespace=namespace) for problem in of_job(item))
    running = sum(status_of(pod).get("phase") == "Running" for pod in items)
    done = sum(status_of(pod).get("phase") == "Succeeded" for pod in items)
    return CheckResult("pods", f"{running} running, {done} completed", tuple(problems))
