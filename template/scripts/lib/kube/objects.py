"""What every object of the API has, whatever its kind. An object is the mapping that the API server sends."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]
AGE = re.compile(r"\b\d+[smhd]\b|\b\d\d:\d\d:\d\d\b")


def name_of(item: Object) -> str:
    """Its name, with its namespace before it where it has one."""
    namespace = item["metadata"].get("namespace")
    return f"{namespace}/{item['metadata']['name']}" if namespace else str(item["metadata"]["name"])


def namespace_of(item: Object) -> str:
    """Its namespace; empty for what has none."""
    return str(item["metadata"].get("namespace", ""))


def status_of(item: Object) -> Mapping[str, Any]:
    """What its controller says of it."""
    return item.get("status") or {}


def spec_of(item: Object) -> Mapping[str, Any]:
    """What is wanted of it."""
    return item.get("spec") or {}


def condition_of(item: Object, kind: str = "Ready") -> Mapping[str, Any]:
    """A condition by its type; empty where the object has none of it."""
    found = (one for one in status_of(item).get("conditions") or [] if one.get("type") == kind)
    return next(found, {})


def is_true(item: Object, kind: str = "Ready") -> bool:
    """Whether a condition holds."""
    return condition_of(item, kind).get("status") == "True"


def is_observed(item: Object) -> bool:
    """Whether its controller has seen the last change of it; whoever says nothing of it has."""
    seen = status_of(item).get("observedGeneration")
    return seen is None or seen >= item["metadata"].get("generation", 0)


def is_leaving(item: Object) -> bool:
    """Whether it is being deleted."""
    return "deletionTimestamp" in item["metadata"]


def at(text: str | None) -> datetime | None:
    """A time as the API writes it."""
    return datetime.fromisoformat(text) if text else None


def age_of(text: str | None) -> str:
    """How long ago a time was, as kubectl says it: 42s, 5m, 3h, 12d; empty without one."""
    moment = at(text)
    return lasting((datetime.now(UTC) - moment).total_seconds()) if moment else ""


def lasting(seconds: float) -> str:
    """A duration in its largest unit that is at least one."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"


def without_ages(text: str) -> str:
    """What somebody says, but for how long it has been so, which is no news."""
    return AGE.sub("", text)
