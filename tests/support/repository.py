"""A rendered repository as objects: its files, its YAML, its Flux Kustomizations and HelmReleases."""

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.support.render import files_in

Object = dict[str, Any]
FLUX_KUSTOMIZATION = "kustomize.toolkit.fluxcd.io"


class UniqueKeyLoader(yaml.CSafeLoader):
    """PyYAML keeps the last of two equal keys without a word; this refuses them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value!r}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


# Kubernetes and Talos read YAML with Go: dates, 12:30 and = are text there.
UniqueKeyLoader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag.rpartition(":")[2] not in ("timestamp", "value", "int", "float")]
    for first, rules in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _rule in (
    ("int", r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
):
    UniqueKeyLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_rule})$"), list("-+.0123456789")
    )


@cache
def parse(text: str) -> list[Any]:
    """Every document of a YAML stream that is not empty; yaml.YAMLError for bad YAML or a duplicate key."""
    return [document for document in yaml.load_all(text, Loader=UniqueKeyLoader) if document is not None]


def is_kind(document: Any, kind: str, group: str = "") -> bool:
    """Whether a document is an object of that kind, in that API group when one is given."""
    if not isinstance(document, dict) or document.get("kind") != kind:
        return False
    return not group or str(document.get("apiVersion")).split("/")[0] == group


@dataclass(frozen=True)
class App:
    """One folder kubernetes/apps/<namespace>/<name> and the Flux Kustomization in it."""

    namespace: str
    name: str
    folder: Path
    kustomization: Object

    @property
    def depends_on(self) -> list[str]:
        return [dependency["name"] for dependency in self.kustomization["spec"].get("dependsOn", [])]

    @cached_property
    def objects(self) -> list[Object]:
        """What stands in the app's own YAML files, as written."""
        files = sorted((self.folder / "app").rglob("*.yaml"))
        return [document for file in files for document in parse(file.read_text())]

    @property
    def helm_releases(self) -> list[Object]:
        return [document for document in self.objects if is_kind(document, "HelmRelease")]


@dataclass(frozen=True)
class Repository:
    """A rendered cluster. `answers` are those it was rendered with, by question."""

    root: Path
    answers: dict[str, Any]

    @cached_property
    def files(self) -> list[Path]:
        """Every file, relative to the root, sorted."""
        return files_in(self.root)

    @cached_property
    def yaml_files(self) -> list[Path]:
        return [path for path in self.files if path.suffix in (".yaml", ".yml")]

    def text(self, path: Path | str) -> str:
        return (self.root / path).read_text()

    def documents(self, path: Path | str) -> list[Any]:
        return parse(self.text(path))

    @cached_property
    def apps(self) -> list[App]:
        found = []
        for ks in sorted(self.root.glob("kubernetes/apps/*/*/ks.yaml")):
            for document in parse(ks.read_text()):
                found.append(App(ks.parts[-3], ks.parts[-2], ks.parent, document))
        return found

    @cached_property
    def app(self) -> dict[str, App]:
        """The apps by the name of their Flux Kustomization."""
        return {app.kustomization["metadata"]["name"]: app for app in self.apps}

    @property
    def namespaces(self) -> list[Path]:
        """The folders below kubernetes/apps."""
        return sorted(path for path in self.root.glob("kubernetes/apps/*") if path.is_dir())

    @cached_property
    def sources(self) -> dict[tuple[str, str], Object]:
        """The chart sources of kubernetes/flux/meta/repos by kind and name."""
        documents = [
            d for f in sorted(self.root.glob("kubernetes/flux/meta/repos/*.yaml")) for d in parse(f.read_text())
        ]
        return {(document["kind"], document["metadata"]["name"]): document for document in documents}

    @cached_property
    def settings(self) -> dict[str, str]:
        """What ${…} may name: the data of ConfigMap cluster-settings."""
        return self.documents("kubernetes/flux/meta/settings/cluster-settings.yaml")[0]["data"]

    def requirements(self, name: str) -> set[str]:
        """All Kustomizations that the named one waits for, directly or not."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            for dependency in self.app[waiting.pop()].depends_on:
                if dependency in self.app and dependency not in found:
                    found.add(dependency)
                    waiting.append(dependency)
        return found


def chart_source(release: Object) -> tuple[str, str]:
    """Kind and name of the source that a HelmRelease takes its chart from."""
    spec = release["spec"]
    reference = spec["chartRef"] if "chartRef" in spec else spec["chart"]["spec"]["sourceRef"]
    return reference["kind"], reference["name"]


def walk(value: Any) -> Iterator[Any]:
    """Every mapping, list and scalar inside a value, itself first."""
    yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from walk(child)
