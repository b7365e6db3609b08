"""Whether what a reference names is there: what the files hold, what operators and charts make of it, or may make."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import NamedTuple

from talos_flux.manifests import app_template
from talos_flux.manifests.chart_table import services_of
from talos_flux.manifests.elsewhere import CRDS
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.maker_table import (
    ALWAYS,
    ALWAYS_THERE,
    CHARTS_MAKE,
    HELD_WHOLE,
    MAKES,
    MAKES_NO_MORE,
    NAMES_OF_CHARTS,
    ROLES,
    Makes,
)
from talos_flux.manifests.object_references import ObjectReference, references
from talos_flux.manifests.objects import CLUSTER_SCOPED, HELM, Object, walk
from talos_flux.manifests.post_build import variables_in
from talos_flux.manifests.providers import is_of_bootstrap, providers
from talos_flux.manifests.reference_table import (
    CLAIM,
    CLUSTER_WIDE,
    CONFIG_MAP,
    EXTERNAL_SECRETS,
    NAMESPACE,
    RBAC,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    OfKind,
)
from talos_flux.manifests.releases import VALUES, Keys, mapping, releases, sequence

# Kinds that somebody may make by hand or with a script, which then names them.
BY_HAND = {CLAIM, CONFIG_MAP, NAMESPACE, SECRET, SERVICE_ACCOUNT}
# Words in names that say nothing about whose an object is.
COMMON = {
    "admin", "api", "app", "apps", "auth", "backup", "cache", "cluster", "config", "configmap", "controller",
    "credentials", "data", "db", "default", "env", "external", "files", "helm", "home", "http", "internal", "key",
    "kube", "main", "media", "operator", "password", "prod", "production", "pvc", "secret", "secrets", "server",
    "service", "settings", "shared", "storage", "svc", "system", "tls", "token", "values", "web",
}  # fmt: skip
TURNED = " is one, so name and key are the wrong way round"
# Kinds that somebody mixes up, since one is of a namespace and the other of none.
TWINS = {
    OfKind("Role", RBAC): OfKind("ClusterRole", RBAC),
    OfKind("ClusterRole", RBAC): OfKind("Role", RBAC),
}
COPIES = ("reflector.v1.k8s.emberstack.com/", "replicator.v1.mittwald.de/", "kubed.appscode.com/")


class ReferenceVerdict(NamedTuple):
    """Whether a target is there; where it is not, or may not be, why it is not judged, and what may have been meant.

    `is_close` when something so similar is there that another one is unlikely.
    """

    is_there: bool
    unjudged: str = ""
    hint: str = ""
    is_close: bool = False


THERE = ReferenceVerdict(is_there=True)


@lru_cache(maxsize=4)
def made_in(cluster: Cluster) -> "MadeObjects":
    """Return what is there in a cluster; computed once."""
    return MadeObjects(cluster)


class Maker(NamedTuple):
    """What may make objects that no file holds: an object of an operator, or a release of a chart."""

    text: str
    namespace: str
    words: frozenset[str]
    item: Object
    kustomization: Kustomization


class MadeObjects:
    """What a cluster's files hold and what comes of it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.names: dict[OfKind, dict[str, dict[str, Object]]] = defaultdict(lambda: defaultdict(dict))
        for kustomization in cluster.kustomizations:
            for item in kustomization.objects:
                self._add_object(kustomization, item)
        self.plain = [release for release in releases(cluster) if not release.is_app_template]
        for release in releases(cluster):
            if release.is_app_template:
                for target, name in app_template.made_by(release):
                    self._add(
                        target, release.namespace, self._text(release.kustomization, release.item, name), release.item
                    )
            for service in services_of(release):
                self._add(SERVICE, release.namespace, service.name, release.item)
            if mapping(release.item.get("spec", "install")).get("createNamespace"):
                self._add(NAMESPACE, "", release.namespace, release.item)
        for kustomization in cluster.kustomizations:
            if not cluster.is_here(kustomization) and (into := kustomization.spec.get("targetNamespace")):
                self._add(NAMESPACE, "", str(into), kustomization.item)

    def _add_object(self, kustomization: Kustomization, item: Object) -> None:
        name = self._text(kustomization, item, item.name)
        self._add(OfKind(item.kind, item.group), item.namespace, name, item)
        for target, made in _made_of(item):
            self._add(target, item.namespace, self._text(kustomization, item, made), item)
        if item.is_a("ClusterExternalSecret", EXTERNAL_SECRETS):
            said = mapping(item.get("spec", "externalSecretSpec", "target")).get("name")
            spread = str(said or item.spec.get("externalSecretName") or item.name)
            self._add(SECRET, ANYWHERE, self._text(kustomization, item, spread), item)
        if item.is_a("PushSecret", EXTERNAL_SECRETS):
            for entry in map(mapping, sequence(item.spec.get("data"))):
                pushed = mapping(mapping(entry.get("match")).get("remoteRef")).get("remoteKey")
                if pushed:
                    self._add(SECRET, ANYWHERE, self._text(kustomization, item, str(pushed)), item)
        if item.kind == "StatefulSet":
            for template in sequence(item.spec.get("volumeClaimTemplates")):
                claim = mapping(mapping(template).get("metadata")).get("name")
                for number in range(
                    int(item.spec.get("replicas") or 1) if str(item.spec.get("replicas") or 1).isdigit() else 1
                ):
                    self._add(CLAIM, item.namespace, f"{claim}-{name}-{number}", item)

    def _add(self, target: OfKind, namespace: str, name: str, item: Object) -> None:
        self.names[target]["" if _is_wide(target) else namespace].setdefault(name, item)

    def _text(self, kustomization: Kustomization, item: Object, text: str) -> str:
        return variables_in(self.cluster).resolve(text, kustomization, item) if "$" in text else text

    # --- Verdicts ---

    def has(self, target: OfKind, namespace: str, name: str) -> bool:
        """Return whether a target is there."""
        known = self.names.get(target, {})
        is_there = name in known.get("" if _is_wide(target) else namespace, ()) or name in known.get(ANYWHERE, ())
        is_of_kubernetes = target in TWINS and (name in ROLES or name.startswith("system:"))
        return is_there or is_of_kubernetes or (target, name) in ALWAYS

    def is_namespaced(self, target: OfKind) -> bool:
        """Return whether objects of a kind are in namespaces, as far as it is known."""
        return not _is_wide(target) and target.group in BUILT_IN | HELD_WHOLE

    def judge(self, reference: ObjectReference) -> ReferenceVerdict:
        """Return whether what a reference names is there."""
        target, namespace, name = reference.target, reference.namespace, reference.name
        if self.has(target, namespace, name) or (target == NAMESPACE and name in ALWAYS_THERE):
            return THERE
        if reference.is_open:
            return ReferenceVerdict(False, "the name has a variable or a template whose value is not in the files")
        if not namespace and not _is_wide(target):
            return ReferenceVerdict(False, "its namespace is not known")
        hint, is_close = self._meant(reference)
        reason = "" if hint.endswith(TURNED) else self._surely_may_make(reference)
        if reason:
            return ReferenceVerdict(False, reason)
        return ReferenceVerdict(False, "" if hint.endswith(TURNED) else self._possibly_makes(reference), hint, is_close)

    def _meant(self, reference: ObjectReference) -> tuple[str, bool]:
        """Return what was probably meant, and whether hardly anything else can have been."""
        target, namespace, name = reference.target, reference.namespace, reference.name
        if reference.part and self.has(target, namespace, reference.part):
            return f"{reference.part}{TURNED}", True
        twin = TWINS.get(target)
        if twin and self.has(twin, namespace or reference.item.namespace, name):
            return f"there is a {twin.kind} of that name", True
        if not _is_wide(target) and (elsewhere := self._elsewhere(target, name)):
            return f"it is in namespace {elsewhere}", True
        names = self.names.get(target, {}).get("" if _is_wide(target) else namespace, {})
        close = next((known for known in names if _is_misspelt(name, known)), "")
        near = close or next(iter(get_close_matches(name, names)), "")
        return (f"did you mean {near}?" if near else ""), bool(close)

    def _elsewhere(self, target: OfKind, name: str) -> str:
        return next(
            (namespace for namespace, names in self.names.get(target, {}).items() if namespace and name in names), ""
        )

    def is_copied(self, target: OfKind, name: str) -> bool:
        """Return whether something copies it into other namespaces."""
        items = [names[name] for names in self.names.get(target, {}).values() if name in names]
        return any(prefix in item.file.text for item in items for prefix in COPIES)

    # --- Who may make it ---

    def _surely_may_make(self, reference: ObjectReference) -> str:
        """Return why something else is likely to make a target: it names it, or brings what nobody here can see."""
        target, namespace, name = reference.target, reference.namespace, reference.name
        if self.cluster.unreadable or (target.kind, name) in self._unapplied:
            return "it is, or may be, in a file that is not applied, which is a finding of another rule"
        if reason := self._brought_from_elsewhere(reference):
            return reason
        for maker in self.makers:
            if maker.namespace in ("", namespace) or not namespace or maker.item.kind in EVERYWHERE:
                if self._speaks_of(maker, reference):
                    return f"{maker.text} names it"
        if target in BY_HAND and name in self.by_hand:
            return "a script, a bootstrap file or a document names it"
        if target.kind == "CustomResourceDefinition" or target.group in OF_RUNNING:
            return "no file holds such objects"
        return ""

    def _brought_from_elsewhere(self, reference: ObjectReference) -> str:
        """Return what may bring a target from files that are not in this repository, or from another namespace."""
        if self.is_copied(reference.target, reference.name):
            return "something copies it into other namespaces"
        for kustomization in self.cluster.kustomizations:
            if not self.cluster.is_here(kustomization) and self._may_bring(kustomization, reference):
                return f"{kustomization} takes its files from elsewhere"
        for home in self._building_remotes:
            if reference.target != NAMESPACE and reference.namespace in ("", home.target):
                return f"{home} takes files from elsewhere"
        return ""

    @cached_property
    def _building_remotes(self) -> list[Kustomization]:
        """Return the Kustomizations that take more from elsewhere than the definitions of kinds."""
        remotes = providers(self.cluster).remotes
        return [home for home, words in remotes if home and not any(map(CRDS.search, words))]

    def _possibly_makes(self, reference: ObjectReference) -> str:
        """Return why something else could make a target, as far as names tell."""
        target = reference.target
        if target.group in HELD_WHOLE or target.kind in CHARTS_MAKE:
            parts = CHARTS_MAKE.get(target.kind, ())
            charts = [release for release in self.plain if any(part in release.chart for part in parts)]
            if charts and (_is_wide(target) or any(release.namespace == reference.namespace for release in charts)):
                return f"HelmRelease {charts[0].item.name} may make it"
            if target.group in HELD_WHOLE:
                return ""
        elif target.group not in BUILT_IN:
            return "an operator may make it"
        words = words_of(reference.name)
        for maker in self.makers:
            # A chart does not make what its own values call existing.
            is_own = maker.item is reference.item and any(str(key).startswith("existing") for key in reference.keys)
            if target == CLAIM and not maker.item.is_a("HelmRelease", HELM) and not _keeps_data(maker.item):
                continue
            if (maker.namespace == reference.namespace or _is_wide(target)) and words & maker.words and not is_own:
                return f"{maker.text} may make it"
        if target == SERVICE:
            for maker in self.makers:
                if maker.kustomization.key == reference.kustomization.key:
                    return f"{maker.text} may make it"
        return ""

    def _may_bring(self, kustomization: Kustomization, reference: ObjectReference) -> bool:
        """Return whether a Kustomization of another repository may apply a target: it is of its namespace or name."""
        into = kustomization.spec.get("targetNamespace")
        words = words_of(f"{kustomization.name}-{kustomization.source[1]}")
        brings_kinds = CRDS.search(f"{kustomization.name} {kustomization.source[1]} {kustomization.folder}")
        if brings_kinds and reference.target.group in HELD_WHOLE:
            return False
        if into and reference.namespace:
            return str(into) == reference.namespace
        is_own = reference.namespace in self.names[NAMESPACE][""] or reference.namespace in ALWAYS_THERE
        named = words_of(f"{reference.name}-{reference.namespace}-{reference.target.group.split('.')[0]}")
        return bool(words & named) or (bool(reference.namespace) and not is_own)

    @cached_property
    def _unapplied(self) -> set[tuple[str, str]]:
        """Return kind and name of every object in a file of which Flux applies nothing."""
        applied = {item.file.path for item in self.cluster.applied}
        left = [item for item in self.cluster.objects if item.file.path not in applied]
        return {(item.kind, item.name) for item in left} | {
            (t.kind, name) for item in left for t, name in _made_of(item)
        }

    @cached_property
    def makers(self) -> list[Maker]:
        """Return everything that may make objects which no file holds."""
        found = []
        for release in self.plain:
            override = release.get("fullnameOverride") or release.get("nameOverride") or ""
            text = f"{release.name}-{release.item.name}-{release.chart}-{override}"
            words = words_of(text) | set(NAMES_OF_CHARTS.get(release.chart, ()))
            found.append(Maker(f"HelmRelease {release.item.name}", release.namespace, frozenset(words), release.item,
                               release.kustomization))  # fmt: skip
        for kustomization in self.cluster.kustomizations:
            for item in kustomization.objects:
                if item.kind in EVERYWHERE or (item.group not in MAKES_NO_MORE and item.kind not in READERS):
                    namespace = "" if item.kind in EVERYWHERE else item.namespace
                    words = words_of(self._text(kustomization, item, item.name))
                    found.append(Maker(str(item), namespace, frozenset(words), item, kustomization))
        return found

    def _speaks_of(self, maker: Maker, reference: ObjectReference) -> bool:
        """Return whether a maker's own text names a target; of kinds that it hardly makes, the kind as well."""
        texts = self._texts(maker)
        kind = reference.target.kind.lower()
        is_named = reference.name in texts
        return is_named and (reference.target.group not in HELD_WHOLE or any(kind in text.lower() for text in texts))

    def _texts(self, maker: Maker) -> set[str]:
        if id(maker.item) not in self._texts_of:
            own = self._reference_keys.get(id(maker.item), set())
            texts: set[str] = set()
            above: Keys = VALUES if maker.item.is_a("HelmRelease", HELM) else ("spec",)
            for keys, value in walk(maker.item.get(*above), above):
                if isinstance(value, str) and keys not in own:
                    texts.update((value,) if " " not in value and "\n" not in value else re.findall(r"[\w.-]+", value))
                elif isinstance(value, dict):
                    texts.update(map(str, value))
            self._texts_of[id(maker.item)] = texts
        return self._texts_of[id(maker.item)]

    @cached_property
    def _texts_of(self) -> dict[int, set[str]]:
        return {}

    @cached_property
    def _reference_keys(self) -> dict[int, set[Keys]]:
        keys: dict[int, set[Keys]] = defaultdict(set)
        for reference in references(self.cluster):
            # What an operator's field is called does not tell whether it reads or writes there.
            if reference.is_vital or reference.item.group in MAKES_NO_MORE:
                keys[id(reference.item)].add(reference.keys)
        return keys

    @cached_property
    def by_hand(self) -> set[str]:
        """Return the words of scripts, of what bootstrap and Talos apply, and of commands in documents."""
        manifests = {file.path for file in self.cluster.manifests}
        words: set[str] = set()
        for path, file in self.cluster.files.items():
            if path in manifests and not is_of_bootstrap(file):
                continue
            if path.startswith((".github/", ".renovate", "docs/reference/", "tests/")) or len(file.text) > 500_000:
                continue
            lines: Iterable[str] = file.lines
            if file.name.endswith(".md"):
                lines = [line for line in lines if "kubectl" in line]
            words.update(re.findall(r"[a-z0-9][a-z0-9.-]+", "\n".join(lines)))
        return words


BY_KIND: dict[tuple[str, str], list[Makes]] = defaultdict(list)
for _makes in MAKES:
    BY_KIND[_makes.kind, _makes.group].append(_makes)
# Where something is that an operator makes in the namespaces of a selector.
ANYWHERE = "*"
# Kinds whose objects make others in any namespace.
EVERYWHERE = {"Bundle", "ClusterExternalSecret", "ClusterPolicy", "ResourceSet"}
MONITORS = {"PodMonitor", "Probe", "PrometheusRule", "ScrapeConfig", "ServiceMonitor"}
# Kinds whose objects read only, whatever they name.
READERS = {*MONITORS, "AlertmanagerConfig", "GrafanaAlertRuleGroup", "GrafanaDashboard", "GrafanaDatasource"}
# Groups of Kubernetes and of the Gateway API, whose objects charts make, under names like their own.
BUILT_IN = {"", "apps", "batch", "networking.k8s.io", "gateway.networking.k8s.io"}
OF_RUNNING = {"apiextensions.k8s.io", "apiregistration.k8s.io"}


def _is_wide(target: OfKind) -> bool:
    return target.kind in CLUSTER_SCOPED or target.kind in CLUSTER_WIDE


def _keeps_data(item: Object) -> bool:
    """Return whether an object of an operator says anything of storage."""
    names = (str(keys[-1]).lower() for keys, _ in walk(item.spec, ("spec",)))
    return any(word in name for name in names for word in ("claim", "persist", "pvc", "storage", "volume"))


def words_of(name: str) -> set[str]:
    """Return the words of a name that tell whose it is."""
    return {word for word in re.split(r"[-._/]", name) if len(word) > 2 and not word.isdigit()} - COMMON


def _made_of(item: Object) -> Iterator[tuple[OfKind, str]]:
    """Yield kind and name of what an operator makes of an object."""
    for makes in BY_KIND.get((item.kind, item.group), ()):
        said = item.get(*makes.path) if makes.path else None
        made = str(said) if isinstance(said, str) and said else makes.pattern.format(item.name)
        if made:
            yield makes.target, made


def _is_misspelt(name: str, known: str) -> bool:
    """Return whether a name is another one with a typing error: one word of it differs, by letters."""
    if name.replace("-", "") == known.replace("-", ""):
        return True
    ours, theirs = name.split("-"), known.split("-")
    differing = [(a, b) for a, b in zip(ours, theirs, strict=False) if a != b]
    if len(ours) != len(theirs) or len(differing) != 1:
        return False
    one, other = differing[0]
    return bool(get_close_matches(one, [other], cutoff=0.75)) and one.strip("0123456789") != other.strip("0123456789")


@lru_cache(maxsize=4)
def unresolved(cluster: Cluster) -> tuple[tuple[ObjectReference, ReferenceVerdict], ...]:
    """Return every reference whose target the files do not show; computed once."""
    made = made_in(cluster)
    judged = [(reference, made.judge(reference)) for reference in references(cluster) if not reference.is_optional]
    return tuple((reference, verdict) for reference, verdict in judged if not verdict.is_there)
