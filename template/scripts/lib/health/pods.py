"""Pods, and what should have made them."""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from lib.flux.graph import warnings_of
from lib.flux.names import key_of
from lib.health.problems import Level, Part, Problem
from lib.kube.kinds import DAEMON_SET, DEPLOYMENT, JOB, POD, STATEFUL_SET
from lib.kube.objects import (
    Object,
    age_of,
    at,
    condition_of,
    is_leaving,
    lasting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from lib.kube.snapshot import Snapshot

# Why a container waits that has been tried and can't run; kubelet's words and ours.
WAITING = {
    "CrashLoopBackOff": "starts and ends again and again",
    "ImagePullBackOff": "can't get its image",
    "ErrImagePull": "can't get its image",
    "InvalidImageName": "has an image whose name is none",
    "ErrImageNeverPull": "has an image that is not on the node and must not be fetched",
    "CreateContainerConfigError": "lacks what it is configured with",
    "CreateContainerError": "can't be made",
    "RunContainerError": "can't be started",
}
# A pod that is being made is well this long, as the kubelet gives an image time to arrive.
PATIENCE = timedelta(minutes=5)
RESTARTS = 10
LONGEST = 240
RECENTLY = timedelta(hours=1)


def pods(snapshot: Snapshot, namespace: str = "", told: Collection[str] = ()) -> Part:
    """Every pod, then workloads that have fewer than they want for another reason than a pod's own.

    `told` are subjects that another part speaks of.
    """
    here = list(snapshot.of(POD, namespace=namespace))
    warnings = warnings_of(snapshot)
    problems = [problem for pod in here for problem in of_pod(pod, warnings.get(key_of(pod), ()))]
    found = tuple(problem.subject for problem in problems)
    for item in snapshot.of(DEPLOYMENT, STATEFUL_SET, DAEMON_SET, namespace=namespace):
        # Its pods are called after it.
        if not any(subject.startswith(f"Pod {name_of(item)}-") for subject in found):
            problems += (problem for problem in of_workload(item) if problem.subject not in told)
    problems += (problem for item in snapshot.of(JOB, namespace=namespace) for problem in of_job(item))
    running = sum(status_of(pod).get("phase") == "Running" for pod in here)
    done = sum(status_of(pod).get("phase") == "Succeeded" for pod in here)
    return Part("pods", f"{running} running, {done} completed", tuple(problems))


def of_pod(pod: Object, warnings: Iterable[Object] = ()) -> Iterator[Problem]:
    """What is wrong with one. A completed pod is well, and so is one that is still being made or leaving.

    `warnings` are events about it, the newest first: what it does not say itself, such as a volume that is not there.
    """
    namespace, name = namespace_of(pod), str(pod["metadata"]["name"])
    subject = f"Pod {namespace}/{name}"
    describe = f"kubectl --namespace {namespace} describe pod {name}"
    logs = f"kubectl --namespace {namespace} logs {name}"
    status = status_of(pod)
    phase = status.get("phase", "Unknown")

    def problem(level: Level, text: str, command: str) -> Problem:
        return Problem(level, subject, text, namespace, command)

    if is_leaving(pod):
        asked = at(pod["metadata"]["deletionTimestamp"])
        if asked and datetime.now(UTC) - asked > PATIENCE:
            yield problem(Level.WARNING, f"should have been gone for {age_of(str(asked))}", describe)
    elif phase == "Failed":
        # What a Job made counts with its Job, which may have tried again.
        if not any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences") or []):
            said = status.get("message") or status.get("reason") or "a container ended with an error"
            yield problem(Level.WARNING, f"has failed: {said}", describe)
    elif phase == "Unknown":
        yield problem(Level.CRITICAL, "is on a node that does not answer", describe)
    elif phase in ("Pending", "Running"):
        yield from _of_containers(pod, problem, describe, logs, warnings)


def _of_containers(
    pod: Object, problem: Any, describe: str, logs: str, warnings: Iterable[Object]
) -> Iterator[Problem]:
    status = status_of(pod)
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    stuck = False
    for container in containers:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in WAITING:
            stuck = True
            yield problem(
                Level.CRITICAL, _why_it_waits(container, waiting), _command(waiting, container, describe, logs)
            )
        elif reason := _restarts(container):
            yield problem(Level.WARNING, reason, f"{logs} --container {container['name']} --previous")
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield problem(Level.CRITICAL, f"finds no node: {scheduled.get('message', 'no reason given')}", describe)
    elif not stuck and is_old(pod) and condition_of(pod).get("status") != "True":
        unready = [container["name"] for container in containers if not container.get("ready")]
        since = age_of(condition_of(pod).get("lastTransitionTime"))
        what = f"container {', '.join(unready)}" if unready else "a container"
        text = f"is not ready{f' since {since}' if since else ''}: {what} is not"
        said = next((" ".join(str(event.get("message") or "").split()) for event in warnings), "")
        yield problem(Level.CRITICAL, f"{text}: {said[:LONGEST]}" if said else text, describe)


def is_old(item: Object) -> bool:
    """Whether it has had the time to become what it should, since the kubelet has it or since it was made."""
    since = at(status_of(item).get("startTime") or item["metadata"].get("creationTimestamp"))
    return since is not None and datetime.now(UTC) - since > PATIENCE


def _why_it_waits(container: Any, waiting: Any) -> str:
    text = f"container {container['name']} {WAITING[waiting['reason']]}"
    last = (container.get("lastState") or {}).get("terminated") or {}
    if waiting["reason"] == "CrashLoopBackOff" and last:
        ended = "out of memory" if last.get("reason") == "OOMKilled" else f"exit code {last.get('exitCode')}"
        return f"{text}, {container.get('restartCount', 0)} times so far, the last time with {ended}"
    said = str(waiting.get("message") or "")
    return f"{text}: {said}" if said else text


def _command(waiting: Any, container: Any, describe: str, logs: str) -> str:
    """Only what has run has left a log."""
    if waiting["reason"] == "CrashLoopBackOff":
        return f"{logs} --container {container['name']} --previous"
    return describe


def _restarts(container: Any) -> str:
    """Whether a container runs and ended often, the last time not long ago."""
    ended = at(((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt"))
    count = container.get("restartCount", 0)
    if count < RESTARTS or ended is None or datetime.now(UTC) - ended > RECENTLY:
        return ""
    ago = lasting((datetime.now(UTC) - ended).total_seconds())
    return f"container {container['name']} has started again {count} times, the last time {ago} ago"


def of_workload(item: Object) -> Iterator[Problem]:
    """A workload with fewer ready pods than it wants, when no pod of it says why."""
    status, kind = status_of(item), str(item["kind"])
    if kind == "DaemonSet":
        wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    else:
        wanted, ready = spec_of(item).get("replicas", 1), status.get("readyReplicas", 0)
    failing = condition_of(item, "ReplicaFailure")
    if failing.get("status") == "True":
        text = f"can't make its pods: {failing.get('message', 'no reason given')}"
    elif ready < wanted and is_old(item):
        text = f"has {ready} of {wanted} pods ready"
    else:
        return
    namespace = namespace_of(item)
    command = f"kubectl --namespace {namespace} describe {kind.lower()} {item['metadata']['name']}"
    yield Problem(Level.CRITICAL, f"{kind} {name_of(item)}", text, namespace, command)


def of_job(item: Object) -> Iterator[Problem]:
    """A Job that gave up."""
    failed = condition_of(item, "Failed")
    if failed.get("status") == "True":
        namespace, name = namespace_of(item), item["metadata"]["name"]
        text = f"has given up: {failed.get('message', 'no reason given')}"
        yield Problem(
            Level.WARNING,
            f"Job {namespace}/{name}",
            text,
            namespace,
            f"kubectl --namespace {namespace} logs job/{name}",
        )
