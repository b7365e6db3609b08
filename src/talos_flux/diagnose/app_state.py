"""The Flux and Kubernetes objects of one app, read from the API."""

import asyncio
from dataclasses import dataclass

from talos_flux.errors import UserError
from talos_flux.kube.accessors import Object, name_of, namespace_of, spec_of
from talos_flux.kube.client import connected
from talos_flux.kube.kinds import (
    CLAIM,
    DAEMON_SET,
    DEPLOYMENT,
    HELM_RELEASE,
    JOB,
    KUSTOMIZATION,
    POD,
    STATEFUL_SET,
    STORAGE_CLASS,
    WARNING,
)
from talos_flux.kube.snapshot import Snapshot, take

FLUX_NAMESPACE = "flux-system"
# Labels: kustomize-controller puts the Kustomization's name on all that it applies, helm-controller the release's.
OF_KUSTOMIZATION = "kustomize.toolkit.fluxcd.io/name"
OF_RELEASE = "helm.toolkit.fluxcd.io/name"
OF_RELEASE_NAMESPACE = "helm.toolkit.fluxcd.io/namespace"
WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB)


@dataclass(frozen=True)
class AppState:
    """An app in the cluster: its Kustomization, and the HelmReleases that the Kustomization applies."""

    name: str
    snapshot: Snapshot
    kustomization_object: Object
    release_objects: tuple[Object, ...]

    @property
    def kustomization(self) -> str:
        """Return the Kustomization's name; all Kustomizations are in FLUX_NAMESPACE."""
        return str(self.kustomization_object["metadata"]["name"])

    @property
    def releases(self) -> list[tuple[str, str]]:
        """Return (namespace, name) of each HelmRelease."""
        return [(namespace_of(item), str(item["metadata"]["name"])) for item in self.release_objects]

    @property
    def objects(self) -> tuple[Object, ...]:
        """Return the Flux objects of the app: the Kustomization, then the HelmReleases."""
        return (self.kustomization_object, *self.release_objects)

    @property
    def suspended(self) -> list[str]:
        """Return the suspended Flux objects, each as `<kind> <namespace>/<name>`."""
        return [f"{item['kind']} {name_of(item)}" for item in self.objects if spec_of(item).get("suspend")]

    @property
    def is_suspended(self) -> bool:
        """Return whether all Flux objects are suspended; a half-suspended app is neither suspended nor followed."""
        return len(self.suspended) == len(self.objects)

    def is_of(self, item: Object) -> bool:
        """Return whether an object is this app's, by the labels that Flux and Helm put on it."""
        labels = item["metadata"].get("labels") or {}
        release = (labels.get(OF_RELEASE_NAMESPACE, ""), labels.get(OF_RELEASE, ""))
        return release in self.releases or labels.get(OF_KUSTOMIZATION) == self.kustomization


def find(name: str) -> AppState:
    """Return the app <namespace>/<app>; UserError without one, naming those of the namespace, or without Flux."""
    namespace, slash, app = name.partition("/")
    if not (namespace and slash and app):
        raise UserError(f"APP is <namespace>/<app>, not {name or '(empty)'}.")
    return asyncio.run(_find(name, namespace, app))


async def _find(name: str, namespace: str, app: str) -> AppState:
    async with connected() as client:
        kinds = (KUSTOMIZATION, HELM_RELEASE, POD, CLAIM, WARNING, STORAGE_CLASS, *WORKLOADS)
        snapshot = await take(client, kinds)
    for kind in (KUSTOMIZATION, HELM_RELEASE):
        if kind in snapshot.unserved:
            raise UserError(
                f"the cluster does not know {kind.plural}: Flux is not there, `task bootstrap:apps` installs it."
            )
        if kind in snapshot.denied:
            raise UserError(f"{kind.plural} can't be read: {snapshot.denied[kind]}")
    kustomizations = [
        item
        for item in snapshot.of(KUSTOMIZATION, namespace=FLUX_NAMESPACE)
        if spec_of(item).get("targetNamespace") == namespace
    ]
    kustomization = next((item for item in kustomizations if item["metadata"]["name"] == app), None)
    if kustomization is None:
        known = ", ".join(sorted(f"{namespace}/{item['metadata']['name']}" for item in kustomizations)) or "nothing"
        raise UserError(f"Flux knows no app {name}; of the namespace {namespace} it knows {known}.")
    releases = (
        item
        for item in snapshot.of(HELM_RELEASE)
        if (item["metadata"].get("labels") or {}).get(OF_KUSTOMIZATION) == app
    )
    return AppState(name, snapshot, kustomization, tuple(releases))
