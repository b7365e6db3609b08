"""Rules about what Flux' sources and charts name: addresses, tags, digests and ranges of versions."""

import re
from collections.abc import Iterator

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import HELM, SOURCES, Object
from talos_flux.manifests.releases import mapping

# The grammar of registries: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# What follows the registry, by github.com/google/go-containerregistry, pkg/name/repository.go.
REPOSITORY = re.compile(r"[a-z0-9_./-]+")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# A range of versions as github.com/Masterminds/semver v3 reads it, constraints.go.
_PART = r"(?:\d+|[xX*])"
_VERSION = rf"v?{_PART}(?:\.{_PART}){{0,2}}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
_CONDITION = rf"(?:=|!=|>|<|>=|=>|<=|=<|~|~>|\^)?\s*{_VERSION}"
_ALL = rf"\s*(?:{_VERSION}\s+-\s+{_VERSION}|{_CONDITION}(?:[\s,]+{_CONDITION})*)\s*,?\s*"
RANGE = re.compile(rf"{_ALL}(?:\|\|{_ALL})*")
CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

Problems = Iterator[tuple[tuple[str, ...], str]]


@rule(
    "source-reference-wrong",
    Severity.ERROR,
    "Flux fetches nothing by a tag, a digest or a range of versions that can't be one.",
    "Write a tag without a digest, a digest with sha256: in front, or a range such as 1.x.",
)
def source_reference_wrong(cluster: Cluster) -> Violations:
    """Find references of sources and charts that no registry or repository can have; none with variables."""
    for item in cluster.applied:
        if item.group in (SOURCES, HELM):
            for keys, problem in _problems(item):
                if "$" not in str(item.get(*keys)):
                    yield item.at(*keys), f"{item.kind} {item.name}: {problem}"


def _problems(item: Object) -> Problems:
    reference = mapping(item.spec.get("ref"))
    if item.kind == "OCIRepository":
        yield from _of_an_address(str(item.spec.get("url", "")))
        tag, digest = str(reference.get("tag") or ""), str(reference.get("digest") or "")
        if tag and not TAG.fullmatch(tag):
            advice = ", write the digest as ref.digest" if "@" in tag else ""
            yield ("spec", "ref", "tag"), f"{tag} is no tag{advice}"
        if digest and not DIGEST.fullmatch(digest):
            missing = DIGEST.fullmatch(f"sha256:{digest}")
            yield ("spec", "ref", "digest"), f"{digest} is no digest{': sha256: is missing' if missing else ''}"
    if item.kind == "GitRepository" and (commit := str(reference.get("commit") or "")):
        if not COMMIT.fullmatch(commit):
            yield ("spec", "ref", "commit"), f"{commit} is not the full hash of a commit"
    for keys in (("spec", "ref", "semver"), ("spec", "chart", "spec", "version"), ("spec", "version")):
        versions = item.get(*keys)
        is_range = keys[-1] == "semver" or item.kind in ("HelmRelease", "HelmChart")
        if isinstance(versions, str) and versions and is_range and not RANGE.fullmatch(versions):
            yield keys, f"{versions} is no version, and no range of versions"


def _of_an_address(url: str) -> Problems:
    """Find what is wrong with the address of an OCIRepository behind its oci://, which is its kind's to demand."""
    registry, slash, path = url.removeprefix("oci://").partition("/")
    name, colon, tag = path.partition(":")
    if not slash or not registry:
        return
    if colon:
        yield ("spec", "url"), f"the address holds a tag: write {tag.partition('@')[0]} as ref.tag"
    elif "@" in path:
        yield ("spec", "url"), "the address holds a digest: write it as ref.digest"
    elif not REPOSITORY.fullmatch(name):
        yield ("spec", "url"), f"{name} is no repository of a registry, whose names are in lower case"


@rule(
    "layer-unselected",
    Severity.WARNING,
    "Flux takes the first layer of an artifact, which for a chart can be another one than the chart.",
    f"Set layerSelector to mediaType: {CHART_LAYER} and operation: copy.",
)
def layer_unselected(cluster: Cluster) -> Violations:
    """Find OCIRepositories that HelmReleases take their chart from, and that do not say which layer that is."""
    seen: set[tuple[str, str]] = set()
    for _, release in cluster.releases:
        reference = mapping(release.spec.get("chartRef"))
        key = str(reference.get("namespace") or release.namespace), str(reference.get("name"))
        source = cluster.find("OCIRepository", *key) if reference.get("kind") == "OCIRepository" else None
        if source and key not in seen and not mapping(source.spec.get("layerSelector")).get("mediaType"):
            seen.add(key)
            yield source.at("spec"), f"HelmRelease {release.name} takes its chart from {source}, of any layer"
