"""Certificates and secrets that others make for the apps."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from lib.health.problems import Level, Part, Problem
from lib.kube.kinds import CERTIFICATE, EXTERNAL_SECRET, ONEPASSWORD_ITEM, SECRET_STORE, Kind
from lib.kube.objects import Object, at, condition_of, lasting, name_of, namespace_of, status_of
from lib.kube.snapshot import Snapshot

# cert-manager renews when a third of the time is left; of Let's Encrypt's 90 days, 30.
SOON = timedelta(days=14)
UNFILLED = {SECRET_STORE: "can't be read", EXTERNAL_SECRET: "is not filled", ONEPASSWORD_ITEM: "is not filled"}


def certificates(snapshot: Snapshot, namespace: str = "") -> Part:
    """Whether each is there, and lasts."""
    here = list(snapshot.of(CERTIFICATE, namespace=namespace))
    return Part(
        "certificates", f"{len(here)} certificates", tuple(one for item in here for one in of_certificate(item))
    )


def of_certificate(item: Object) -> Iterator[Problem]:
    """One that is not there, has expired, or will soon although its renewal is due."""
    namespace, ready, ends = namespace_of(item), condition_of(item), at(status_of(item).get("notAfter"))
    subject = f"Certificate {name_of(item)}"
    command = f"kubectl --namespace {namespace} describe certificate {item['metadata']['name']}"
    left = ends - datetime.now(UTC) if ends else None
    if left is not None and left < timedelta():
        text = f"has expired {lasting(-left.total_seconds())} ago"
        yield Problem(Level.CRITICAL, subject, text, namespace, command)
    elif ready.get("status") != "True":
        said = ready.get("message") or "cert-manager has not looked at it"
        yield Problem(Level.CRITICAL, subject, f"is not issued: {said}", namespace, command)
    elif left is not None and left < SOON:
        text = f"expires in {lasting(left.total_seconds())} and is not renewed"
        yield Problem(Level.WARNING, subject, text, namespace, command)


def secrets(snapshot: Snapshot, namespace: str = "") -> Part:
    """Stores, and what is taken from them."""
    problems: list[Problem] = []
    for kind, what in UNFILLED.items():
        if not (kind.of_cluster and namespace):
            for item in snapshot.of(kind, namespace=namespace):
                problems += of_secret(kind, item, what)
    count = sum(1 for _ in snapshot.of(EXTERNAL_SECRET, ONEPASSWORD_ITEM, namespace=namespace))
    return Part("secrets", f"{count} secrets from outside", tuple(problems))


def of_secret(kind: Kind, item: Object, what: str) -> Iterator[Problem]:
    """What its operator says of it; the values themselves are never read."""
    ready = condition_of(item)
    if ready.get("status") == "True":
        return
    namespace = namespace_of(item)
    said = ready.get("message") or "its operator has not looked at it"
    place = f"--namespace {namespace} " if namespace else ""
    command = f"kubectl {place}describe {kind.name.lower()} {item['metadata']['name']}"
    yield Problem(Level.CRITICAL, f"{kind} {name_of(item)}", f"{what}: {said}", namespace, command)
