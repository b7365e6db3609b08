"""What a change means in the cluster: which pods restart, what is gone for good, and what the API server refuses."""

from collections.abc import Iterable, Iterator
from typing import Any

from talos_flux.diff.differences import Change
from talos_flux.diff.flate import Key, Manifest

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
# Their removal takes data, or other objects, along.
LASTING = {
    "PersistentVolumeClaim": "with its data, unless the reclaim policy of its volume is Retain",
    "PersistentVolume": "with what it holds",
    "Namespace": "with everything in it",
    "CustomResourceDefinition": "with every object of its kind",
    "Cluster": "with its databases",
    "Dragonfly": "with what it holds",
    "Volume": "with its data",
}
# CloudNativePG's Cluster, Dragonfly's own kind and Longhorn's Volume share their names with other kinds.
LASTING_GROUPS = {"Cluster": "postgresql.cnpg.io", "Dragonfly": "dragonflydb.io", "Volume": "longhorn.io"}
KEPT = {"kustomize.toolkit.fluxcd.io/prune": "disabled", "helm.sh/resource-policy": "keep"}
RELOADER = "reloader.stakater.com/auto"

# Fields that the API server lets nobody change, by kind: what is not below one of these prefixes.
_TEMPLATE = ("spec.replicas", "spec.template", "spec.updateStrategy", "spec.minReadySeconds", "spec.ordinals",
             "spec.persistentVolumeClaimRetentionPolicy", "spec.revisionHistoryLimit")  # fmt: skip
MAY_CHANGE = {
    "StatefulSet": _TEMPLATE,
    "PersistentVolumeClaim": ("spec.resources", "spec.volumeAttributesClassName"),
}
FIXED = {
    "Deployment": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "Job": ("spec.template", "spec.selector", "spec.completionMode"),
    "StorageClass": ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode", "mountOptions"),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "Secret": ("type",),
}


def restarting(changes: Iterable[Change]) -> Iterator[tuple[Key, str]]:
    """Yield the workloads whose pods are replaced, each with the reason."""
    changes = list(changes)
    for change in changes:
        if (
            change.what == "changed"
            and change.key.kind in WORKLOADS
            and _template(change.before) != _template(change.after)
        ):
            shown = [field.path.removeprefix("spec.template.") for field in change.fields
                     if field.path.startswith("spec.template")]  # fmt: skip
            yield change.key, ", ".join(shown[:2]) or "labels and annotations of its chart"


def reloaded(changes: Iterable[Change], objects: Iterable[tuple[Key, Manifest]]) -> Iterator[tuple[Key, str]]:
    """Yield the workloads that Reloader restarts, since a Secret or ConfigMap that they use has other content."""
    changed = {
        (change.key.kind, change.key.namespace, change.key.name)
        for change in changes
        if change.what == "changed" and change.key.kind in ("Secret", "ConfigMap") and change.fields
    }
    for key, manifest in objects:
        if key.kind in WORKLOADS and _is_reloaded(manifest):
            for kind, name in sorted(set(_references(manifest))):
                if (kind, key.namespace, name) in changed:
                    yield key, f"Reloader sees another {kind} {name}"
                    break


def _template(manifest: Manifest | None) -> Any:
    return ((manifest or {}).get("spec") or {}).get("template")


def _is_reloaded(manifest: Manifest) -> bool:
    places = (manifest, _template(manifest) or {})
    annotations = [((place.get("metadata") or {}).get("annotations") or {}) for place in places]
    return any(str(found.get(RELOADER)) == "true" for found in annotations)


def _references(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for field, kind, name in (
            ("secretRef", "Secret", "name"), ("secretKeyRef", "Secret", "name"), ("secret", "Secret", "secretName"),
            ("configMapRef", "ConfigMap", "name"), ("configMapKeyRef", "ConfigMap", "name"),
            ("configMap", "ConfigMap", "name"),
        ):  # fmt: skip
            if isinstance(found := value.get(field), dict) and name in found:
                yield kind, str(found[name])
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def lost(changes: Iterable[Change]) -> Iterator[tuple[Key, str]]:
    """Yield the objects whose removal can't be taken back by a revert, each with what goes along."""
    for change in changes:
        if change.what == "removed" and is_lasting(change.key) and not is_kept(change.before or {}):
            yield change.key, LASTING[change.key.kind]


def is_lasting(key: Key) -> bool:
    """Return whether the removal of an object takes along what a revert does not bring back."""
    return key.kind in LASTING and LASTING_GROUPS.get(key.kind, key.group) == key.group


def is_kept(manifest: Manifest) -> bool:
    """Return whether Flux or helm leave an object where it is when it is in the files no more."""
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    return any(str(annotations.get(name)).lower() == value for name, value in KEPT.items())


def unserved(changes: Iterable[Change]) -> Iterator[tuple[Key, str]]:
    """Yield the definitions of kinds that serve a version of their API no more, each with these versions."""
    for change in changes:
        if change.what == "changed" and change.key.kind == "CustomResourceDefinition":
            gone = [name for name in _served(change.before) if name not in _served(change.after)]
            if gone:
                yield change.key, ", ".join(gone)


def _served(manifest: Manifest | None) -> list[str]:
    versions = ((manifest or {}).get("spec") or {}).get("versions") or []
    return [str(one.get("name")) for one in versions if isinstance(one, dict) and one.get("served", True)]


def refused(changes: Iterable[Change]) -> Iterator[tuple[Key, str]]:
    """Yield the objects that the API server will not change, each with the fields that can't be."""
    for change in changes:
        if change.what != "changed":
            continue
        paths = [field.path for field in change.fields if not _may_change(change, field.path)]
        if paths:
            yield change.key, ", ".join(paths[:3])


def _may_change(change: Change, path: str) -> bool:
    kind = change.key.kind
    if kind in ("ConfigMap", "Secret") and (change.before or {}).get("immutable") is True:
        return not path.startswith(("data", "binaryData", "stringData", "immutable"))
    if kind in MAY_CHANGE and path.startswith("spec"):
        return path.startswith(MAY_CHANGE[kind])
    return not path.startswith(FIXED.get(kind, ("\0",)))
