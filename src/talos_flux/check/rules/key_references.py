"""Rules about keys of Secrets and ConfigMaps: what pods and releases ask for, and what is there."""

import re
from collections.abc import Mapping
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.object_references import references
from talos_flux.manifests.objects import Object
from talos_flux.manifests.post_build import variables_in
from talos_flux.manifests.releases import Keys, mapping, sequence
from talos_flux.manifests.values import generated_files

# What a template of Go reads of the data at its root, and what may mean something else by a dot.
ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|`[^`]*`")
FIELD = re.compile(r"(?<![\w)\]$.])\.([A-Za-z_]\w*)")
INDEXED = re.compile(r"index\s+\.\s+\"([^\"]+)\"")
OTHER_DOT = re.compile(r"^-?\s*(?:range|with|define|template|block)\b")
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
    for reference in references(cluster):
        if not reference.part or reference.is_optional or reference.target.kind not in HOLDS:
            continue
        kind, name, key = reference.target.kind, reference.name, reference.part
        present = known.get((kind, reference.namespace, name))
        if present is not None and key not in present and "$" not in key and "{{" not in key:
            has = f"it has {', '.join(sorted(present))}"
            yield reference.item.at(*reference.part_keys), f"{reference.item} asks {kind} {name} for {key}, and {has}"
    yield from _of_templates(cluster)


def _of_templates(cluster: Cluster) -> Violations:
    """Find what templates of ExternalSecrets read that their data do not bring, where all data are listed."""
    for item in cluster.applied:
        if item.group != "external-secrets.io" or item.kind not in ("ExternalSecret", "ClusterExternalSecret"):
            continue
        above: Keys = ("spec", "externalSecretSpec") if item.kind == "ClusterExternalSecret" else ("spec",)
        spec = mapping(item.get(*above))
        template = mapping(mapping(spec.get("target")).get("template"))
        if spec.get("dataFrom") or str(template.get("engineVersion") or "v2") != "v2":
            continue
        brought = {str(mapping(entry).get("secretKey")) for entry in sequence(spec.get("data"))}
        for key, text in mapping(template.get("data")).items():
            for name in dict.fromkeys(fields_of(str(text))):
                if name not in brought and "$" not in "".join(brought):
                    has = f"data brings {', '.join(sorted(brought))}" if brought else "there is no data"
                    place = item.at(*above, "target", "template", "data", key)
                    yield place, f"the template of {item} reads {name}, and {has}"


def fields_of(template: str) -> list[str]:
    """Return the keys of the data that a template of Go reads, without those that a range or a with can mean."""
    names: list[str] = []
    for action in ACTION.findall(template):
        if OTHER_DOT.search(action):
            return []
        if not action.lstrip("- ").startswith("/*"):
            names += INDEXED.findall(action)
            names += FIELD.findall(QUOTED.sub('""', action))
    return names


def known_keys(cluster: Cluster) -> dict[tuple[str, str, str], set[str]]:
    """Return the keys of what the repository holds, by kind, namespace and name; nothing that others fill in, too."""
    keys_by_object: dict[tuple[str, str, str], set[str]] = {}
    filled_by_others = set()
    variables = variables_in(cluster)
    for kustomization, item in ((each, item) for each in cluster.kustomizations for item in each.objects):
        target = variables.resolve(mapping(item.spec.get("target")).get("name") or item.name, kustomization, item)
        object_key = ("ConfigMap" if item.is_a("ConfigMap", "") else "Secret", item.namespace, target)
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
