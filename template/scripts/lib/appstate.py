"""What Flux and Kubernetes have of one app, read from the API."""

import asyncio
from dataclasses import dataclass

from lib.kube.client import connected
from lib.kube.kinds import (
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
from lib.kube.objects import Object, name_of, namespace_of, spec_of
from lib.kube.snapshot import Snapshot, take
from lib.refusal import Refusal

FLUX_NAMESPACE = "flux-system"
# Flux puts its Kustomization's name on all that it applies, and Helm the release's on what charts make.
OF_KUSTOMIZATION = "kustomize.toolkit.fluxcd.io/name"
OF_RELEASE = "helm.toolkit.fluxcd.io/name"
OF_RELEASE_NAMESPACE = "helm.toolkit.fluxcd.io/namespace"
WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB)


@dataclass(frozen=True)
class App:
    """An app in the cluster: its Kustomization, and the HelmReleases that this one applies."""

    name: str
    snapshot: Snapshot
    kustomization_object: Object
    release_objects: tuple[Object, ...]

    @property
    def kustomization(self) -> str:
        """The Kustomization's name; all are in one namespace."""
        return str(self.kustomization_object["metadata"]["name"])

    @property
    def releases(self) -> list[tuple[str, str]]:
        """(namespace, name) of each HelmRelease."""
        return [(namespace_of(one), str(one["metadata"]["name"])) for one in self.release_objects]

    @property
    def objects(self) -> tuple[Object, ...]:
        """What Flux reconciles of it."""
        return (self.kustomization_object, *self.release_objects)

    @property
    def suspended(self) -> list[str]:
        """Those that Flux leaves alone."""
        return [f"{one['kind']} {name_of(one)}" for one in self.objects if spec_of(one).get("suspend")]

    @property
    def is_suspended(self) -> bool:
        """Whether it leaves all of them alone; an app that is half suspended is neither."""
        return len(self.suspended) == len(self.objects)

    def is_of(self, item: Object) -> bool:
        """Whether an object is this app's, by the marks of those who made it."""
        labels = item["metadata"].get("labels") or {}
        release = (labels.get(OF_RELEASE_NAMESPACE, ""), labels.get(OF_RELEASE, ""))
        return release in self.releases or labels.get(OF_KUSTOMIZATION) == self.kustomization


def find(name: str) -> App:
    """An app by <namespace>/<app>; Refusal that names those of the namespace."""
    namespace, slash, app = name.partition("/")
    if not (namespace and slash and app):
        raise Refusal(f"APP is <namespace>/<app>, not {name or '(empty)'}.")
    return asyncio.run(_find(name, namespace, app))


async def _find(name: str, namespace: str, app: str) -> App:
    async with connected() as client:
        kinds = (KUSTOMIZATION, HELM_RELEASE, POD, CLAIM, WARNING, STORAGE_CLASS, *WORKLOADS)
        snapshot = await take(client, kinds)
    for kind in (KUSTOMIZATION, HELM_RELEASE):
        if kind in snapshot.unserved:
            raise Refusal(
                f"the cluster does not know {kind.plural}: Flux is not there, `task bootstrap:apps` installs it."
            )
        if kind in snapshot.denied:
            raise Refusal(f"{kind.plural} can't be read: {snapshot.denied[kind]}")
    here = [
        one
        for one in snapshot.of(KUSTOMIZATION, namespace=FLUX_NAMESPACE)
        if spec_of(one).get("targetNamespace") == namespace
    ]
    found = next((one for one in here if one["metadata"]["name"] == app), None)
    if found is None:
        known = ", ".join(sorted(f"{namespace}/{one['metadata']['name']}" for one in here)) or "nothing"
        raise Refusal(f"Flux knows no app {name}; of the namespace {namespace} it knows {known}.")
    releases = (
        one for one in snapshot.of(HELM_RELEASE) if (one["metadata"].get("labels") or {}).get(OF_KUSTOMIZATION) == app
    )
    return App(name, snapshot, found, tuple(releases))
