"""Compare two repositories: what Flux would delete, keep and recreate when one replaces the other.

Only files are compared, so what a chart makes is not seen. A Kustomization is the same one when namespace and name are
the same: it stays, and prunes. Any other one of the old repository is removed, and what it applied stays, as with
`deletionPolicy: Orphan`; `Comparison.unprepared` are those that do not set it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from talos_flux import envsubst
from talos_flux.apps.takeover.flux_secrets import MAKERS, Keys, keys_of, secret_of
from talos_flux.charts.constraint import number_of
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import CLUSTER_SCOPED, FLUX, HELM, Object
from talos_flux.manifests.post_build import variables_in
from talos_flux.manifests.releases import chart_of, version_of
from talos_flux.repository.files import Map

# The Kustomization that flux-operator makes, in no file; it applies the folder of the roots.
SYNC = ("flux-system", "flux-system")
ROOTS = "kubernetes/flux/cluster"
# Cluster-scoped kinds, into which Kustomize writes a namespace that the API server ignores.
BEYOND_NAMESPACES = re.compile(
    r"Cluster(?!Class$)\w+|Cilium(BGP(?!NodeConfig$)\w+|CIDRGroup|Clusterwide\w+|EgressGatewayPolicy|"
    r"L2AnnouncementPolicy|LoadBalancerIPPool)|NodeFeatureRule|VolumeSnapshot(Class|Content)"
)
KUSTOMIZE = "kustomize.config.k8s.io"
# Kinds that hold data, or make objects that do.
DATA = {
    "Cluster", "Dragonfly", "HelmRelease", "MariaDB", "PersistentVolume", "PersistentVolumeClaim", "PostgresCluster",
    "StatefulSet", "postgresql",
}  # fmt: skip
# Workloads, whose data is elsewhere.
RUNNING = {"CronJob", "DaemonSet", "Deployment"}
# Charts that must be upgraded one minor version at a time.
STEP_BY_STEP = {"cilium", "longhorn"}
# Annotations or labels with which Flux does not delete an object.
KEEPING = (f"{FLUX}/prune", f"{FLUX}/reconcile")


class ObjectId(NamedTuple):
    """The identity of an object in the API server; `namespace` is empty for cluster-scoped objects."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def place(self) -> str:
        """Return namespace/name, or the name."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.place}"


class Applied(NamedTuple):
    """An object, and the Kustomization that applies it."""

    kustomization: Kustomization
    item: Object


@dataclass(frozen=True)
class Root:
    """A Kustomization with which Flux started, and which is gone. `again` is what the new repository applies too."""

    kustomization: Kustomization
    applied: list[ObjectId]
    again: list[ObjectId]
    children: list[Kustomization]
    is_here: bool
    deletes: bool


@dataclass(frozen=True)
class Deleted:
    """An object that Flux deletes; `inside` are the objects deleted with a Namespace."""

    key: ObjectId
    by: Applied
    needed: str
    inside: list[ObjectId]


@dataclass(frozen=True)
class Moved:
    """Something that holds data or runs, and is in another namespace than before."""

    key: ObjectId
    before: list[ObjectId]
    is_deleted: bool


@dataclass(frozen=True)
class ReplacedChart:
    """A release whose chart can't be upgraded as usual: from `old` to `new`, each with its version."""

    key: ObjectId
    old: str
    new: str
    why: str


@dataclass(eq=False)
class Comparison:
    """The old repository of a cluster, and the one that replaces it."""

    old: Cluster
    new: Cluster

    # --- Objects and Secrets ---

    @cached_property
    def before(self) -> dict[ObjectId, list[Applied]]:
        """Return what the old repository applied, except Kustomizations."""
        return applied_by(self.old)

    @cached_property
    def after(self) -> dict[ObjectId, list[Applied]]:
        """Return what the new one applies."""
        return applied_by(self.new)

    @cached_property
    def keys(self) -> tuple[Keys, Keys]:
        """Return the Secrets for decryption and pulling in the old repository and in the new one."""
        return keys_of(self.old, _items(self.before)), keys_of(self.new, _items(self.after))

    # --- Kustomizations ---

    def stays(self, kustomization: Kustomization) -> bool:
        """Return whether an old Kustomization is also in the new repository."""
        return kustomization.key in self.new.by_key or kustomization.key == SYNC

    def prunes(self, kustomization: Kustomization) -> bool:
        """Return whether a Kustomization that stays deletes what its folder no longer has.

        Flux may read its new spec before its new files, or after: it is safe only if both say so.
        """
        now = self.new.by_key.get(kustomization.key)
        return kustomization.spec.get("prune") is not False or (now is not None and now.spec.get("prune") is not False)

    @cached_property
    def gone(self) -> list[Kustomization]:
        """Return the old Kustomizations that are not in the new repository, except roots."""
        roots = {root.kustomization.key for root in self.roots}
        return [
            kustomization
            for key, kustomization in self.old.by_key.items()
            if not self.stays(kustomization) and key not in roots
        ]

    def is_removed(self, kustomization: Kustomization) -> bool:
        """Return whether Flux deletes a Kustomization that is gone; only its parent's pruning or removal can."""
        if kustomization.parent is None or is_kept(Applied(kustomization.parent, kustomization.item)):
            return False
        if self.stays(kustomization.parent):
            return self.prunes(kustomization.parent)
        return any(root.kustomization is kustomization.parent and root.deletes for root in self.roots)

    def may_prune(self, kustomization: Kustomization) -> bool:
        """Return whether a Kustomization may read the new files before it is removed, and delete what its folder lacks.

        All Kustomizations reconcile a new commit at once, and its removal comes from its parent.
        """
        is_idle = kustomization.spec.get("suspend") is True or kustomization.spec.get("prune") is False
        return (
            not is_idle
            and self.is_removed(kustomization)
            and self.old.is_here(kustomization)
            and kustomization.folder in self.new.folders
        )

    @cached_property
    def unprepared(self) -> list[Kustomization]:
        """Return the Kustomizations whose removal deletes what they applied, as their files are now."""
        return [
            kustomization for kustomization in self.gone if self.is_removed(kustomization) and deletes(kustomization)
        ]

    @cached_property
    def going_on(self) -> list[Kustomization]:
        """Return the Kustomizations that stay in the cluster, and keep applying."""
        return [kustomization for kustomization in self.gone if not self.is_removed(kustomization)]

    @cached_property
    def roots(self) -> list[Root]:
        """Return the roots that are gone."""
        roots = []
        for kustomization in self.old.by_key.values():
            if self.stays(kustomization) or not (
                kustomization.parent is None or kustomization.item.file.folder == ROOTS
            ):
                continue
            held = [
                key
                for key, all_by in self.before.items()
                for by in all_by
                if by.kustomization is kustomization and not is_kept(by)
            ]
            children = [other for other in self.old.kustomizations if other.parent is kustomization]
            again = [key for key in held if key in self.after]
            roots.append(
                Root(kustomization, held, again, children, self.old.is_here(kustomization), deletes(kustomization))
            )
        return sorted(roots, key=lambda root: not root.deletes)

    # --- Objects ---

    @cached_property
    def _with_roots(self) -> set[ObjectId]:
        return {key for root in self.roots if root.deletes for key in root.applied}

    @cached_property
    def _pruned(self) -> dict[ObjectId, Applied]:
        """Return what a Kustomization that stays no longer has, and no other one either."""
        pruned_by = {}
        for key, all_by in self.before.items():
            pruning = [
                by
                for by in all_by
                if self.stays(by.kustomization) and self.prunes(by.kustomization) and not is_kept(by)
            ]
            if pruning and key not in self.after:
                pruned_by[key] = pruning[0]
        return pruned_by

    @cached_property
    def _lost_namespaces(self) -> set[str]:
        return {key.name for key in [*self._pruned, *self._with_roots] if key.group == "" and key.kind == "Namespace"}

    @cached_property
    def lost(self) -> set[ObjectId]:
        """Return every object that is deleted, for whatever reason."""
        inside = {key for key in self.before if key.namespace in self._lost_namespaces}
        return {*self._pruned, *self._with_roots, *inside}

    @cached_property
    def deleted(self) -> list[Deleted]:
        """Return what Kustomizations that stay delete, the worst first; a deleted Namespace includes its objects."""
        deletions = []
        for key, by in self._pruned.items():
            if key.namespace not in self._lost_namespaces:
                is_namespace = key.group == "" and key.kind == "Namespace"
                inside = [other for other in self.before if is_namespace and other.namespace == key.name]
                deletions.append(Deleted(key, by, self._need(key, by.item), inside))
        return sorted(
            deletions,
            key=lambda deletion: (rank_of(deletion), deletion.key.kind, deletion.key.name, deletion.key.namespace),
        )

    def _need(self, key: ObjectId, item: Object) -> str:
        """Return what Flux needs the Secret for that an object is, or makes; empty when it does not."""
        secret = key.namespace, secret_of(item, key.name)
        before, now = self.keys
        return now.need(secret) or before.need_of_old(secret, now)

    @cached_property
    def left(self) -> dict[Kustomization, list[ObjectId]]:
        """Return what stays and is no longer applied, by the Kustomization that applied it."""
        left_by: dict[Kustomization, list[ObjectId]] = {}
        for key, all_by in self.before.items():
            if key not in self.after and key not in self.lost:
                left_by.setdefault(all_by[0].kustomization, []).append(key)
        return left_by

    @cached_property
    def taken(self) -> list[ObjectId]:
        """Return what both apply, and nothing deletes in between."""
        return [key for key in self.before if key in self.after and key not in self.lost]

    @cached_property
    def passed_on(self) -> list[tuple[ObjectId, Kustomization, Kustomization]]:
        """Return what holds data and moves to another Kustomization, while the one that applied it stays and prunes."""
        handovers = []
        for key in self.taken:
            now = {by.kustomization.key for by in self.after[key]}
            for by in self.before[key]:
                is_held = self.stays(by.kustomization) and self.prunes(by.kustomization) and not is_kept(by)
                if holds_data(key) and is_held and by.kustomization.key not in now:
                    handovers.append((key, by.kustomization, self.after[key][0].kustomization))
        return handovers

    @cached_property
    def moved(self) -> list[Moved]:
        """Return what holds data or runs, and is in another namespace than before."""
        moves = []
        for key in sorted(self.after):
            if key in self.before or key.kind not in DATA | RUNNING:
                continue
            before = [k for k in self.before if k._replace(namespace=key.namespace) == key and k not in self.after]
            if before:
                moves.append(Moved(key, before, all(other in self.lost for other in before)))
        return moves

    @cached_property
    def charts(self) -> list[ReplacedChart]:
        """Return the releases whose chart is another one, an older one, or skips a minor version."""
        releases = [key for key in self.taken if key.group == HELM and key.kind == "HelmRelease"]
        return [replaced for key in sorted(releases) if (replaced := self._chart(key))]

    def _chart(self, key: ObjectId) -> ReplacedChart | None:
        old, new = self.before[key][0].item, self.after[key][0].item
        names = chart_of(self.old, old), chart_of(self.new, new)
        versions = version_of(self.old, old), version_of(self.new, new)
        if not all(versions):
            return None
        if names[0] != names[1]:
            return ReplacedChart(key, f"{names[0]} {versions[0]}", f"{names[1]} {versions[1]}", "another chart")
        before, now = map(number_of, versions)
        if before is None or now is None:
            return None
        if now < before:
            return ReplacedChart(key, f"{names[0]} {versions[0]}", versions[1], "back")
        is_far = now.major == before.major and now.minor > before.minor + 1
        if is_far and names[1] in STEP_BY_STEP:
            return ReplacedChart(key, f"{names[0]} {versions[0]}", versions[1], "too far")
        return None

    # --- What can't be compared ---

    @cached_property
    def elsewhere(self) -> list[tuple[str, Kustomization, str]]:
        """Return the Kustomizations that apply what is not in their repository: whose that is, and their source."""
        unseen = []
        for whose, cluster in (("old", self.old), ("new", self.new)):
            for kustomization in cluster.by_key.values():
                if not cluster.is_here(kustomization):
                    unseen.append((whose, kustomization, " ".join(kustomization.source)))
                elif not cluster.is_all_seen(kustomization.folder):
                    unseen.append((whose, kustomization, ""))
        return unseen


def applied_by(cluster: Cluster) -> dict[ObjectId, list[Applied]]:
    """Return every object that Flux applies, with those that apply it."""
    applied: dict[ObjectId, list[Applied]] = {}
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if not item.is_a("Kustomization", FLUX):
                applied.setdefault(key_of(cluster, kustomization, item), []).append(Applied(kustomization, item))
    if SYNC not in cluster.by_key:
        known = {(item.file.path, item.content.line) for item in cluster.applied}
        for beside in cluster.objects:
            is_elsewhere = beside.file.folder != ROOTS or (beside.file.path, beside.content.line) in known
            if not is_elsewhere and beside.group not in (FLUX, KUSTOMIZE):
                kustomization, item = sync(beside), beside.moved_to(beside.declared)
                applied.setdefault(key_of(cluster, kustomization, item), []).append(Applied(kustomization, item))
    return applied


def sync(beside: Object) -> Kustomization:
    """Return the Kustomization that flux-operator makes; its file and line are those of an object that it applies."""
    metadata, content = Map(), Map()
    metadata.line, metadata.lines = 1, {}
    content.line, content.lines = 1, {}
    metadata.update({"namespace": SYNC[0], "name": SYNC[1]})
    content.update({"apiVersion": f"{FLUX}/v1", "kind": "Kustomization", "metadata": metadata})
    return Kustomization(Object(beside.file, content, SYNC[0]))


def _items(applied: Mapping[ObjectId, list[Applied]]) -> list[Object]:
    return [by.item for all_by in applied.values() for by in all_by]


def key_of(cluster: Cluster, kustomization: Kustomization, item: Object) -> ObjectId:
    """Return an object's identity, with variables substituted as far as the repository defines them."""
    known = {name: value for name, value in variables_in(cluster).of(kustomization).values.items() if value}

    def substituted(text: str) -> str:
        return envsubst.substitute(text, known)

    is_global = item.kind in CLUSTER_SCOPED or BEYOND_NAMESPACES.fullmatch(item.kind)
    return ObjectId(item.group, item.kind, "" if is_global else substituted(item.namespace), substituted(item.name))


def is_kept(by: Applied) -> bool:
    """Return whether an annotation or label of an object keeps Flux from deleting it."""
    metadata = by.item.annotations, by.item.labels
    return any(str(entries.get(name, "")).lower() == "disabled" for entries in metadata for name in KEEPING)


def deletes(kustomization: Kustomization) -> bool:
    """Return whether removing a Kustomization deletes what it applied."""
    policy = kustomization.spec.get("deletionPolicy") or "MirrorPrune"
    if kustomization.spec.get("suspend") is True or policy == "Orphan":
        return False
    return policy != "MirrorPrune" or kustomization.spec.get("prune") is not False


def holds_data(key: ObjectId) -> bool:
    """Return whether deleting an object loses more than the object."""
    return key.kind in DATA or key.kind in ("CustomResourceDefinition", "Namespace")


def rank_of(deletion: Deleted) -> int:
    """Return how bad a deletion is; 0 is the worst."""
    if deletion.needed:
        return 0 if deletion.needed.startswith("without") else 1
    for number, kinds in enumerate(({"Namespace"}, {"CustomResourceDefinition"}, DATA, MAKERS), 2):
        if deletion.key.kind in kinds:
            return number
    return 6


def unreadable(cluster: Cluster) -> Iterator[str]:
    """Yield the files that can't be read, each with the reason."""
    for place, reason in cluster.unreadable:
        yield f"{place.path}, line {place.line}: {reason}"
