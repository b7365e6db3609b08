"""The Secrets that Flux can't work without: for decryption, and for pulling its sources."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import HELM, SOURCES, Object, walk
from talos_flux.manifests.releases import VALUES, mapping

Secret = tuple[str, str]
OPERATOR = "fluxcd.controlplane.io"
# kustomize-controller's option for Kustomizations that name no key.
GLOBAL_KEY = re.compile(r"--sops-age-secret=([\w.-]+)")
# Kinds that make a Secret of their own name, unless they name another.
MAKERS = {"ExternalSecret", "OnePasswordItem", "SealedSecret", "Secret"}


@dataclass
class Keys:
    """Secrets by namespace and name: for decryption, for pulling the repository itself, and for other sources."""

    decrypting: set[Secret] = field(default_factory=set)
    pulling: set[Secret] = field(default_factory=set)
    sources: dict[Secret, str] = field(default_factory=dict)

    def need(self, secret: Secret) -> str:
        """Return what fails without a Secret in the new repository."""
        if secret in self.decrypting:
            return "without it Flux decrypts nothing"
        if secret in self.pulling:
            return "without it Flux pulls nothing"
        return f"without it {self.sources[secret]} pulls nothing" if secret in self.sources else ""

    def need_of_old(self, secret: Secret, new: "Keys") -> str:
        """Return what a Secret was for in the old repository."""
        if secret in self.decrypting:
            return f"Flux decrypted with it, and now does {_with(new.decrypting)}"
        if secret in self.pulling:
            return f"Flux pulled the repository with it, and now does {_with(new.pulling)}"
        return f"{self.sources[secret]} pulled with it" if secret in self.sources else ""


def _with(secrets: set[Secret]) -> str:
    return f"with {', '.join(sorted(map('/'.join, secrets)))}" if secrets else "without any Secret"


def keys_of(cluster: Cluster, items: Iterable[Object]) -> Keys:
    """Return the Secrets that a repository's files name; `items` are the objects that it applies."""
    keys = Keys()
    for kustomization in cluster.kustomizations:
        if name := kustomization.item.get("spec", "decryption", "secretRef", "name"):
            keys.decrypting.add((kustomization.item.namespace, str(name)))
    for item in items:
        if item.is_a("GitRepository", SOURCES) and (name := item.get("spec", "secretRef", "name")):
            if item.name == cluster.source[1]:
                keys.pulling.add((item.namespace, str(name)))
            else:
                keys.sources[item.namespace, str(name)] = str(item)
        _read_instance(item, keys)
    return keys


def _read_instance(item: Object, keys: Keys) -> None:
    """Read a FluxInstance, or the HelmRelease that makes one."""
    if item.is_a("FluxInstance", OPERATOR):
        spec = item.spec
    elif item.is_a("HelmRelease", HELM):
        spec = mapping(item.get(*VALUES, "instance"))
    else:
        return
    if name := mapping(spec.get("sync")).get("pullSecret"):
        keys.pulling.add((item.namespace, str(name)))
    for _, text in walk(spec.get("kustomize")):
        for name in GLOBAL_KEY.findall(text) if isinstance(text, str) else ():
            keys.decrypting.add((item.namespace, name))


def secret_of(item: Object, name: str) -> str:
    """Return the name of the Secret that an object is, or makes; empty when it does neither."""
    if item.kind not in MAKERS:
        return ""
    return str(item.get("spec", "target", "name") or name) if item.kind == "ExternalSecret" else name
