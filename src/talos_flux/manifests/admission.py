"""Whether something changes Flux Kustomizations when they enter the cluster, so that they have more than files say.

fluxcd-kustomize-mutating-webhook gives every Kustomization the variables of ConfigMaps and Secrets, and policies of
Kyverno or of Kubernetes itself can do the same.
"""

from collections.abc import Iterator
from functools import lru_cache

from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import FLUX, Object, walk
from talos_flux.manifests.releases import releases

WEBHOOK = "kustomize-mutating-webhook"
# Kinds that change objects of others, and do so where their text names the kind.
POLICIES = {"ClusterMutatingPolicy", "ClusterPolicy", "MutatingAdmissionPolicy", "MutatingPolicy",
            "MutatingWebhookConfiguration"}  # fmt: skip


@lru_cache(maxsize=4)
def changers(cluster: Cluster) -> tuple[str, ...]:
    """Return what changes Flux Kustomizations at admission, as subjects of sentences; computed once."""
    return tuple(_changers(cluster))


def _changers(cluster: Cluster) -> Iterator[str]:
    for release in releases(cluster):
        if WEBHOOK in release.chart or WEBHOOK in release.item.name:
            yield f"HelmRelease {release.item.name}"
    for item in cluster.applied:
        if item.kind in POLICIES and _is_about_kustomizations(item):
            yield f"{item.kind} {item.name}"


def _is_about_kustomizations(item: Object) -> bool:
    texts = [value for _, value in walk(item.content) if isinstance(value, str)]
    if item.kind.endswith("Policy") and "patch" not in item.file.text.lower():
        return False
    return any(text == FLUX or text.startswith(f"{FLUX}/") for text in texts)
