"""Two repositories compared: what Flux would delete, leave and make anew when one takes the place of the other.

The files tell all of it, so what a chart makes is not seen. A Kustomization is the same one where its namespace and
name are: it stays, and prunes. Any other one of the old repository goes, and what it applied stays, as with
`deletionPolicy: Orphan`; `Comparison.unprepared` are those that do not say so.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lib.chart_updates.versions import number_of
from lib.checks.charts import chart_of, version_of
from lib.checks.exposure import variables_in
from lib.checks.files import Map
from lib.checks.flux import Cluster, Kustomization
from lib.checks.objects import CLUSTER_SCOPED, FLUX, HELM, Object
from lib.comparing.keys import MAKERS, Keys, keys_of, secret_of

# flux-operator makes this one, no file holds it; it applies the folder of the roots.
SYNC = ("flux-system", "flux-system")
ROOTS = "kubernetes/flux/cluster"
VARIABLE = re.compile(r"\$\{(\w+)(?::?[=-]([^{}]*))?\}")
# Kustomize writes a namespace into these, and the API server does not read it.
BEYOND_NAMESPACES = re.compile(
    r"Cluster(?!Class$)\w+|Cilium(BGP(?!NodeConfig$)\w+|CIDRGroup|Clusterwide\w+|EgressGatewayPolicy|"
    r"L2AnnouncementPolicy|LoadBalancerIPPool)|NodeFeatureRule|VolumeSnapshot(Class|Content)"
)
KUSTOMIZE = "kustomize.config.k8s.io"
# What holds data, or makes what does.
DATA = {
    "Cluster", "Dragonfly", "HelmRelease", "MariaDB", "PersistentVolume", "PersistentVolumeClaim", "PostgresCluster",
    "StatefulSet", "postgresql",
}  # fmt: skip
# What runs, and has its data elsewhere.
RUNNING = {"CronJob", "DaemonSet", "Deployment"}
# Charts whose authors want every minor version installed on the way to the next.
STEP_BY_STEP = {"cilium", "longhorn"}
# What keeps Flux from deleting an object, as an annotation or as a label.
KEEPING = (f"{FLUX}/prune", f"{FLUX}/reconcile")


class Key(NamedTuple):
    """An object as the API server tells it from others; `namespace` is empty for what has none."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def place(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.place}"


class Applied(NamedTuple):
    """An object, and the Kustomization that applies it."""

    one: Kustomization
    item: Object


@dataclass(frozen=True)
class Root:
    """A Kustomization with which Flux started, and which is gone. `again` is what the new repository applies too."""

    one: Kustomization
    applied: list[Key]
    again: list[Key]
    children: list[Kustomization]
    is_here: bool
    deletes: bool


@dataclass(frozen=True)
class Deleted:
    """An object that Flux deletes; `inside` is what a Namespace takes with it."""

    key: Key
    by: Applied
    needed: str
    inside: list[Key]


@dataclass(frozen=True)
class Moved:
    """Something that holds data or runs, and is in another namespace than it was in."""

    key: Key
    before: list[Key]
    is_deleted: bool


@dataclass(frozen=True)
class Chart:
    """A release whose chart does not go on as it should: to `new` from `old`, each with its version."""

    key: Key
    old: str
    new: str
    why: str


@dataclass(eq=False)
class Comparison:
    """The old repository of a cluster, and the one that takes its place."""

    old: Cluster
    new: Cluster

    # --- What there is ---

    @cached_property
    def before(self) -> dict[Key, list[Applied]]:
        """What the old repository applied, Kustomizations aside."""
        return applied_by(self.old)

    @cached_property
    def after(self) -> dict[Key, list[Applied]]:
        """What the new one applies."""
        return applied_by(self.new)

    @cached_property
    def keys(self) -> tuple[Keys, Keys]:
        """What Flux decrypts and pulls with, in the old repository and in the new one."""
        return keys_of(self.old, _items(self.before)), keys_of(self.new, _items(self.after))

    # --- What becomes of Kustomizations ---

    def stays(self, one: Kustomization) -> bool:
        """Whether an old Kustomization goes on as one of the new repository."""
        return one.key in self.new.by_key or one.key == SYNC

    def prunes(self, one: Kustomization) -> bool:
        """Whether one that stays deletes what its folder no longer has.

        Flux may read its new spec before its new files, or after: it is safe only if both say so.
        """
        now = self.new.by_key.get(one.key)
        return one.spec.get("prune") is not False or (now is not None and now.spec.get("prune") is not False)

    @cached_property
    def gone(self) -> list[Kustomization]:
        """The old Kustomizations that are not in the new repository, roots aside."""
        roots = {root.one.key for root in self.roots}
        return [one for key, one in self.old.by_key.items() if not self.stays(one) and key not in roots]

    def is_removed(self, one: Kustomization) -> bool:
        """Whether Flux deletes a Kustomization that is gone: what applied it has to."""
        if one.parent is None or is_kept(Applied(one.parent, one.item)):
            return False
        if self.stays(one.parent):
            return self.prunes(one.parent)
        return any(root.one is one.parent and root.deletes for root in self.roots)

    def may_prune(self, one: Kustomization) -> bool:
        """Whether one that goes may read the new files before it does, and delete what its folder no longer has.

        Every Kustomization looks at a new commit at once, and its own end comes from its parent.
        """
        is_idle = one.spec.get("suspend") is True or one.spec.get("prune") is False
        return not is_idle and self.is_removed(one) and self.old.is_here(one) and one.folder in self.new.folders

    @cached_property
    def unprepared(self) -> list[Kustomization]:
        """Those that take with them what they applied, as their files are now."""
        return [one for one in self.gone if self.is_removed(one) and deletes(one)]

    @cached_property
    def going_on(self) -> list[Kustomization]:
        """Those that stay in the cluster, and apply what they find."""
        return [one for one in self.gone if not self.is_removed(one)]

    @cached_property
    def roots(self) -> list[Root]:
        """The roots that are gone."""
        found = []
        for one in self.old.by_key.values():
            if self.stays(one) or not (one.parent is None or one.item.file.folder == ROOTS):
                continue
            held = [key for key, all_by in self.before.items() for by in all_by if by.one is one and not is_kept(by)]
            children = [other for other in self.old.kustomizations if other.parent is one]
            again = [key for key in held if key in self.after]
            found.append(Root(one, held, again, children, self.old.is_here(one), deletes(one)))
        return sorted(found, key=lambda root: not root.deletes)

    # --- What becomes of objects ---

    @cached_property
    def _with_roots(self) -> set[Key]:
        return {key for root in self.roots if root.deletes for key in root.applied}

    @cached_property
    def _pruned(self) -> dict[Key, Applied]:
        """What a Kustomization that stays no longer has, and nobody else."""
        found = {}
        for key, all_by in self.before.items():
            pruning = [by for by in all_by if self.stays(by.one) and self.prunes(by.one) and not is_kept(by)]
            if pruning and key not in self.after:
                found[key] = pruning[0]
        return found

    @cached_property
    def _lost_namespaces(self) -> set[str]:
        return {key.name for key in [*self._pruned, *self._with_roots] if key.group == "" and key.kind == "Namespace"}

    @cached_property
    def lost(self) -> set[Key]:
        """Every object that is deleted, for whatever reason."""
        inside = {key for key in self.before if key.namespace in self._lost_namespaces}
        return {*self._pruned, *self._with_roots, *inside}

    @cached_property
    def deleted(self) -> list[Deleted]:
        """What Kustomizations that stay delete, the worst first; what lies in a Namespace that goes is there."""
        found = []
        for key, by in self._pruned.items():
            if key.namespace not in self._lost_namespaces:
                is_namespace = key.group == "" and key.kind == "Namespace"
                inside = [other for other in self.before if is_namespace and other.namespace == key.name]
                found.append(Deleted(key, by, self._need(key, by.item), inside))
        return sorted(found, key=lambda one: (rank_of(one), one.key.kind, one.key.name, one.key.namespace))

    def _need(self, key: Key, item: Object) -> str:
        """What Flux needs the Secret for that an object is, or makes; empty where it does not."""
        secret = key.namespace, secret_of(item, key.name)
        before, now = self.keys
        return now.need(secret) or before.need_of_old(secret, now)

    @cached_property
    def left(self) -> dict[Kustomization, list[Key]]:
        """What stays and nobody applies, by the Kustomization that did."""
        found: dict[Kustomization, list[Key]] = {}
        for key, all_by in self.before.items():
            if key not in self.after and key not in self.lost:
                found.setdefault(all_by[0].one, []).append(key)
        return found

    @cached_property
    def taken(self) -> list[Key]:
        """What both apply, and nothing deletes on the way."""
        return [key for key in self.before if key in self.after and key not in self.lost]

    @cached_property
    def passed_on(self) -> list[tuple[Key, Kustomization, Kustomization]]:
        """What holds data and is applied by another one now, while the one that applied it stays and prunes."""
        found = []
        for key in self.taken:
            now = {by.one.key for by in self.after[key]}
            for by in self.before[key]:
                is_held = self.stays(by.one) and self.prunes(by.one) and not is_kept(by)
                if holds_data(key) and is_held and by.one.key not in now:
                    found.append((key, by.one, self.after[key][0].one))
        return found

    @cached_property
    def moved(self) -> list[Moved]:
        """What holds data or runs, and is in another namespace than before."""
        found = []
        for key in sorted(self.after):
            if key in self.before or key.kind not in DATA | RUNNING:
                continue
            before = [k for k in self.before if k._replace(namespace=key.namespace) == key and k not in self.after]
            if before:
                found.append(Moved(key, before, all(other in self.lost for other in before)))
        return found

    @cached_property
    def charts(self) -> list[Chart]:
        """The releases whose chart is another one, an older one, or one too far ahead."""
        releases = [key for key in self.taken if key.group == HELM and key.kind == "HelmRelease"]
        return [found for key in sorted(releases) if (found := self._chart(key))]

    def _chart(self, key: Key) -> Chart | None:
        old, new = self.before[key][0].item, self.after[key][0].item
        names = chart_of(self.old, old), chart_of(self.new, new)
        versions = version_of(self.old, old), version_of(self.new, new)
        if not all(versions):
            return None
        if names[0] != names[1]:
            return Chart(key, f"{names[0]} {versions[0]}", f"{names[1]} {versions[1]}", "another chart")
        before, now = map(number_of, versions)
        if before is None or now is None:
            return None
        if now < before:
            return Chart(key, f"{names[0]} {versions[0]}", versions[1], "back")
        is_far = now.major == before.major and now.minor > before.minor + 1
        if is_far and names[1] in STEP_BY_STEP:
            return Chart(key, f"{names[0]} {versions[0]}", versions[1], "too far")
        return None

    # --- What can't be said ---

    @cached_property
    def elsewhere(self) -> list[tuple[str, Kustomization, str]]:
        """Kustomizations of either repository that apply what is not in it: whose repository, and where that is."""
        found = []
        for whose, cluster in (("old", self.old), ("new", self.new)):
            for one in cluster.by_key.values():
                if not cluster.is_here(one):
                    found.append((whose, one, " ".join(one.source)))
                elif not cluster.is_all_seen(one.folder):
                    found.append((whose, one, ""))
        return found


def applied_by(cluster: Cluster) -> dict[Key, list[Applied]]:
    """Every object that Flux applies, with those that apply it."""
    found: dict[Key, list[Applied]] = {}
    for one in cluster.kustomizations:
        for item in one.objects:
            if not item.is_a("Kustomization", FLUX):
                found.setdefault(key_of(cluster, one, item), []).append(Applied(one, item))
    if SYNC not in cluster.by_key:
        known = {(item.file.path, item.content.line) for item in cluster.applied}
        for beside in cluster.objects:
            is_elsewhere = beside.file.folder != ROOTS or (beside.file.path, beside.content.line) in known
            if not is_elsewhere and beside.group not in (FLUX, KUSTOMIZE):
                one, item = sync(beside), beside.moved_to(beside.declared)
                found.setdefault(key_of(cluster, one, item), []).append(Applied(one, item))
    return found


def sync(beside: Object) -> Kustomization:
    """The Kustomization that no file holds; the place is that of an object that it applies."""
    metadata, content = Map(), Map()
    metadata.line, metadata.lines = 1, {}
    content.line, content.lines = 1, {}
    metadata.update({"namespace": SYNC[0], "name": SYNC[1]})
    content.update({"apiVersion": f"{FLUX}/v1", "kind": "Kustomization", "metadata": metadata})
    return Kustomization(Object(beside.file, content, SYNC[0]))


def _items(applied: Mapping[Key, list[Applied]]) -> list[Object]:
    return [by.item for all_by in applied.values() for by in all_by]


def key_of(cluster: Cluster, one: Kustomization, item: Object) -> Key:
    """An object's, with its variables filled in as far as the repository tells."""
    known = variables_in(cluster).of(one)

    def value(match: re.Match[str]) -> str:
        return str(known.get(match[1]) or match[2] or match[0])

    def filled(text: str) -> str:
        # A default can hold a variable.
        for _ in range(3):
            text = VARIABLE.sub(value, text)
        return text

    is_global = item.kind in CLUSTER_SCOPED or BEYOND_NAMESPACES.fullmatch(item.kind)
    return Key(item.group, item.kind, "" if is_global else filled(item.namespace), filled(item.name))


def is_kept(by: Applied) -> bool:
    """Whether an object says itself that Flux is not to delete it."""
    said = by.item.annotations, by.item.labels
    return any(str(place.get(name, "")).lower() == "disabled" for place in said for name in KEEPING)


def deletes(one: Kustomization) -> bool:
    """Whether a Kustomization that goes takes with it what it applied."""
    policy = one.spec.get("deletionPolicy") or "MirrorPrune"
    if one.spec.get("suspend") is True or policy == "Orphan":
        return False
    return policy != "MirrorPrune" or one.spec.get("prune") is not False


def holds_data(key: Key) -> bool:
    """Whether more than an object is lost with it."""
    return key.kind in DATA or key.kind in ("CustomResourceDefinition", "Namespace")


def rank_of(one: Deleted) -> int:
    """How bad it is that something is deleted; 0 is the worst."""
    if one.needed:
        return 0 if one.needed.startswith("without") else 1
    for number, kinds in enumerate(({"Namespace"}, {"CustomResourceDefinition"}, DATA, MAKERS), 2):
        if one.key.kind in kinds:
            return number
    return 6


def unreadable(cluster: Cluster) -> Iterator[str]:
    """The files that can't be read, each with the reason."""
    for place, reason in cluster.unreadable:
        yield f"{place.path}, line {place.line}: {reason}"
