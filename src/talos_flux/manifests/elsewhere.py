"""What can be in the cluster although no file of the repository says so, reference by reference.

A Kustomization can take its files from another repository, and a ResourceSet its inputs from a provider. What that is
nobody can see here, but seldom can it be everything: CRDs alone define kinds and nothing else, and a project of others
does not know how this repository calls its namespaces and Gateways. Only a second repository of the same owner can
hold anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import Object
from talos_flux.manifests.resource_sets import OPERATOR

# What the parts of an address or a path are called that bring CustomResourceDefinitions alone.
CRDS = re.compile(r"crd|customresourcedefinition|gateway-api", re.IGNORECASE)
# Kubernetes and Flux make these, and manifests of others may be in them.
COMMON = {"default", "flux-system", "kube-node-lease", "kube-public", "kube-system"}
# Words that tell nothing about what something is.
PLAIN = {"artifacts", "base", "charts", "config", "deploy", "flux", "github", "gitlab", "https", "infra", "install",
         "kubernetes", "main", "manifests", "overlays", "release", "system"}  # fmt: skip
KIND = re.compile(r"^\s*(?:- )?kind: (\w+)\s*$", re.MULTILINE)
NAMESPACE = re.compile(r"^\s*namespace: (\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Unseen:
    """Something that brings what is in no file here.

    `namespaces` and `kinds` are all that it can be in and of; empty is any. `is_foreign` where it is of somebody else.
    """

    reason: str
    item: Object
    words: frozenset[str]
    namespaces: frozenset[str]
    kinds: frozenset[str]
    is_foreign: bool
    has_crds_alone: bool


@lru_cache(maxsize=4)
def elsewhere(cluster: Cluster) -> "Elsewhere":
    """Return what a cluster can hold besides its files; computed once."""
    return Elsewhere(cluster)


@dataclass(eq=False)
class Elsewhere:
    """What can be in a cluster although no file says so. A yes is noted in the cluster's doubts."""

    cluster: Cluster

    def may_hold(self, kind: str, namespace: str, name: str, *hints: str) -> bool:
        """Return whether an object can come from elsewhere; `hints` are parts of names of what brings such objects."""
        found = [one for one in self.unseen if not one.has_crds_alone and self._can(one, kind, namespace, name, hints)]
        self.cluster.doubts.update(one.reason for one in found)
        return bool(found)

    def may_make_namespace(self, name: str) -> bool:
        """Return whether a namespace can come from elsewhere: from what is called like it.

        Not anything of the owner's: whoever takes an app's settings from a second repository has no namespaces there.
        """
        named = [one for one in self.unseen if not one.has_crds_alone and (not one.kinds or "Namespace" in one.kinds)]
        found = [
            one for one in named if name in one.namespaces or any(word in name or name in word for word in one.words)
        ]
        self.cluster.doubts.update(one.reason for one in found)
        return bool(found)

    def may_define(self, *names: str) -> bool:
        """Return whether the kinds of an API group can come from elsewhere; `names` are the group and its charts."""
        found = [
            one
            for one in self.unseen
            if not one.kinds
            and (not one.is_foreign or any(name in word or word in name for name in names for word in one.words))
        ]
        self.cluster.doubts.update(one.reason for one in found)
        return bool(found)

    def _can(self, one: Unseen, kind: str, namespace: str, name: str, hints: tuple[str, ...]) -> bool:
        if one.kinds and kind not in one.kinds and not one.kinds & {"Kustomization", "HelmRelease"}:
            return False
        if one.namespaces and namespace and namespace not in one.namespaces:
            return False
        if not one.is_foreign or (name and any(word in name or name in word for word in one.words)):
            return True
        if namespace:
            return bool(one.namespaces) or namespace in COMMON or namespace not in self._created
        return any(hint in word for hint in hints for word in one.words)

    @cached_property
    def _created(self) -> set[str]:
        return {item.name for item in self.cluster.applied if item.is_a("Namespace", "")}

    @cached_property
    def unseen(self) -> list[Unseen]:
        """Return everything that brings what no file shows."""
        every = [_of_another_repository(self.cluster, one) for one in self.cluster.kustomizations if self._is_away(one)]
        for kustomization in self.cluster.kustomizations:
            for item in kustomization.objects:
                if item.is_a("ResourceSet", OPERATOR) and (reason := self.cluster.made_by(item).unknown):
                    every.append(_of_resource_set(item, reason))
        return every

    def _is_away(self, kustomization: Kustomization) -> bool:
        return not self.cluster.is_here(kustomization)


def _of_another_repository(cluster: Cluster, kustomization: Kustomization) -> Unseen:
    addresses = cluster.addresses_of(kustomization.source)
    spec = kustomization.spec
    text = " ".join((kustomization.name, str(spec.get("path", "")), kustomization.source[1], *addresses))
    words = {word.lower() for word in re.findall(r"[\w-]+", text)}
    words = {part for word in words for part in (word, *word.split("-")) if len(part) > 3} - PLAIN
    own = {owner for address in cluster.own_addresses for owner in _owner(address)}
    # A source that is not there either is a finding of source-unknown, and brings nothing of the owner's.
    is_foreign = not addresses or bool(own and not own & {owner for address in addresses for owner in _owner(address)})
    target = str(spec.get("targetNamespace") or "")
    return Unseen(
        f"Kustomization {kustomization.name} reads another repository",
        kustomization.item,
        frozenset(words - own),
        frozenset({target} if target else ()),
        frozenset(),
        is_foreign,
        bool(CRDS.search(text)),
    )


def _owner(address: str) -> Iterator[str]:
    """Yield whose repository or registry an address is in: what stands after the host."""
    if match := re.match(r"(?:\w+://)?(?:[^/@]+@)?[^/:]+(?::\d+)?[/:]([^/]+)/", address):
        yield match[1].lower()


def _of_resource_set(item: Object, reason: str) -> Unseen:
    text = item.file.text
    kinds = set(KIND.findall(text)) - {"ResourceSet", "ResourceSetInputProvider"}
    namespaces = {name.strip("\"'") for name in NAMESPACE.findall(text)}
    is_anywhere = any("<<" in name for name in namespaces) or "targetNamespace" in text
    return Unseen(
        reason,
        item,
        frozenset({item.name}),
        frozenset() if is_anywhere else frozenset({*namespaces, item.namespace}),
        frozenset(kinds),
        is_foreign=False,
        has_crds_alone=False,
    )
