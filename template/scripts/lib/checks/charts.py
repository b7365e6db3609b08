"""Which chart a HelmRelease installs, and what its values say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lib.checks.flux import Cluster, Kustomization
from lib.checks.objects import Object

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
        """What it says, and what it takes from ConfigMaps of the repository; Secrets can say more."""
        return mapping(self.item.get(*VALUES))

    @property
    def is_whole(self) -> bool:
        """Whether the repository tells all its values."""
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


@lru_cache(maxsize=4)
def releases(cluster: Cluster) -> tuple[Release, ...]:
    """Every HelmRelease with its chart; found out once."""
    return tuple(Release(one, item, chart_of(cluster, item)) for one, item in cluster.releases)


def chart_of(cluster: Cluster, item: Object) -> str:
    """The name of a HelmRelease's chart; that of its source, or the release's own, where the files tell no other."""
    named = item.get("spec", "chart", "spec", "chart")
    source = _source_of(cluster, item)
    found = named or (source and (source.spec.get("url") or source.spec.get("chart")))
    return str(found or item.get("spec", "chartRef", "name") or item.name).rstrip("/").rpartition("/")[2]


def version_of(cluster: Cluster, item: Object) -> str:
    """The version of a HelmRelease's chart; empty where the files don't tell."""
    source = _source_of(cluster, item)
    tag = source.get("spec", "ref", "tag") if source else None
    return str(item.get("spec", "chart", "spec", "version") or tag or "")


def _source_of(cluster: Cluster, item: Object) -> Object | None:
    """What a chartRef leads to."""
    reference = mapping(item.get("spec", "chartRef"))
    namespace = str(reference.get("namespace") or item.namespace)
    return cluster.find(str(reference.get("kind", "")), namespace, str(reference.get("name", "")))


def enabled_values(release: Release) -> Iterator[tuple[Keys, Any]]:
    """Every value of a release with the keys that lead to it from its object; what is switched off is left out."""
    yield from enabled(release.values, VALUES)


def enabled(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every value inside a value, mappings with `enabled: false` left out."""
    if isinstance(value, dict) and value.get("enabled") is False:
        return
    yield keys, value
    for key, inner in value.items() if isinstance(value, dict) else enumerate(sequence(value)):
        yield from enabled(inner, (*keys, key))
