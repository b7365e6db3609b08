"""What a component's record says."""

import dataclasses
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.render import PROJECT
from tests.tools.records import secret_stores

APPS = PROJECT / "template/kubernetes/apps"
RECORD = "component.yaml"
FOLDER = re.compile(r"\{\{ folder\['([a-z0-9-]+)'\] \}\}")
# A manifest's name in the template: with its condition, or without.
MANIFEST = re.compile(
    r"\{% if (?P<when>.+) %\}(?P<conditional>.+)\{% endif %\}(\.jinja)?|(?P<always>[^{}]+?)(\.jinja)?"
)
LEVELS = ("restricted", "baseline", "privileged")
TIERS = ("critical", "core", "standard")


@dataclass(frozen=True)
class Chart:
    """Where a chart comes from: an OCI address; name of the source and of the pin, both the component's by default."""

    url: str
    name: str
    pin: str


@dataclass(frozen=True)
class Choice:
    """An entry of the question `components`: the answer, its text, and words that no cluster without it contains."""

    name: str
    text: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Component:
    """An app of the template.

    `when` and `secret_when` are conditions of Jinja, empty where it is always so; `does` is a text that may hold
    expressions of Jinja. `pod_security` is the level that its pods need of their namespace. `depends_on` may name
    components that exclude each other: those that are off are left out. `secret` is the Secret that a OnePasswordItem
    makes, or a file that Flux decrypts; `item` the 1Password item, where that has another name. `current_when` are
    objects that Flux can't judge by itself, with the condition that says they work. `manifests` are the files of
    app/ with the condition of each. `pins` are as in tests/pins.yml. `stub` says what its chart brings in test
    clusters, where no Go module carries it: `workloads`, `groups` of CRDs, `objects`.
    """

    name: str
    does: str
    namespace: str
    tier: str
    pod_security: str = "restricted"
    when: str = ""
    choice: Choice | None = None
    depends_on: tuple[str, ...] = ()
    secret: str = ""
    secret_when: str = ""
    item: str = ""
    current_when: tuple[dict[str, str], ...] = ()
    chart: Chart | None = None
    pins: dict[str, dict[str, Any]] = field(default_factory=dict)
    stub: dict[str, Any] = field(default_factory=dict)
    manifests: dict[str, str] = field(default_factory=dict)


@cache
def components() -> tuple[Component, ...]:
    """Return all components, by name, those that serve a backend with its condition.

    ValueError for a record that has a key or a value that is none.
    """
    served = secret_stores.conditions(secret_stores.backends(), "apps")
    found = [component(path) for path in sorted(APPS.glob(f"*/{RECORD}"))]
    if unknown := served.keys() - {each.name for each in found}:
        raise ValueError(f"backends/secrets: apps has no component {min(unknown)}.")
    return tuple(dataclasses.replace(each, when=served.get(each.name, each.when)) for each in found)


def component(path: Path) -> Component:
    """Return what a record says, and the manifests beside it."""
    [name] = FOLDER.findall(path.parent.name)
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    known = {each.name for each in dataclasses.fields(Component)} - {"name", "manifests"}
    if unknown := sorted(values.keys() - known):
        raise ValueError(f"{path}: {unknown[0]} is no key of a record; it has {', '.join(sorted(known))}.")
    for key, choices in (("tier", TIERS), ("pod_security", LEVELS)):
        if key in values and values[key] not in choices:
            raise ValueError(f"{path}: {key} is {', '.join(choices[:-1])} or {choices[-1]}, not {values[key]}.")
    if chart := values.pop("chart", None):
        source = chart.get("name", name)
        values["chart"] = Chart(chart["url"], source, chart.get("pin", pin_of(source)))
    if choice := values.pop("choice", None):
        values["choice"] = Choice(choice["name"], choice["text"], tuple(choice["words"]))
    for key in ("depends_on", "current_when"):
        values[key] = tuple(values.get(key, ()))
    return Component(name=name, manifests=dict(sorted(manifests(path.parent).items())), **values)


def manifests(folder: Path) -> dict[str, str]:
    """Return the manifests of a folder with the condition of each, empty where it is always there."""
    found: dict[str, list[str]] = {}
    for path in folder.iterdir():
        if path.name != RECORD and (match := MANIFEST.fullmatch(path.name)):
            found.setdefault(match["always"] or match["conditional"], []).append(match["when"] or "")
    return {name: _any_of(conditions) for name, conditions in found.items()}


def _any_of(conditions: list[str]) -> str:
    """Return the condition of files with one name: of two, which are alternatives, one is always there."""
    return conditions[0] if len(conditions) == 1 else ""


def pin_of(name: str) -> str:
    """Return the question that records the version of a chart."""
    return f"pin_{name.replace('-', '_')}"
