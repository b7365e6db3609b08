"""component.yaml, which says beside its manifests what a component is, the template's or one of a user's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from talos_flux.errors import UserError, did_you_mean

NAME = "component.yaml"
TIERS = ("critical", "core", "standard")
LEVELS = ("restricted", "baseline", "privileged")
# What only the template, its reference and its tests use of a record stands behind the others.
KEYS = (
    "does", "namespace", "pod_security", "tier", "depends_on", "secret", "secret_when", "item", "current_when", "chart",
    "pins", "when", "choice", "secret_values", "brings", "rendered", "seen", "stub",
)  # fmt: skip
NEEDED = ("does", "namespace", "tier")


def read_record(path: Path) -> dict[str, Any]:
    """Return what a record says; UserError for a key or a value that is none."""
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} can't be read: {' '.join(str(error).split())}.") from None
    if not isinstance(values, Mapping):
        raise UserError(f"{path} is no mapping.")
    for name in values:
        if name not in KEYS:
            raise UserError(f"{path}: {name} is no key of a record{did_you_mean(str(name), KEYS)}")
    for name in NEEDED:
        if not values.get(name):
            raise UserError(f"{path}: {name} is missing.")
    for key, choices in (("tier", TIERS), ("pod_security", LEVELS)):
        if key in values and values[key] not in choices:
            raise UserError(f"{path}: {key} is {', '.join(choices[:-1])} or {choices[-1]}, not {values[key]}.")
    for key, kind, what in (("depends_on", list, "a list"), ("pins", dict, "a mapping"), ("chart", dict, "a mapping")):
        if not isinstance(values.get(key, kind()), kind):
            raise UserError(f"{path}: {key} is {what}, not {values[key]!r}.")
    return dict(values)


def pin_of(name: str) -> str:
    """Return the question that records the version of a chart."""
    return f"pin_{name.replace('-', '_')}"
