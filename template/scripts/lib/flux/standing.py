"""How one object of Flux stands.

What its controller writes into the status: https://fluxcd.io/flux/components/kustomize/kustomizations/#conditions
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from lib.kube.objects import Object, at, condition_of, is_leaving, is_true, lasting, spec_of, status_of

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
# What an object takes at most where it names no time; for a Kustomization Flux takes its interval.
TIMEOUTS = {"HelmRelease": "5m"}
SOURCE_TIMEOUT = "1m"
# A controller that is busy comes to an object a little later.
GRACE = timedelta(minutes=1)
# A controller that is there has looked at a new object by then.
UNSEEN = timedelta(minutes=2)
DELETED = timedelta(minutes=5)
SUCCEEDED = "ReconciliationSucceeded"
WAITS = "DependencyNotReady"
UNDONE = {"RollbackSucceeded", "RollbackFailed", "UninstallSucceeded", "UninstallFailed"}


class State(StrEnum):
    """How it stands, in a word; the worst come first."""

    FAILING = "failing"
    WAITING = "waiting"
    SUSPENDED = "suspended"
    APPLYING = "in progress"
    READY = "ready"


@dataclass(frozen=True)
class Standing:
    """`said` is what its controller says of that, `since` when it came to stand so."""

    state: State
    said: str = ""
    since: datetime | None = None

    @property
    def age(self) -> str:
        """For how long: 42s, 5m, 3h."""
        return lasting((datetime.now(UTC) - self.since).total_seconds()) if self.since else ""


def standing_of(item: Object, warnings: Iterable[Object] = ()) -> Standing:
    """An object by itself; what it waits for is not looked at. `warnings` are events about it, the newest first."""
    ready = condition_of(item)
    since = at(ready.get("lastTransitionTime") or item["metadata"].get("creationTimestamp"))
    said = str(ready.get("message") or "").strip()
    if is_leaving(item):
        return _leaving(item)
    if spec_of(item).get("suspend"):
        return Standing(State.SUSPENDED, said if ready.get("status") == "False" else "", since)
    if is_outdated(item):
        return Standing(State.APPLYING, "its last change is not looked at yet", since)
    if ready.get("status") == "True" and not has_given_up(item):
        return Standing(State.READY, said, since)
    if failed := _failed(item, said, warnings):
        return Standing(State.FAILING, failed, since)
    return _in_progress(item, since)


def _failed(item: Object, said: str, warnings: Iterable[Object]) -> str:
    """How it went wrong, if it did; `said` is what it says of its readiness."""
    if has_given_up(item):
        return _attempt(item) or said or str(condition_of(item, "Stalled").get("message"))
    if condition_of(item).get("status") == "False":
        # Why it was undone says more than that it was.
        return (reason_of(item) in UNDONE and _attempt(item)) or said or reason_of(item)
    return _attempt(item) or _attempt_before(item, warnings)


def _leaving(item: Object) -> Standing:
    asked = at(item["metadata"]["deletionTimestamp"])
    if asked and datetime.now(UTC) - asked > DELETED:
        return Standing(State.FAILING, "should be gone: something keeps it from being deleted", asked)
    return Standing(State.APPLYING, "is being deleted", asked)


def _in_progress(item: Object, since: datetime | None) -> Standing:
    """Just started, or for too long."""
    waited = datetime.now(UTC) - since if since else timedelta()
    if not condition_of(item):
        if waited > UNSEEN:
            return Standing(State.FAILING, "its controller has not looked at it", since)
        return Standing(State.APPLYING, "is new", since)
    if waited > timeout_of(item) + GRACE:
        text = f"is in progress for {lasting(waited.total_seconds())}, which is longer than its timeout"
        return Standing(State.FAILING, text, since)
    return Standing(State.APPLYING, str(condition_of(item, "Reconciling").get("message") or "is looked at"), since)


def is_outdated(item: Object) -> bool:
    """Whether its controller speaks of an older version of it."""
    return condition_of(item).get("observedGeneration", item["metadata"].get("generation", 0)) < item["metadata"].get(
        "generation", 0
    )


def reason_of(item: Object) -> str:
    """The word for why it is not ready."""
    return str(condition_of(item).get("reason", ""))


def has_given_up(item: Object) -> bool:
    """Whether it is not tried again before something changes."""
    return is_true(item, "Stalled")


def _attempt(item: Object) -> str:
    """How the last attempt to install or upgrade went wrong; empty when it did not."""
    released, generation = condition_of(item, "Released"), item["metadata"].get("generation")
    if released.get("status") != "False" or released.get("observedGeneration", generation) != generation:
        return ""
    return str(released.get("message", "")).strip()


def _attempt_before(item: Object, warnings: Iterable[Object]) -> str:
    """How the revision that a Kustomization is trying went wrong before; empty when it is tried for the first time."""
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
    """How long its controller tries."""
    spec = spec_of(item)
    default = TIMEOUTS.get(item["kind"]) or (spec.get("interval") if "path" in spec else SOURCE_TIMEOUT)
    return duration(spec.get("timeout") or default or SOURCE_TIMEOUT)


def duration(text: str) -> timedelta:
    """A time as Go writes it, such as 1h30m."""
    parts = re.findall(r"([\d.]+)(ms|h|m|s)", text)
    return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in parts))


def revision_of(item: Object) -> str:
    """What it has fetched, applied or installed; empty before the first time."""
    status = status_of(item)
    if item["kind"] == "HelmRelease":
        installed: Object = next(iter(status.get("history") or []), {})
        return str(installed.get("chartVersion") or status.get("lastAttemptedRevision") or "")
    return str(status.get("lastAppliedRevision") or (status.get("artifact") or {}).get("revision") or "")


def short(revision: str) -> str:
    """A revision for people: main@1a2b3c4, or a chart's version."""
    name, _, digest = revision.rpartition("@")
    algorithm, colon, value = digest.partition(":")
    if not colon:
        return revision
    if re.match(r"v?\d+\.", name):
        return name
    return f"{name or algorithm}@{value[:7]}"


def commit_of(revision: str) -> str:
    """The commit of a Git repository's revision; empty where it names none."""
    return revision.rpartition(":")[2] if "sha1:" in revision else ""
