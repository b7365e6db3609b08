"""The check of the client certificates in kubeconfig and talosconfig, which expire a year after they were made."""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from talos_flux.diagnose.operator_problems import SOON
from talos_flux.diagnose.problem import CheckResult, Level, Problem
from talos_flux.kube.accessors import lasting
from talos_flux.kube.client import config_of
from talos_flux.paths import TALOSCONFIG
from talos_flux.repository.settings import Inventory

# Python's standard library reads no certificates. In DER the two times of a validity are side by side, each of 12
# digits (UTCTime) or of 14 (GeneralizedTime).
VALIDITY = re.compile(rb"(?:\x17\x0d\d{12}|\x18\x0f\d{14})Z(?:\x17\x0d|\x18\x0f)(\d{12,14})Z")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----([\sA-Za-z0-9+/=]+)-----END CERTIFICATE-----")


def access(cluster: Inventory, context: str | None = None) -> CheckResult:
    """Check until when kubeconfig and talosconfig are valid; a login without a certificate is left out."""
    expiries = [
        (name, task, ends)
        for name, task, text in (
            ("kubeconfig", "task kubeconfig", _of_kubeconfig(context)),
            ("talosconfig", "task configure", _of_talosconfig(cluster)),
        )
        if (ends := end_of(text))
    ]
    problems = tuple(problem for name, task, ends in expiries for problem in _of(name, task, ends))
    summary = ", ".join(f"{name} until {ends:%Y-%m-%d}" for name, _, ends in expiries)
    return CheckResult("access", summary or "no certificates", problems)


def _of(name: str, task: str, ends: datetime) -> Iterator[Problem]:
    left = ends - datetime.now(UTC)
    if left < SOON:
        when = f"ends in {lasting(left.total_seconds())}" if left > timedelta() else "has ended"
        yield Problem(Level.WARNING, name, f"its certificate {when}, after which it opens nothing", command=task)


def _of_kubeconfig(context: str | None) -> str:
    config = config_of(context)
    user = config.user
    try:
        if user.client_cert_data:
            return base64.b64decode(user.client_cert_data).decode()
        return Path(config.abs_file(user.client_cert)).read_text() if user.client_cert else ""
    except (OSError, ValueError):
        return ""


def _of_talosconfig(cluster: Inventory) -> str:
    try:
        contexts = yaml.safe_load(TALOSCONFIG.read_text())["contexts"]
        return base64.b64decode(contexts[cluster.cluster]["crt"]).decode()
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        # What is wrong with it is reported where talosctl is used.
        return ""


def end_of(text: str) -> datetime | None:
    """Return when the first certificate in a PEM text ends; None without one."""
    if not (match := PEM.search(text)):
        return None
    try:
        validity = VALIDITY.search(base64.b64decode(match[1]))
    except binascii.Error:
        return None
    if not validity:
        return None
    digits = validity[1].decode()
    # Years of two digits below 50 are of this century.
    century = "" if len(digits) == len("20261128120000") else "20" if digits < "50" else "19"
    return datetime.strptime(f"{century}{digits}", "%Y%m%d%H%M%S").replace(tzinfo=UTC)
