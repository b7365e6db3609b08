"""Which chart a HelmRelease installs, and what its values say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lib.checks.flux import Cluster, Kustomization
from lib.checks.objects import SOURCES, Object, walk

Keys = tuple[str | int, ...]
VALUES: Keys = ("spec", "values")


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping; an empty one where it is something else."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """A list; an empty one where it is something else."""
    return value if isinstance(value, list) else []


@dataclass(frozen=True, eq=False)
class Release:
    """A HelmRelease that Flux applies. `chart` is the last part of its chart's name or address."""

    one: Kustomization
    item: Object
    chart: str

    @property
    def values(self) -> Mapping[str, Any]:
        """What it says itself; valuesFrom can say more."""
        return mapping(self.item.get(*VALUES))

    @property
    def is_whole(self) -> bool:
        """Whether all its values are in it."""
        return not self.item.spec.get("valuesFrom")

    @property
    def is_app_template(self) -> bool:
        """Whether it is of the chart whose values this project knows."""
        return self.chart.endswith("app-template")

    @property
    def namespace(self) -> str:
        """Where the chart's objects end up."""
        return str(self.item.spec.get("targetNamespace") or self.item.namespace)

    @property
    def name(self) -> str:
        """What Helm calls it."""
        target = self.item.spec.get("targetNamespace")
        return str(self.item.spec.get("releaseName") or (f"{target}-{self.item.name}" if target else self.item.name))

    def get(self, *keys: str | int) -> Any:
        """A value behind keys; None where it is not there."""
        return self.item.get(*VALUES, *keys)


def releases(cluster: Cluster) -> list[Release]:
    """Every HelmRelease with its chart."""
    sources = {(item.kind, item.namespace, item.name): item for item in cluster.applied if item.group == SOURCES}
    return [Release(one, item, _chart(item, sources)) for one, item in cluster.releases]


def _chart(item: Object, sources: Mapping[tuple[str, str, str], Object]) -> str:
    """An OCIRepository's address names the chart; without one its own name is the best there is."""
    if named := item.get("spec", "chart", "spec", "chart"):
        return _last(str(named))
    reference = mapping(item.get("spec", "chartRef"))
    name = str(reference.get("name", ""))
    key = str(reference.get("kind", "")), str(reference.get("namespace") or item.namespace), name
    source = sources.get(key)
    found = source and (source.spec.get("url") or source.spec.get("chart"))
    return _last(str(found or name))


def _last(text: str) -> str:
    return text.rstrip("/").rpartition("/")[2]


def enabled_values(release: Release) -> Iterator[tuple[Keys, Any]]:
    """Every value of a release with the keys that lead to it from its object; what is switched off is left out."""
    yield from enabled(release.values, VALUES)


def enabled(value: Any, keys: Keys) -> Iterator[tuple[Keys, Any]]:
    """Every value inside a value, mappings with `enabled: false` left out."""
    off: list[Keys] = []
    for inner, found in walk(value, keys):
        if any(inner[: len(one)] == one for one in off):
            continue
        if isinstance(found, dict) and found.get("enabled") is False:
            off.append(inner)
        else:
            yield inner, found
