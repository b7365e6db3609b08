"""Charts of forks: they bring kinds under an upstream project's name, with fields that only the fork has."""

import re
from collections.abc import Iterable, Iterator

from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import SOURCES, walk
from talos_flux.manifests.releases import Release, mapping, releases

# Whose images the charts of a project run, as a part of their address. A project that is not here has no fork that
# is known by its image.
OWNERS: dict[str, tuple[str, ...]] = {
    "cert-manager": ("jetstack", "cert-manager"),
    "cilium": ("cilium",),
    "cloudnative-pg": ("cloudnative-pg",),
    "connect": ("1password",),
    "dragonfly-operator": ("dragonflydb",),
    "external-dns": ("external-dns", "bitnami"),
    "external-secrets": ("external-secrets",),
    "gateway-helm": ("envoyproxy",),
    "grafana-operator": ("grafana",),
    "keda": ("kedacore",),
    "kubeai": ("kubeai",),
    "longhorn": ("longhornio",),
    "metallb": ("metallb",),
    "rook-ceph": ("rook",),
    "snapshot-controller": ("sig-storage", "piraeusdatastore", "snapshot-controller"),
    "volsync": ("backube",),
}
# What charts of parts of a project, and of what goes with it, are called after the project.
PARTS = re.compile(r"-(?:crds?|webhook\S*|operator|cluster|config|csi\S*|approver-policy|exporter|drivers?|agent|api)$")


def forks(cluster: Cluster, names: set[str], remotes: Iterable[set[str]]) -> dict[str, Release]:
    """Return the releases of forks, by the name of the upstream chart.

    `names` are those of upstream charts, `remotes` the words of addresses that kustomization.yaml files take from.
    """
    found: dict[str, Release] = {}
    exact = {release.chart for release in releases(cluster)}
    elsewhere = list(remotes)
    for release in releases(cluster):
        if release.chart in names:
            name = release.chart
            if _runs_image_of_others(release, name) or _comes_from_others(cluster, release, name, elsewhere):
                found[name] = release
        elif release.item.name in names - exact and _is_named_after(release, release.item.name):
            found[release.item.name] = release
    return found


def _is_named_after(release: Release, name: str) -> bool:
    """Return whether a chart is called like another one and more, and its release stands in that one's place."""
    is_like = release.chart.startswith(f"{name}-") or release.chart.endswith(f"-{name}")
    return is_like and not PARTS.search(release.chart)


def _runs_image_of_others(release: Release, name: str) -> bool:
    """Return whether values say an image of the project's name, of another owner."""
    owners = OWNERS.get(name)
    return bool(owners) and any(
        address.rstrip("/").rpartition("/")[2] == name
        and not any(f"/{owner}/" in f"/{address}/" for owner in owners or ())
        for address in _images(release)
        if "/" in address
    )


def _images(release: Release) -> Iterator[str]:
    for keys, value in walk(release.values):
        if isinstance(value, str) and keys and keys[-1] == "repository":
            registry = mapping(release.get(*keys[:-1])).get("registry")
            yield f"{registry}/{value}" if registry else value


def _comes_from_others(cluster: Cluster, release: Release, name: str, remotes: list[set[str]]) -> bool:
    """Return whether a fork of a project's repository is a source, or named in a kustomization.yaml."""
    owners = OWNERS.get(name)
    if not owners:
        return False
    reference = mapping(release.item.get("spec", "chart", "spec", "sourceRef")) or mapping(
        release.item.get("spec", "chartRef")
    )
    source = cluster.find(
        str(reference.get("kind")),
        str(reference.get("namespace") or release.item.namespace),
        str(reference.get("name")),
    )
    url = str(source.spec.get("url")) if source and source.group == SOURCES else ""
    forked = re.search(rf"github\.com[/:]([\w-]+)/{re.escape(name)}(?:\.git|/|$)", url)
    if forked and forked[1] not in owners:
        return True
    return any({"github.com", name} <= words and not words & {*owners} for words in remotes)
