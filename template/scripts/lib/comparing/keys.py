"""The Secrets without which Flux does nothing: what it decrypts with, and what it pulls with."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lib.checks.charts import VALUES, mapping
from lib.checks.flux import Cluster
from lib.checks.objects import HELM, SOURCES, Object, walk

Secret = tuple[str, str]
OPERATOR = "fluxcd.controlplane.io"
# kustomize-controller's option for Kustomizations that name no key.
GLOBAL_KEY = re.compile(r"--sops-age-secret=([\w.-]+)")
# What makes a Secret of its own name, unless it says another.
MAKERS = {"ExternalSecret", "OnePasswordItem", "SealedSecret", "Secret"}


@dataclass
class Keys:
    """Namespaces and names: what decrypts, what pulls the repository itself, and by whom others pull."""

    decrypting: set[Secret] = field(default_factory=set)
    pulling: set[Secret] = field(default_factory=set)
    sources: dict[Secret, str] = field(default_factory=dict)

    def need(self, secret: Secret) -> str:
        """What would be without a Secret, in the repository that is to come."""
        if secret in self.decrypting:
            return "without it Flux decrypts nothing"
        if secret in self.pulling:
            return "without it Flux pulls nothing"
        return f"without it {self.sources[secret]} pulls nothing" if secret in self.sources else ""

    def need_of_old(self, secret: Secret, new: "Keys") -> str:
        """What a Secret was for, in the repository that goes."""
        if secret in self.decrypting:
            return f"Flux decrypted with it, and now does {_with(new.decrypting)}"
        if secret in self.pulling:
            return f"Flux pulled the repository with it, and now does {_with(new.pulling)}"
        return f"{self.sources[secret]} pulled with it" if secret in self.sources else ""


def _with(secrets: set[Secret]) -> str:
    return f"with {', '.join(sorted(map('/'.join, secrets)))}" if secrets else "without any Secret"


def keys_of(cluster: Cluster, items: Iterable[Object]) -> Keys:
    """What a repository's files name; `items` are what it applies."""
    found = Keys()
    for one in cluster.kustomizations:
        if name := one.item.get("spec", "decryption", "secretRef", "name"):
            found.decrypting.add((one.item.namespace, str(name)))
    for item in items:
        if item.is_a("GitRepository", SOURCES) and (name := item.get("spec", "secretRef", "name")):
            if item.name == cluster.source[1]:
                found.pulling.add((item.namespace, str(name)))
            else:
                found.sources[item.namespace, str(name)] = str(item)
        _read_instance(item, found)
    return found


def _read_instance(item: Object, found: Keys) -> None:
    """What a FluxInstance says, or the release that makes one."""
    if item.is_a("FluxInstance", OPERATOR):
        said = item.spec
    elif item.is_a("HelmRelease", HELM):
        said = mapping(item.get(*VALUES, "instance"))
    else:
        return
    if name := mapping(said.get("sync")).get("pullSecret"):
        found.pulling.add((item.namespace, str(name)))
    for _, text in walk(said.get("kustomize")):
        for name in GLOBAL_KEY.findall(text) if isinstance(text, str) else ():
            found.decrypting.add((item.namespace, name))


def secret_of(item: Object, name: str) -> str:
    """The name of the Secret that an object is, or makes; empty where it does not."""
    if item.kind not in MAKERS:
        return ""
    return str(item.get("spec", "target", "name") or name) if item.kind == "ExternalSecret" else name
