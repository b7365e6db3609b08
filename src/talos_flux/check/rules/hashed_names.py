"""Rules about the names of generated ConfigMaps and Secrets, to which kustomize adds a hash."""

from collections.abc import Iterator
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.generated_names import NameReference, has_hash, is_followed, references
from talos_flux.manifests.objects import HELM, Object
from talos_flux.manifests.post_build import sources_of


@rule(
    "name-hashed",
    Severity.ERROR,
    "Kustomize adds a hash to the name of what it generates, and corrects only the references that it knows.",
    "Set disableNameSuffixHash: true in the generator's options, or name the field in a nameReference.",
)
def name_hashed(cluster: Cluster) -> Violations:
    """Find references to the name that a generated ConfigMap or Secret has before its hash.

    In the same build, kustomize corrects those of pods and some others; in another one it corrects none.
    """
    hashed, plain = _by_key(cluster)
    if not hashed:
        return
    for kustomization in cluster.kustomizations:
        for source in sources_of(kustomization):
            key = source.kind, kustomization.item.namespace, source.name
            if key in hashed and key not in plain and not source.is_optional:
                keys = ("spec", "postBuild", "substituteFrom", source.number)
                above, reference = kustomization.parent, NameReference(source.kind, source.name, "", (*keys, "name"))
                if not above or above not in hashed[key] or not is_followed(
                    cluster, above, kustomization.item, reference
                ):  # fmt: skip
                    yield kustomization.item.at(*keys), _message(kustomization.item, *key[::2]), "hash"
        for item in kustomization.objects:
            for reference in _references(cluster, item):
                key = reference.kind, reference.namespace or item.namespace, reference.name
                if key not in hashed or key in plain:
                    continue
                if kustomization not in hashed[key] or not is_followed(cluster, kustomization, item, reference):
                    written = cluster.as_written(item) if reference.keys[:2] == ("spec", "valuesFrom") else item
                    yield written.at(*reference.keys), _message(item, reference.kind, reference.name), "hash"


def _references(cluster: Cluster, item: Object) -> Iterator[NameReference]:
    """Yield what an object names; valuesFrom as it is written, since what is known of it has become values."""
    yield from references(item)
    if item.is_a("HelmRelease", HELM):
        yield from (one for one in references(cluster.as_written(item)) if one.keys[:2] == ("spec", "valuesFrom"))


def _message(item: Object, kind: str, name: str) -> str:
    return f"{item.kind} {item.name} names {kind} {name}, which is built as {name}-<hash>"


Key = tuple[str, str, str]


def _by_key(cluster: Cluster) -> tuple[dict[Key, list[Kustomization]], set[Key]]:
    """Return what is built with a hash, with the Kustomizations that do, and what is there under its plain name."""
    hashed: dict[Key, list[Kustomization]] = {}
    plain: set[Key] = set()
    for kustomization, item in _objects(cluster):
        key = item.kind, item.namespace, item.name
        if has_hash(cluster, item):
            hashed.setdefault(key, []).append(kustomization)
        else:
            plain.add(key)
    return hashed, plain


def _objects(cluster: Cluster) -> Iterator[tuple[Kustomization, Any]]:
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.is_a("ConfigMap", "") or item.is_a("Secret", ""):
                yield kustomization, item
