"""Problems of pods, and of the workloads that should have made them, from their own status."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from talos_flux.diagnose.problem import Level, Problem
from talos_flux.kube.accessors import (
    Object,
    age_of,
    at,
    condition_of,
    is_being_deleted,
    lasting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)

# The kubelet's reasons for a container that has been tried and can't run, and our text for each.
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
# A pod may take this long to start, since its image must be pulled.
PATIENCE = timedelta(minutes=5)
RESTARTS = 10
LONGEST = 240
RECENTLY = timedelta(hours=1)


def of_pod(pod: Object, warnings: Iterable[Object] = ()) -> Iterator[Problem]:
    """Yield the problems of a pod. A completed one has none, nor has one that is still being created or deleted.

    `warnings` are events about it, the newest first: what its status does not say, such as a volume that is missing.
    """
    namespace, name = namespace_of(pod), str(pod["metadata"]["name"])
    subject = f"Pod {namespace}/{name}"
    describe = f"kubectl --namespace {namespace} describe pod {name}"
    logs = f"kubectl --namespace {namespace} logs {name}"
    status = status_of(pod)
    phase = status.get("phase", "Unknown")

    def problem(level: Level, text: str, command: str) -> Problem:
        return Problem(level, subject, text, namespace, command)

    if is_being_deleted(pod):
        asked = at(pod["metadata"]["deletionTimestamp"])
        if asked and datetime.now(UTC) - asked > PATIENCE:
            yield problem(Level.WARNING, f"should have been gone for {age_of(str(asked))}", describe)
    elif phase == "Failed":
        # A failed pod of a Job is reported with the Job, which may have tried again.
        if not any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences") or []):
            message = status.get("message") or status.get("reason") or "a container ended with an error"
            yield problem(Level.WARNING, f"has failed: {message}", describe)
    elif phase == "Unknown":
        yield problem(Level.CRITICAL, "is on a node that does not answer", describe)
    elif phase in ("Pending", "Running"):
        yield from _of_containers(pod, problem, describe, logs, warnings)


def _of_containers(
    pod: Object, problem: Callable[[Level, str, str], Problem], describe: str, logs: str, warnings: Iterable[Object]
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
        unready_text = f"container {', '.join(unready)}" if unready else "a container"
        text = f"is not ready{f' since {since}' if since else ''}: {unready_text} is not"
        message = next((" ".join(str(event.get("message") or "").split()) for event in warnings), "")
        yield problem(Level.CRITICAL, f"{text}: {message[:LONGEST]}" if message else text, describe)


def is_old(item: Object) -> bool:
    """Return whether an object has had the time to become ready, since the kubelet took it or since it was created."""
    since = at(status_of(item).get("startTime") or item["metadata"].get("creationTimestamp"))
    return since is not None and datetime.now(UTC) - since > PATIENCE


def _why_it_waits(container: Object, waiting: Object) -> str:
    text = f"container {container['name']} {WAITING[waiting['reason']]}"
    last = (container.get("lastState") or {}).get("terminated") or {}
    if waiting["reason"] == "CrashLoopBackOff" and last:
        ended = "out of memory" if last.get("reason") == "OOMKilled" else f"exit code {last.get('exitCode')}"
        return f"{text}, {container.get('restartCount', 0)} times so far, the last time with {ended}"
    message = str(waiting.get("message") or "")
    return f"{text}: {message}" if message else text


def _command(waiting: Object, container: Object, describe: str, logs: str) -> str:
    """Return the command that shows more: only what has run has left a log."""
    if waiting["reason"] == "CrashLoopBackOff":
        return f"{logs} --container {container['name']} --previous"
    return describe


def _restarts(container: Object) -> str:
    """Return how often a running container has restarted, if often and the last time recently; empty otherwise."""
    ended = at(((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt"))
    count = container.get("restartCount", 0)
    if count < RESTARTS or ended is None or datetime.now(UTC) - ended > RECENTLY:
        return ""
    ago = lasting((datetime.now(UTC) - ended).total_seconds())
    return f"container {container['name']} has started again {count} times, the last time {ago} ago"


def of_workload(item: Object) -> Iterator[Problem]:
    """Yield a problem for a workload with fewer ready pods than it wants, whatever its pods say."""
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
    """Yield a problem for a Job that gave up."""
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
