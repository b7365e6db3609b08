"""Access to what every object of the API has, whatever its kind. An object is the mapping that the API server sends."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]
AGE = re.compile(r"\b\d+[smhd]\b|\b\d\d:\d\d:\d\d\b")


def name_of(item: Object) -> str:
    """Return the object's name, with its namespace before it where it has one: <namespace>/<name>."""
    namespace = item["metadata"].get("namespace")
    return f"{namespace}/{item['metadata']['name']}" if namespace else str(item["metadata"]["name"])


def namespace_of(item: Object) -> str:
    """Return the object's namespace; empty for an object without one."""
    return str(item["metadata"].get("namespace", ""))


def status_of(item: Object) -> Mapping[str, Any]:
    """Return the object's status, which its controller writes; empty without one."""
    return item.get("status") or {}


def spec_of(item: Object) -> Mapping[str, Any]:
    """Return the object's spec; empty without one."""
    return item.get("spec") or {}


def condition_of(item: Object, kind: str = "Ready") -> Mapping[str, Any]:
    """Return a condition by its type; empty where the object has none of it."""
    matching = (condition for condition in status_of(item).get("conditions") or [] if condition.get("type") == kind)
    return next(matching, {})


def is_true(item: Object, kind: str = "Ready") -> bool:
    """Return whether a condition has the status True."""
    return condition_of(item, kind).get("status") == "True"


def is_observed(item: Object) -> bool:
    """Return whether the object's controller has seen its last change; without observedGeneration it counts as seen."""
    seen = status_of(item).get("observedGeneration")
    return seen is None or seen >= item["metadata"].get("generation", 0)


def is_being_deleted(item: Object) -> bool:
    """Return whether the object is being deleted."""
    return "deletionTimestamp" in item["metadata"]


def selects(workload: Object, pod: Object) -> bool:
    """Return whether a workload's selector matches a pod of its namespace; an empty selector matches none.

    Source: LabelSelector of k8s.io/apimachinery, pkg/apis/meta/v1.
    """
    selector = spec_of(workload).get("selector") or {}
    expressions = selector.get("matchExpressions") or []
    match_labels = selector.get("matchLabels") or {}
    labels = pod["metadata"].get("labels") or {}
    return (
        bool(match_labels or expressions)
        and namespace_of(pod) == namespace_of(workload)
        and match_labels.items() <= labels.items()
        and all(_holds(expression, labels) for expression in expressions)
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def at(text: str | None) -> datetime | None:
    """Return the time that the API writes as text; None without one."""
    return datetime.fromisoformat(text) if text else None


def age_of(text: str | None) -> str:
    """Return how long ago a time was, in kubectl's format: 42s, 5m, 3h, 12d; empty without one."""
    moment = at(text)
    return lasting((datetime.now(UTC) - moment).total_seconds()) if moment else ""


def lasting(seconds: float) -> str:
    """Return a duration in its largest unit that is at least one."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"


def without_ages(text: str) -> str:
    """Return a text without durations and times of day, whose change is no news."""
    return AGE.sub("", text)
