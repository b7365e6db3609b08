"""Rules about DNS records: the annotations that external-dns reads on apps, and its filters for them."""

import re
from collections.abc import Iterator

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Object, walk
from talos_flux.manifests.releases import VALUES, Keys, Release, mapping, releases, sequence, version_of

BEFORE, SINCE = "external-dns.alpha.kubernetes.io/", "external-dns.kubernetes.io/"
# k8s_gateway reads this one on Services, too.
HOSTNAME = f"{BEFORE}hostname"


@rule(
    "annotation-prefix-unread",
    Severity.ERROR,
    "external-dns reads annotations of one prefix: what stands under the other leads to no record, or to a wrong one.",
    "Write the prefix that external-dns reads, or set its annotationPrefix.",
)
def annotation_prefix_unread(cluster: Cluster) -> Violations:
    """Find annotations of external-dns that none of its releases reads, and what else has their prefix.

    That is providerSpecific of a DNSEndpoint, which its providers compare with the prefix that is read, and a release's
    own filter, which then matches nothing. Both prefixes side by side are a migration, and no finding.
    """
    yield from _filters(cluster)
    read = {prefix_of(cluster, release) for release in releases(cluster) if release.chart == "external-dns"}
    unread = {BEFORE, SINCE} - read
    if "" in read or len(unread) != 1:
        return
    prefix, is_for_gateway = unread.pop(), any("k8s-gateway" in release.chart for release in releases(cluster))
    for item in cluster.applied:
        for keys, _ in walk(item.content):
            name = str(keys[-1]) if keys else ""
            if not name.startswith(prefix) or (is_for_gateway and name == HOSTNAME):
                continue
            beside = {f"{other}{name.removeprefix(prefix)}" for other in read}
            if not beside & mapping(item.get(*keys[:-1])).keys():
                text = f"{item} has {name}, and external-dns reads {' and '.join(sorted(read))}"
                yield item.at(*keys), text, prefix
        if item.kind == "DNSEndpoint":
            yield from _provider_specific(item, prefix, read)


def _provider_specific(item: Object, prefix: str, read: set[str]) -> Violations:
    """Find names of providerSpecific with a prefix that is not read, and not beside one that is."""
    for number, endpoint in enumerate(map(mapping, sequence(item.spec.get("endpoints")))):
        listed = list(map(mapping, sequence(endpoint.get("providerSpecific"))))
        names = {str(entry.get("name")) for entry in listed}
        for position, name in enumerate(str(entry.get("name")) for entry in listed):
            beside = {f"{other}{name.removeprefix(prefix)}" for other in read}
            if name.startswith(prefix) and not beside & names:
                place = item.at("spec", "endpoints", number, "providerSpecific", position, "name")
                text = f"{item} has {name}, and external-dns reads {' and '.join(sorted(read))}"
                yield place, text, prefix


def _filters(cluster: Cluster) -> Violations:
    """Find filters of releases for annotations with a prefix that the release itself does not read."""
    for release in releases(cluster):
        prefix = prefix_of(cluster, release) if release.chart == "external-dns" else ""
        for keys, text in _filters_of(release) if prefix else ():
            for other in {BEFORE, SINCE} - {prefix}:
                if other in text and prefix not in text:
                    said = f"HelmRelease {release.item.name} takes only what has {text}, and reads {prefix}"
                    yield release.item.at(*VALUES, *keys), said


def _filters_of(release: Release) -> Iterator[tuple[Keys, str]]:
    if text := release.values.get("annotationFilter"):
        yield ("annotationFilter",), str(text)
    arguments = release.values.get("extraArgs")
    named = arguments.items() if isinstance(arguments, dict) else enumerate(sequence(arguments))
    for key, value in named:
        if key == "annotation-filter":
            yield ("extraArgs", key), str(value)
        elif isinstance(key, int) and str(value).startswith("--annotation-filter"):
            yield ("extraArgs", key), str(value).partition("=")[2]


def prefix_of(cluster: Cluster, release: Release) -> str:
    """Return the annotation prefix that a release of kubernetes-sigs' chart reads; empty where the files do not tell.

    Since chart 1.22 (external-dns 0.22) it is another one by default: kubernetes-sigs/external-dns#6424.
    """
    prefix = release.values.get("annotationPrefix")
    arguments = release.values.get("extraArgs")
    flags = [f"--{key}={value}" for key, value in arguments.items()] if isinstance(arguments, dict) else arguments
    for flag in map(str, sequence(flags)):
        prefix = flag.partition("=")[2] if flag.startswith("--annotation-prefix=") else prefix
    if prefix or not release.is_whole:
        return str(prefix or "")
    number = re.match(r"v?1\.(\d+)\.", version_of(cluster, release.item))
    if not number or mapping(release.values.get("image")).get("tag"):
        return ""
    return SINCE if int(number[1]) >= 22 else BEFORE
