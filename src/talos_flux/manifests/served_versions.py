"""Which versions of an API nobody serves any more: of Kubernetes, and of the charts that bring custom kinds.

Kubernetes' own are in the schemas; kubernetes.io/docs/reference/using-api/deprecation-guide has what is gone. A version
of a chart's kinds is judged only where the files tell the chart's version.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from talos_flux.errors import closest
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Object
from talos_flux.manifests.providers import BRINGS, providers
from talos_flux.manifests.releases import Release, releases, version_of
from talos_flux.manifests.schemas import archive

# Groups of Kubernetes whose stable kinds have left their beta versions behind by 1.32, which is older than any Talos
# that is supported. Betas that are newer, as of admissionregistration and resource, are left out.
OF_KUBERNETES = {
    "", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps", "autoscaling", "batch", "discovery.k8s.io",
    "events.k8s.io", "flowcontrol.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "policy",
    "rbac.authorization.k8s.io", "scheduling.k8s.io", "storage.k8s.io",
}  # fmt: skip
# What was in a group that is gone as a whole.
EXTENSIONS = {
    "DaemonSet": "apps/v1", "Deployment": "apps/v1", "Ingress": "networking.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1", "ReplicaSet": "apps/v1",
}  # fmt: skip


class Gone(NamedTuple):
    """Versions of a group that a chart does not serve since one of its own versions; no kinds are all of them."""

    group: str
    versions: tuple[str, ...]
    charts: tuple[str, ...]
    since: tuple[int, int]
    write: str
    kinds: tuple[str, ...] = ()
    # The value that serves them all the same.
    switch: tuple[str, ...] = ()


STORES = ("ClusterExternalSecret", "ClusterSecretStore", "ExternalSecret", "SecretStore")
GONE = (
    # external-secrets' release notes of 0.17.0; crds.unsafeServeV1Beta1 served it until 2026.
    Gone("external-secrets.io", ("v1alpha1", "v1beta1"), ("external-secrets",), (0, 17), "external-secrets.io/v1",
         STORES, ("crds", "unsafeServeV1Beta1")),
    Gone("cert-manager.io", ("v1alpha2", "v1alpha3", "v1beta1"), ("cert-manager",), (1, 6), "cert-manager.io/v1"),
    Gone("traefik.containo.us", ("v1alpha1",), ("traefik",), (28, 0), "traefik.io/v1alpha1"),
    Gone("integreatly.org", ("v1alpha1",), ("grafana-operator",), (5, 0), "grafana.integreatly.org/v1beta1"),
    Gone("gateway.networking.k8s.io", ("v1alpha2",), (), (0, 0), "gateway.networking.k8s.io/v1",
         ("Gateway", "GatewayClass", "HTTPRoute")),
    Gone("snapshot.storage.k8s.io", ("v1alpha1", "v1beta1"), (), (0, 0), "snapshot.storage.k8s.io/v1"),
)  # fmt: skip
# The charts' versions from which the schemas are: newer ones serve no older versions of an API.
SEEN: dict[str, tuple[int, int]] = {
    "cert-manager": (1, 21), "cilium": (1, 20), "external-secrets": (2, 9),
}  # fmt: skip


def unserved(cluster: Cluster) -> Iterator[tuple[Object, str]]:
    """Yield the objects of a version, or of a kind, that nobody serves, each with what to write."""
    charts: dict[str, list[Release]] = defaultdict(list)
    for release in releases(cluster):
        charts[release.chart].append(release)
    for item in cluster.applied:
        if (
            write := _of_kubernetes(item)
            if item.group in OF_KUBERNETES | {"extensions"}
            else _of_charts(cluster, item, charts)
        ):
            yield item, write


def _of_kubernetes(item: Object) -> str:
    if item.group == "extensions":
        return EXTENSIONS.get(item.kind, "")
    known = _versions().get((item.group, item.kind))
    version = item.api_version.rpartition("/")[2]
    if known is None:
        kinds = [kind for group, kind in _versions() if group == item.group]
        near = closest(item.kind, kinds)
        home = next(
            (f"{group}/{versions[0]}" for (group, kind), versions in _versions().items() if kind == item.kind), ""
        )
        return home or (f"kind: {near}" if near else "another kind")
    return "" if version in known else f"{item.group}/{known[0]}".lstrip("/")


def _of_charts(cluster: Cluster, item: Object, charts: dict[str, list[Release]]) -> str:
    version = item.api_version.rpartition("/")[2]
    for gone in GONE:
        if item.group != gone.group or version not in gone.versions or (gone.kinds and item.kind not in gone.kinds):
            continue
        bringing = [release for chart in gone.charts for release in charts.get(chart, ())]
        is_new = all(_number(cluster, release) >= gone.since for release in bringing)
        is_served = any(release.get(*gone.switch) is True for release in bringing if gone.switch)
        if bringing or not gone.charts:
            return gone.write if is_new and not is_served else ""
    known = _versions().get((item.group, item.kind))
    if known and version not in known and not providers(cluster).fork_of(item.group):
        bringing = [release for chart in BRINGS.get(item.group, ()) for release in charts.get(chart, ())]
        seen = [release for release in bringing if release.chart in SEEN]
        if seen and all(_number(cluster, release) >= SEEN[release.chart] for release in seen):
            return f"{item.group}/{known[0]}"
    return ""


def _number(cluster: Cluster, release: Release) -> tuple[int, int]:
    """Return the first two numbers of a release's chart; two zeros where the files don't tell."""
    match = re.match(r"v?(\d+)\.(\d+)", version_of(cluster, release.item))
    return (int(match[1]), int(match[2])) if match else (0, 0)


@cache
def _versions() -> dict[tuple[str, str], list[str]]:
    """Return the versions of every kind that has a schema, stable ones first."""
    known: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in archive()["kinds"]:
        api_version, _, kind = name.rpartition("/")
        group, _, version = api_version.rpartition("/")
        known[group, kind].append(version)
    return {
        key: sorted(versions, key=lambda version: ("alpha" in version, "beta" in version))
        for key, versions in known.items()
    }
