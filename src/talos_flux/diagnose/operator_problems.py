"""Problems that operators report of what they should have made: certificates, secrets from outside, Gateways."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from talos_flux.diagnose.problem import Level, Problem
from talos_flux.kube.accessors import Object, at, condition_of, lasting, name_of, namespace_of, status_of
from talos_flux.kube.kinds import EXTERNAL_SECRET, ONEPASSWORD_ITEM, SECRET_STORE, Kind

# cert-manager renews when a third of the time is left; of Let's Encrypt's 90 days, 30.
SOON = timedelta(days=14)
UNFILLED = {SECRET_STORE: "can't be read", EXTERNAL_SECRET: "is not filled", ONEPASSWORD_ITEM: "is not filled"}


def of_certificate(item: Object) -> Iterator[Problem]:
    """Yield a problem for a certificate that is not issued, has expired, or soon will although its renewal is due."""
    namespace, ready, ends = namespace_of(item), condition_of(item), at(status_of(item).get("notAfter"))
    subject = f"Certificate {name_of(item)}"
    command = f"kubectl --namespace {namespace} describe certificate {item['metadata']['name']}"
    left = ends - datetime.now(UTC) if ends else None
    if left is not None and left < timedelta():
        text = f"has expired {lasting(-left.total_seconds())} ago"
        yield Problem(Level.CRITICAL, subject, text, namespace, command)
    elif ready.get("status") != "True":
        message = ready.get("message") or "cert-manager has not looked at it"
        yield Problem(Level.CRITICAL, subject, f"is not issued: {message}", namespace, command)
    elif left is not None and left < SOON:
        text = f"expires in {lasting(left.total_seconds())} and is not renewed"
        yield Problem(Level.WARNING, subject, text, namespace, command)


def of_secret(kind: Kind, item: Object, failure: str) -> Iterator[Problem]:
    """Yield what the operator of a secret or a store reports, after `failure`; the values themselves are never read."""
    ready = condition_of(item)
    if ready.get("status") == "True":
        return
    namespace = namespace_of(item)
    message = ready.get("message") or "its operator has not looked at it"
    namespace_option = f"--namespace {namespace} " if namespace else ""
    command = f"kubectl {namespace_option}describe {kind.name.lower()} {item['metadata']['name']}"
    yield Problem(Level.CRITICAL, f"{kind} {name_of(item)}", f"{failure}: {message}", namespace, command)


def of_gateway(gateway: Object) -> Iterator[Problem]:
    """Yield a problem for a Gateway that its controller has not accepted or programmed."""
    for kind, text in (
        ("Accepted", "is not accepted"),
        ("Programmed", "is not programmed, so nothing gets through it"),
    ):
        condition = condition_of(gateway, kind)
        if condition.get("status") != "True":
            namespace = namespace_of(gateway)
            message = condition.get("message") or "its controller has not looked at it"
            command = f"kubectl --namespace {namespace} describe gateway {gateway['metadata']['name']}"
            yield Problem(Level.CRITICAL, f"Gateway {name_of(gateway)}", f"{text}: {message}", namespace, command)
            return
