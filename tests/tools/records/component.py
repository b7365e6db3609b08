"""What a component's record says."""

import dataclasses
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from talos_flux.template.component_record import NAME, pin_of, read_record
from tests.support.render import PROJECT
from tests.tools.records import secret_stores
from tests.tools.records.ingress import ingresses
from tests.tools.records.made import is_answered, key_names
from tests.tools.records.storage import storages

APPS = PROJECT / "template/kubernetes/apps"
FOLDER = re.compile(r"\{\{ folder\['([a-z0-9-]+)'\] \}\}")
# A manifest's name in the template: with its condition, or without.
MANIFEST = re.compile(
    r"\{% if (?P<when>.+) %\}(?P<conditional>.+)\{% endif %\}(\.jinja)?|(?P<always>[^{}]+?)(\.jinja)?"
)
# What a record may wait for without knowing which it is.
ROLES = {
    "storage": [each.app for each in storages()],
    "ingress-internal": [each.internal for each in ingresses()],
    "ingress-external": [each.external for each in ingresses()],
}


@dataclass(frozen=True)
class ModuleChart:
    """A chart inside a Go module, `path` with its version, for the tests, and what its release does to it.

    `edits` are by file, each a text `old` and the `new` one; `renames` are of files.
    """

    path: str
    folder: str
    edits: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    renames: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Chart:
    """Where a chart comes from: an OCI address; name of the source and of the pin, both the component's by default."""

    url: str
    name: str
    pin: str
    module: ModuleChart | None = None


@dataclass(frozen=True)
class CrdFiles:
    """Files of a Go module, with its version, that hold CRDs, among other objects maybe; each may be a pattern."""

    module: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Brings:
    """What a component brings: API groups, whose objects wait for it, and where a Go module has their CRDs."""

    groups: tuple[str, ...] = ()
    crds: tuple[CrdFiles, ...] = ()


@dataclass(frozen=True)
class SecretValues:
    """What is in a Secret: its entry in bootstrap/secrets.yaml, and its row in the cluster's pages.

    `keys` is a text of Jinja, YAML when it is rendered; `forms` is what the values look like, `consumer` and `user` who
    uses them, in a sentence and in a word.
    """

    user: str
    consumer: str
    keys: str
    forms: dict[str, str] = field(default_factory=dict)

    @property
    def key_names(self) -> list[str]:
        return key_names(self.keys)


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
    components that exclude each other: those that are off are left out; a record says `storage`, `ingress-internal` or
    `ingress-external` for those that are an answer. `secret` is the Secret that the store of secrets makes, or a file
    that Flux decrypts; `item` its item in the store, where that has another name, `secret_values` what is in it, where
    no other record says so. `current_when` are objects that Flux can't judge by itself, with the condition that says
    they work. `manifests` are the files of app/ with the condition of each. `pins` are as in tests/pins.yml. `rendered`
    is the version of the chart that was rendered with the values as written and judged, `seen` where the values come
    from, both for the reference. `stub` says what its chart brings in test clusters, where no Go module carries it:
    `workloads`, `objects`.
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
    secret_values: SecretValues | None = None
    current_when: tuple[dict[str, str], ...] = ()
    chart: Chart | None = None
    brings: Brings = Brings()
    pins: dict[str, dict[str, Any]] = field(default_factory=dict)
    rendered: str = ""
    seen: str = ""
    stub: dict[str, Any] = field(default_factory=dict)
    manifests: dict[str, str] = field(default_factory=dict)


@cache
def components() -> tuple[Component, ...]:
    """Return all components, by name, those that serve a backend with its condition.

    UserError for a record that has a key or a value that is none.
    """
    served = secret_stores.conditions(secret_stores.backends(), "apps")
    served |= {each.app: is_answered("storage", [each.name]) for each in storages()}
    found = [component(path) for path in sorted(APPS.glob(f"*/{NAME}"))]
    if unknown := served.keys() - {each.name for each in found}:
        raise ValueError(f"backends: there is no component {min(unknown)}.")
    return tuple(dataclasses.replace(each, when=served.get(each.name, each.when)) for each in found)


def component(path: Path) -> Component:
    """Return what a record says, and the manifests beside it."""
    [name] = FOLDER.findall(path.parent.name)
    values = read_record(path)
    if chart := values.pop("chart", None):
        source = chart.get("name", name)
        module = ModuleChart(**chart["module"]) if "module" in chart else None
        values["chart"] = Chart(chart["url"], source, chart.get("pin", pin_of(source)), module)
    if said := values.pop("secret_values", None):
        values["secret_values"] = SecretValues(**said)
    brings = values.pop("brings", {})
    crds = tuple(CrdFiles(entry["module"], tuple(entry["files"])) for entry in brings.get("crds", ()))
    values["brings"] = Brings(tuple(brings.get("groups", ())), crds)
    if choice := values.pop("choice", None):
        values["choice"] = Choice(choice["name"], choice["text"], tuple(choice["words"]))
    values["current_when"] = tuple(values.get("current_when", ()))
    values["depends_on"] = tuple(sorted({app for one in values.get("depends_on", ()) for app in ROLES.get(one, [one])}))
    return Component(name=name, manifests=dict(sorted(manifests(path.parent).items())), **values)


def manifests(folder: Path) -> dict[str, str]:
    """Return the manifests of a folder with the condition of each, empty where it is always there."""
    found: dict[str, list[str]] = {}
    for path in folder.iterdir():
        if path.name != NAME and (match := MANIFEST.fullmatch(path.name)):
            found.setdefault(match["always"] or match["conditional"], []).append(match["when"] or "")
    return {name: _any_of(conditions) for name, conditions in found.items()}


def _any_of(conditions: list[str]) -> str:
    """Return the condition of files with one name: of two, which are alternatives, one is always there."""
    return conditions[0] if len(conditions) == 1 else ""


def fields_of_a_record() -> set[str]:
    """Return the keys that a record may have."""
    return {each.name for each in dataclasses.fields(Component)} - {"name", "manifests"}
