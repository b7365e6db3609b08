"""DNS records: what external-dns reads on apps."""

import re

from lib.checks.charts import Release, mapping, releases, sequence, version_of
from lib.checks.flux import Cluster
from lib.checks.objects import walk
from lib.checks.rules import Found, Severity, rule

BEFORE, SINCE = "external-dns.alpha.kubernetes.io/", "external-dns.kubernetes.io/"
# k8s_gateway takes it from Services, too.
HOSTNAME = f"{BEFORE}hostname"


@rule(
    "annotation-prefix-unread",
    Severity.ERROR,
    "external-dns reads annotations of one prefix: what stands under the other leads to no record, or to a wrong one.",
    "Write the prefix that external-dns reads, or set its annotationPrefix.",
)
def annotation_prefix_unread(cluster: Cluster) -> Found:
    """Annotations of external-dns that none of its releases reads; both side by side are a move between the two."""
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
                yield item.at(*keys), f"{item} has {name}, and external-dns reads {' and '.join(sorted(read))}"


def prefix_of(cluster: Cluster, release: Release) -> str:
    """The prefix of the annotations that a release of kubernetes-sigs' chart reads; empty where nobody can tell.

    Since chart 1.22 (external-dns 0.22) it is another one by default: kubernetes-sigs/external-dns#6424.
    """
    said = release.values.get("annotationPrefix")
    arguments = release.values.get("extraArgs")
    words = [f"--{key}={value}" for key, value in arguments.items()] if isinstance(arguments, dict) else arguments
    for word in map(str, sequence(words)):
        said = word.partition("=")[2] if word.startswith("--annotation-prefix=") else said
    if said or not release.is_whole:
        return str(said or "")
    number = re.match(r"v?1\.(\d+)\.", version_of(cluster, release.item))
    if not number or mapping(release.values.get("image")).get("tag"):
        return ""
    return SINCE if int(number[1]) >= 22 else BEFORE  # noqa: PLR2004, chart 1.22.0
