"""Rules about keys of Secrets and ConfigMaps: what pods and releases ask for, and what is there."""

from collections.abc import Iterator, Mapping
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import HELM, Object, walk
from talos_flux.manifests.releases import mapping, sequence
from talos_flux.manifests.values import generated_files

Keys = tuple[str | int, ...]
# The kind by the suffix of the key that holds a reference, such as apiTokenSecretRef.
REFERENCES = {"SecretKeyRef": "Secret", "SecretRef": "Secret", "ConfigMapKeyRef": "ConfigMap"}
VOLUMES = {"secret": ("Secret", "secretName"), "configMap": ("ConfigMap", "name")}
HOLDS = {"Secret": ("data", "stringData"), "ConfigMap": ("data", "binaryData")}


@rule(
    "key-unknown",
    Severity.ERROR,
    "A pod that asks a Secret or a ConfigMap for a key that it does not have never starts.",
    "Give it the key, or ask for one that it has.",
)
def key_unknown(cluster: Cluster) -> Violations:
    """Find missing keys of Secrets and ConfigMaps that the repository holds whole.

    What something else fills in, too, is not judged.
    """
    known = known_keys(cluster)
    for item in cluster.applied:
        namespace = str(item.spec.get("targetNamespace") or item.namespace)
        for keys, kind, name, key in requested_keys(item):
            present = known.get((kind, namespace, name))
            if present is not None and key not in present:
                yield item.at(*keys), f"{item} asks {kind} {name} for {key}, and it has {', '.join(sorted(present))}"


def requested_keys(item: Object) -> Iterator[tuple[Keys, str, str, str]]:
    """Yield what an object requires: where it says so, the kind, the name and the key."""
    for keys, value in walk(item.content):
        if not isinstance(value, dict) or value.get("optional") or "namespace" in value:
            continue
        last = str(keys[-1]) if keys else ""
        for end, kind in REFERENCES.items():
            if last.endswith((end, f"{end[0].lower()}{end[1:]}")) and "key" in value:
                yield (*keys, "key"), kind, str(value.get("name")), str(value["key"])
                break
        if last in VOLUMES:
            kind, name = VOLUMES[last]
            for number, entry in enumerate(sequence(value.get("items"))):
                yield (*keys, "items", number), kind, str(value.get(name)), str(mapping(entry).get("key"))
        if item.is_a("HelmRelease", HELM) and keys[:2] == ("spec", "valuesFrom") and "kind" in value:
            key = str(value.get("valuesKey") or "values.yaml")
            yield keys, str(value["kind"]), str(value.get("name")), key


def known_keys(cluster: Cluster) -> dict[tuple[str, str, str], set[str]]:
    """Return the keys of what the repository holds, by kind, namespace and name; nothing that others fill in, too."""
    keys_by_object: dict[tuple[str, str, str], set[str]] = {}
    filled_by_others = set()
    for item in cluster.applied:
        target = mapping(item.spec.get("target")).get("name") or item.name
        object_key = ("ConfigMap" if item.is_a("ConfigMap", "") else "Secret", item.namespace, str(target))
        if object_key[0] == "ConfigMap" or "Secret" in item.kind or item.kind == "OnePasswordItem":
            keys = keys_of(item)
            keys_by_object.setdefault(object_key, set()).update(keys or ())
            if not keys:
                filled_by_others.add(object_key)
    return {object_key: keys for object_key, keys in keys_by_object.items() if object_key not in filled_by_others}


def keys_of(item: Object) -> set[str] | None:
    """Return the keys of a Secret, a ConfigMap, or what an ExternalSecret makes; None when it can't be told."""
    if item.kind == "ExternalSecret":
        return _keys_from_a_store(item)
    if item.kind not in HOLDS:
        return None
    if "generatedBy" in item.content:
        return _generated(mapping(item.content["generatedBy"]))
    return {str(key) for name in HOLDS[item.kind] for key in mapping(item.content.get(name))}


def _keys_from_a_store(item: Object) -> set[str] | None:
    target = mapping(item.spec.get("target"))
    template = mapping(target.get("template"))
    if target.get("creationPolicy", "Owner") != "Owner" or template.get("templateFrom"):
        return None
    if template.get("data") and template.get("mergePolicy") != "Merge":
        return {str(key) for key in mapping(template["data"])}
    if item.spec.get("dataFrom"):
        return None
    asked_for = [mapping(entry).get("secretKey") for entry in sequence(item.spec.get("data"))]
    return {str(key) for key in [*asked_for, *mapping(template.get("data"))]}


def _generated(entry: Mapping[str, Any]) -> set[str] | None:
    """Return the keys that a generator of kustomize makes; None where they are in other files, as with envs."""
    if entry.get("envs") or entry.get("env") or entry.get("behavior"):
        return None
    literals = [str(text).partition("=")[0] for text in sequence(entry.get("literals"))]
    return {*literals, *(key for key, _ in generated_files(entry))}
