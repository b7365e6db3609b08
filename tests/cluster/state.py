"""What is in a live cluster, to be compared: with the files, or with what was there before."""

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

from tests.cluster.cluster import NAMESPACE, Cluster
from tests.support import flux
from tests.support.repository import FLUX_KUSTOMIZATION, Object

Key = tuple[str, str, str]

WORKLOADS = tuple(("apps/v1", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet"))
KINDS = (
    *WORKLOADS,
    *(("v1", kind) for kind in ("ConfigMap", "Secret", "Service", "PersistentVolumeClaim", "Namespace")),
    ("v1", "ServiceAccount"),
    *(("rbac.authorization.k8s.io/v1", kind) for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")),
    *(("networking.k8s.io/v1", kind) for kind in ("Ingress", "IngressClass", "NetworkPolicy")),
    ("batch/v1", "CronJob"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
)


def differences(live: Cluster) -> list[str]:
    """Return what is not as the files say, or not in them; encrypted Secrets are left out.

    Server-side apply of the same by the same manager must change nothing.
    """
    found = []
    for name, expected in flux.reconcile(live.repository, live.roots).items():
        actual = {key(item): item for item in live.objects(name)}
        for item in expected:
            # kustomize moves what it does not know to be of the whole cluster, too; the API server does not mind.
            if "/namespaces/" not in live.server.path_of(item):
                item["metadata"].pop("namespace", None)
        if odd := {key(item) for item in expected} ^ actual.keys():
            found.append(f"{name}: {sorted(odd)} is only in the files or only in the cluster")
        for item in (item for item in expected if "sops" not in item and key(item) in actual):
            labels = {f"{FLUX_KUSTOMIZATION}/name": name, f"{FLUX_KUSTOMIZATION}/namespace": NAMESPACE}
            item["metadata"].setdefault("labels", {}).update(labels)
            again = live.server.apply(item, "kustomize-controller", dryRun="All")
            if desired(again) != desired(actual[key(item)]):
                found.append(f"{name}: {' '.join(key(item))} is another")
    return found


def key(item: Object) -> Key:
    return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]


def desired(item: Object) -> Object:
    """Return an object without what the server and its controllers add."""
    metadata = {name: item["metadata"].get(name) for name in ("name", "namespace", "labels", "annotations")}
    return {**{name: part for name, part in item.items() if name != "status"}, "metadata": metadata}


def helm_releases(live: Cluster) -> dict[tuple[str, str], Any]:
    """Return what helm stored of each release's last revision, by namespace and name."""
    found: dict[tuple[str, str], list[Any]] = {}
    for secret in live.server.everything("v1", "Secret"):
        if secret.get("type") == "helm.sh/release.v1":
            release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
            found.setdefault((release["namespace"], release["name"]), []).append(release)
    return {place: max(revisions, key=lambda one: one["version"]) for place, revisions in found.items()}


def state(live: Cluster, kinds: Sequence[tuple[str, str]] = KINDS) -> dict[Key, str]:
    """Return the generation of all that has one, the version of all else: of these kinds, and of what Flux applied."""
    found = [item for kind in kinds for item in live.server.everything(*kind)]
    if kinds == KINDS:
        found += [item for name in live.kustomizations for item in live.objects(name)]
        found += live.kustomizations.values()
    return {key(item): str(item["metadata"].get("generation") or item["metadata"]["resourceVersion"]) for item in found}
