"""The transformers that a kustomization.yaml names in files, after its own fields.

Only NamespaceTransformer is one that moves objects: api/internal/target/kusttarget.go (runTransformers) and
api/filters/namespace of sigs.k8s.io/kustomize. Its fieldSpecs take the place of kustomize's own.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from talos_flux.manifests.objects import CLUSTER_SCOPED, Object
from talos_flux.manifests.patches import set_at
from talos_flux.repository.files import Map


def transformed(items: list[Object], transformers: Sequence[Object]) -> list[Object]:
    """Return objects after the transformers, which stand in the namespace that they give."""
    for transformer in transformers:
        if transformer.kind == "NamespaceTransformer" and transformer.namespace:
            items = [_moved(item, transformer) for item in items]
    return items


def _moved(item: Object, transformer: Object) -> Object:
    """Return an object after a NamespaceTransformer: in its namespace, which the fields that it names say, too."""
    namespace = transformer.namespace
    is_set_only = transformer.content.get("unsetOnly") is True
    content = item.content
    listed = transformer.content.get("fieldSpecs")
    for spec in listed if isinstance(listed, list) else []:
        if isinstance(spec, Map) and _is_about(item, spec):
            keys = [key for key in str(spec.get("path", "")).split("/") if key]
            has_value = item.get(*keys) is not None
            if keys and keys != ["metadata", "namespace"] and (has_value or spec.get("create") is True):
                content = content if is_set_only and has_value else set_at(content, keys, namespace)
    moved = replace(item, content=content)
    if item.kind in CLUSTER_SCOPED or (is_set_only and item.namespace):
        return moved
    return moved.moved_to(namespace)


def _is_about(item: Object, spec: dict[str, Any]) -> bool:
    version = item.api_version.rpartition("/")[2]
    fields = (("group", item.group), ("version", version), ("kind", item.kind))
    return all(not spec.get(key) or str(spec[key]) == value for key, value in fields)
