"""Which names of generated ConfigMaps and Secrets get a hash, and which references to them kustomize corrects.

Source: sigs.k8s.io/kustomize/api v0.21, internal/konfig/builtinpluginconsts/namereference.go.
"""

import posixpath
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import Object, walk
from talos_flux.manifests.post_build import entries
from talos_flux.repository.files import Map, Unreadable

# Kinds whose references kustomize corrects without being told.
KNOWN_KINDS = {
    "CronJob", "DaemonSet", "Deployment", "Ingress", "Job", "PersistentVolume", "Pod", "PodTemplate", "ReplicaSet",
    "ReplicationController", "ServiceAccount", "StatefulSet", "StorageClass",
}  # fmt: skip
# A key that holds a mapping with the name of an object, and one that holds the name itself.
HOLDS_NAME = re.compile(r"(?:(?P<config>config_?map)|secret)(?:Ref|KeyRef|Name)?", re.IGNORECASE)
IS_NAME = re.compile(r"(?:existing)?(?:(?P<config>config_?map)|secret)(?:Name)?", re.IGNORECASE)
KINDS = ("ConfigMap", "Secret")


class NameReference(NamedTuple):
    """A name of a ConfigMap or Secret in an object: of which kind, where, and in which namespace if it says one."""

    kind: str
    name: str
    namespace: str
    keys: tuple[str | int, ...]


def has_hash(cluster: Cluster, item: Object) -> bool:
    """Return whether an object comes from a generator that adds a hash to its name."""
    entry = item.content.get("generatedBy")
    if not isinstance(entry, Map) or entry.get("behavior") in ("merge", "replace"):
        return False
    options = (cluster.content_of(item.file).get("generatorOptions"), entry.get("options"))
    return not any(isinstance(given, Map) and given.get("disableNameSuffixHash") is True for given in options)


def references(item: Object) -> Iterator[NameReference]:
    """Yield the ConfigMaps and Secrets that an object names, none that may be missing."""
    for keys, value in walk(item.content):
        last = str(keys[-1]) if keys else ""
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            if value.get("optional") is True or "generatedBy" in keys:
                continue
            kind = str(value.get("kind") or "") or _kind_of(last, HOLDS_NAME) or _kind_of(value.get("type"), IS_NAME)
            if kind in KINDS and (not value.get("kind") or "apiVersion" not in value or value["apiVersion"] == "v1"):
                yield NameReference(kind, value["name"], str(value.get("namespace") or ""), (*keys, "name"))
        elif isinstance(value, str) and (kind := _kind_of(last, IS_NAME)):
            yield NameReference(kind, value, "", keys)


def _kind_of(key: Any, pattern: re.Pattern[str]) -> str:
    match = pattern.fullmatch(str(key))
    return "" if not match else "ConfigMap" if match["config"] else "Secret"


def is_followed(cluster: Cluster, kustomization: Kustomization, item: Object, reference: NameReference) -> bool:
    """Return whether kustomize corrects a reference within the build that makes what it names."""
    if item.kind in KNOWN_KINDS:
        return True
    path = [str(key) for key in reference.keys if isinstance(key, str)]
    return any(
        kind == reference.kind and wanted in ("", item.kind) and field == path
        for kind, wanted, field in _own_rules(cluster, kustomization)
    )


@lru_cache(maxsize=1024)
def _own_rules(cluster: Cluster, kustomization: Kustomization) -> list[tuple[str, str, list[str]]]:
    """Return the nameReference of the configurations of a build: kind, the kind that refers to it, and the field."""
    rules = []
    for folder in dict.fromkeys(cluster.folders_built(kustomization)):
        for name in entries(cluster.content_of(cluster.kustomize_file(folder or ".")).get("configurations")):
            file = cluster.files.get(posixpath.normpath(f"{folder}/{name}"))
            try:
                documents = file.documents if file else []
            except Unreadable:
                documents = []
            for rule in (
                rule for one in documents if isinstance(one, Map) for rule in entries(one.get("nameReference"))
            ):
                for field in entries(rule.get("fieldSpecs")) if isinstance(rule, Map) else ():
                    if isinstance(field, Map):
                        parts = str(field.get("path", "")).replace("[]", "").strip("/").split("/")
                        rules.append((str(rule.get("kind")), str(field.get("kind") or ""), parts))
    return rules
