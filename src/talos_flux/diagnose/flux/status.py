"""The state of one Flux object.

What its controller writes into the status: https://fluxcd.io/flux/components/kustomize/kustomizations/#conditions
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from talos_flux.kube.accessors import Object, at, condition_of, is_being_deleted, is_true, lasting, spec_of, status_of

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
# The timeouts of objects whose spec has none; for a Kustomization it is then the interval.
TIMEOUTS = {"HelmRelease": "5m"}
SOURCE_TIMEOUT = "1m"
# A busy controller comes to an object a little later.
GRACE = timedelta(minutes=1)
# A controller that runs has looked at a new object by then.
UNSEEN = timedelta(minutes=2)
DELETED = timedelta(minutes=5)
SUCCEEDED = "ReconciliationSucceeded"
WAITS = "DependencyNotReady"
UNDONE = {"RollbackSucceeded", "RollbackFailed", "UninstallSucceeded", "UninstallFailed"}


class State(StrEnum):
    """The state of an object in a word; the worst come first."""

    FAILING = "failing"
    WAITING = "waiting"
    SUSPENDED = "suspended"
    APPLYING = "in progress"
    READY = "ready"


@dataclass(frozen=True)
class Status:
    """An object's state, its controller's `message` about it, and `since` when it is in that state."""

    state: State
    message: str = ""
    since: datetime | None = None

    @property
    def age(self) -> str:
        """Return for how long it has been so: 42s, 5m, 3h; empty when that is not known."""
        return lasting((datetime.now(UTC) - self.since).total_seconds()) if self.since else ""


def standing_of(item: Object, warnings: Iterable[Object] = ()) -> Status:
    """Return the status of an object by itself; what it waits for is not looked at.

    `warnings` are events about it, the newest first.
    """
    ready = condition_of(item)
    since = at(ready.get("lastTransitionTime") or item["metadata"].get("creationTimestamp"))
    message = str(ready.get("message") or "").strip()
    if is_being_deleted(item):
        return _deletion(item)
    if spec_of(item).get("suspend"):
        return Status(State.SUSPENDED, message if ready.get("status") == "False" else "", since)
    if is_outdated(item):
        return Status(State.APPLYING, "its last change is not looked at yet", since)
    if ready.get("status") == "True" and not has_given_up(item):
        return Status(State.READY, message, since)
    if failed := _failed(item, message, warnings):
        return Status(State.FAILING, failed, since)
    return _in_progress(item, since)


def _failed(item: Object, message: str, warnings: Iterable[Object]) -> str:
    """Return how an object failed, or nothing; `message` is that of its Ready condition."""
    if has_given_up(item):
        return _attempt(item) or message or str(condition_of(item, "Stalled").get("message"))
    if condition_of(item).get("status") == "False":
        # Why it was undone says more than that it was.
        return (reason_of(item) in UNDONE and _attempt(item)) or message or reason_of(item)
    return _attempt(item) or _attempt_before(item, warnings)


def _deletion(item: Object) -> Status:
    asked = at(item["metadata"]["deletionTimestamp"])
    if asked and datetime.now(UTC) - asked > DELETED:
        return Status(State.FAILING, "should be gone: something keeps it from being deleted", asked)
    return Status(State.APPLYING, "is being deleted", asked)


def _in_progress(item: Object, since: datetime | None) -> Status:
    """Return the status of an object that has just started, or that takes too long."""
    waited = datetime.now(UTC) - since if since else timedelta()
    if not condition_of(item):
        if waited > UNSEEN:
            return Status(State.FAILING, "its controller has not looked at it", since)
        return Status(State.APPLYING, "is new", since)
    if waited > timeout_of(item) + GRACE:
        text = f"is in progress for {lasting(waited.total_seconds())}, which is longer than its timeout"
        return Status(State.FAILING, text, since)
    return Status(State.APPLYING, str(condition_of(item, "Reconciling").get("message") or "is looked at"), since)


def is_outdated(item: Object) -> bool:
    """Return whether the Ready condition is about an older generation of the object."""
    return condition_of(item).get("observedGeneration", item["metadata"].get("generation", 0)) < item["metadata"].get(
        "generation", 0
    )


def reason_of(item: Object) -> str:
    """Return the reason of the Ready condition."""
    return str(condition_of(item).get("reason", ""))


def has_given_up(item: Object) -> bool:
    """Return whether an object is stalled: it is not tried again before something changes."""
    return is_true(item, "Stalled")


def _attempt(item: Object) -> str:
    """Return how the last attempt to install or upgrade failed; empty when it did not."""
    released, generation = condition_of(item, "Released"), item["metadata"].get("generation")
    if released.get("status") != "False" or released.get("observedGeneration", generation) != generation:
        return ""
    return str(released.get("message", "")).strip()


def _attempt_before(item: Object, warnings: Iterable[Object]) -> str:
    """Return how the revision that a Kustomization is trying failed before; empty at its first attempt."""
    status = status_of(item)
    # lastAttemptedRevision comes only when the path was found.
    named = re.search(r"for revision (\S+)", str(condition_of(item, "Reconciling").get("message")))
    tried = named[1] if named else status.get("lastAttemptedRevision")
    for event in warnings:
        annotations = event["metadata"].get("annotations") or {}
        if tried in (value for name, value in annotations.items() if name.endswith("/revision")):
            return str(event.get("message", "")).strip()
    last: Object = next(iter(status.get("history") or []), {})
    result = last.get("lastReconciledStatus", SUCCEEDED)
    if result == SUCCEEDED or (last.get("metadata") or {}).get("revision") != tried:
        return ""
    healthy = condition_of(item, "Healthy")
    return str(healthy.get("message") if healthy.get("status") == "False" else f"{result}, and is tried again").strip()


def timeout_of(item: Object) -> timedelta:
    """Return how long an object's controller tries."""
    spec = spec_of(item)
    default = TIMEOUTS.get(item["kind"]) or (spec.get("interval") if "path" in spec else SOURCE_TIMEOUT)
    return duration(spec.get("timeout") or default or SOURCE_TIMEOUT)


def duration(text: str) -> timedelta:
    """Return the duration that a text in Go's format means, such as 1h30m."""
    parts = re.findall(r"([\d.]+)(ms|h|m|s)", text)
    return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in parts))


def revision_of(item: Object) -> str:
    """Return what an object has fetched, applied or installed; empty before the first time."""
    status = status_of(item)
    if item["kind"] == "HelmRelease":
        installed: Object = next(iter(status.get("history") or []), {})
        return str(installed.get("chartVersion") or status.get("lastAttemptedRevision") or "")
    return str(status.get("lastAppliedRevision") or (status.get("artifact") or {}).get("revision") or "")


def short(revision: str) -> str:
    """Return a revision for people: main@1a2b3c4, or a chart's version."""
    name, _, digest = revision.rpartition("@")
    algorithm, colon, value = digest.partition(":")
    if not colon:
        return revision
    if re.match(r"v?\d+\.", name):
        return name
    return f"{name or algorithm}@{value[:7]}"


def commit_of(revision: str) -> str:
    """Return the commit of a Git repository's revision; empty where it names none."""
    return revision.rpartition(":")[2] if "sha1:" in revision else ""
