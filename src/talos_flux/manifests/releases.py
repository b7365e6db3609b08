"""Which chart a HelmRelease installs, and what its values say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import Object

Keys = tuple[str | int, ...]
VALUES: Keys = ("spec", "values")


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping; an empty one where it is something else."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """Return a list; an empty one where it is something else."""
    return value if isinstance(value, list) else []


@dataclass(frozen=True, eq=False)
class Release:
    """A HelmRelease that Flux applies. `chart` is the last part of its chart's name or address.

    `version` is empty where the files don't tell.
    """

    kustomization: Kustomization
    item: Object
    chart: str
    version: str = ""

    @property
    def values(self) -> Mapping[str, Any]:
        """Return its values, with those from ConfigMaps of the repository; Secrets can hold more."""
        return mapping(self.item.get(*VALUES))

    @property
    def is_whole(self) -> bool:
        """Return whether the repository tells all its values."""
        return not self.item.spec.get("valuesFrom")

    @property
    def is_app_template(self) -> bool:
        """Return whether it is of app-template, the chart whose values this project knows."""
        return self.chart.endswith("app-template")

    @property
    def major(self) -> int | None:
        """Return the first number of its chart's version; None where the files don't tell."""
        number = self.version.lstrip("v").partition(".")[0]
        return int(number) if number.isdigit() else None

    @property
    def namespace(self) -> str:
        """Return where the chart's objects end up."""
        return str(self.item.spec.get("targetNamespace") or self.item.namespace)

    @property
    def name(self) -> str:
        """Return the name of Helm's release."""
        target = self.item.spec.get("targetNamespace")
        return str(self.item.spec.get("releaseName") or (f"{target}-{self.item.name}" if target else self.item.name))

    def get(self, *keys: str | int) -> Any:
        """Return a value behind keys; None where it is not there."""
        return self.item.get(*VALUES, *keys)


@lru_cache(maxsize=4)
def releases(cluster: Cluster) -> tuple[Release, ...]:
    """Return every HelmRelease with its chart; computed once."""
    return tuple(
        Release(kustomization, item, chart_of(cluster, item), version_of(cluster, item))
        for kustomization, item in cluster.releases
    )


def chart_of(cluster: Cluster, item: Object) -> str:
    """Return the name of a HelmRelease's chart; that of its source, or its own, where the files tell no other."""
    named = item.get("spec", "chart", "spec", "chart")
    source = _source_of(cluster, item)
    name = named or (source and (source.spec.get("url") or source.spec.get("chart")))
    return str(name or item.get("spec", "chartRef", "name") or item.name).rstrip("/").rpartition("/")[2]


def version_of(cluster: Cluster, item: Object) -> str:
    """Return the version of a HelmRelease's chart; empty where the files don't tell."""
    source = _source_of(cluster, item)
    tag = source.get("spec", "ref", "tag") if source else None
    return str(item.get("spec", "chart", "spec", "version") or tag or "")


def _source_of(cluster: Cluster, item: Object) -> Object | None:
    """Return the object that a chartRef leads to; None where it is not there."""
    reference = mapping(item.get("spec", "chartRef"))
    namespace = str(reference.get("namespace") or item.namespace)
    return cluster.find(str(reference.get("kind", "")), namespace, str(reference.get("name", "")))


def enabled_values(release: Release) -> Iterator[tuple[Keys, Any]]:
    """Yield every value of a release with its keys from the object; what is switched off is left out."""
    yield from enabled(release.values, VALUES)


def enabled(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield every value inside a value, mappings with `enabled: false` left out."""
    if isinstance(value, dict) and value.get("enabled") is False:
        return
    yield keys, value
    for key, inner in value.items() if isinstance(value, dict) else enumerate(sequence(value)):
        yield from enabled(inner, (*keys, key))
