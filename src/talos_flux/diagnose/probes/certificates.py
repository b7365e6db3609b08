"""The checks of certificates, and of secrets that operators make for the apps."""

from talos_flux.diagnose.operator_problems import UNFILLED, of_certificate, of_secret
from talos_flux.diagnose.problem import CheckResult, Problem
from talos_flux.kube.kinds import CERTIFICATE, EXTERNAL_SECRET, ONEPASSWORD_ITEM
from talos_flux.kube.snapshot import Snapshot


def certificates(snapshot: Snapshot, namespace: str = "") -> CheckResult:
    """Check whether each certificate is issued, and lasts."""
    items = list(snapshot.of(CERTIFICATE, namespace=namespace))
    return CheckResult(
        "certificates",
        f"{len(items)} certificates",
        tuple(problem for item in items for problem in of_certificate(item)),
    )


def secrets(snapshot: Snapshot, namespace: str = "") -> CheckResult:
    """Check secret stores, and the secrets that are filled from them."""
    problems: list[Problem] = []
    for kind, failure in UNFILLED.items():
        if not (kind.of_cluster and namespace):
            for item in snapshot.of(kind, namespace=namespace):
                problems += of_secret(kind, item, failure)
    count = sum(1 for _ in snapshot.of(EXTERNAL_SECRET, ONEPASSWORD_ITEM, namespace=namespace))
    return CheckResult("secrets", f"{count} secrets from outside", tuple(problems))
