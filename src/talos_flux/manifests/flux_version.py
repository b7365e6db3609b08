"""Which Flux a repository runs, wherever that stands: the operator's instance, the manifests of a release, an image."""

import re
from collections.abc import Iterator
from typing import Any

from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import SOURCES
from talos_flux.manifests.releases import releases
from talos_flux.manifests.resource_sets import OPERATOR

Version = tuple[int, int]
NEWEST = (2, 1000)
NUMBER = r"v?(\d+)\.(\d+)"
# What `flux install --export` and flux bootstrap write above the components, and where its manifests are fetched from.
TEXTS = (
    re.compile(rf"^# Flux Version: {NUMBER}", re.MULTILINE | re.IGNORECASE),
    re.compile(rf"fluxcd/flux2/+manifests/(?!monitoring)[\w/-]+\?(?:ref|version)={NUMBER}"),
    re.compile(rf"fluxcd/flux2/releases/download/{NUMBER}"),
    re.compile(rf"githubusercontent\.com/fluxcd/flux2/{NUMBER}[\w.-]*/manifests/(?!monitoring)"),
)
# From Flux 2.0 on, kustomize-controller 1.x is that of Flux 2.x.
IMAGE = re.compile(r"fluxcd/kustomize-controller:v(\d+)\.(\d+)")


def flux_version(cluster: Cluster) -> Version | None:
    """Return the oldest Flux that the files name, as major and minor version; None where they name none."""
    return min(_versions(cluster), default=None)


def _versions(cluster: Cluster) -> Iterator[Version]:
    for item in cluster.of("FluxInstance", OPERATOR):
        yield from _of_range(item.get("spec", "distribution", "version"))
    for release in releases(cluster):
        if release.chart == "flux-instance" and (release.is_whole or release.get("instance", "distribution")):
            # The chart's own default is 2.x.
            yield from _of_range(release.get("instance", "distribution", "version") or "2.x")
    for item in cluster.of("OCIRepository", SOURCES):
        if str(item.spec.get("url", "")).rstrip("/").endswith("fluxcd/flux-manifests"):
            yield from _of_range(item.get("spec", "ref", "tag") or item.get("spec", "ref", "semver"))
    for file in cluster.files.values():
        if file.is_yaml and "flux" in file.text:
            for pattern in TEXTS:
                yield from ((int(major), int(minor)) for major, minor in pattern.findall(file.text))
            for major, minor in IMAGE.findall(file.text):
                yield (2, int(minor)) if major == "1" else (0, int(minor))


def _of_range(version: Any) -> Iterator[Version]:
    """Yield the oldest version that a range can mean today: 2.x and * are whatever is the newest."""
    text = str(version or "")
    if match := re.match(rf"[=~^>\s]*{NUMBER}", text):
        yield int(match[1]), int(match[2])
    elif re.fullmatch(r"[=~^>\s]*v?2(?:\.[x*]\S*)?|\*|latest", text):
        yield NEWEST
