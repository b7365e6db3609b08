"""The fields of the kinds of Kubernetes and of the operators that this repository may hold, and what does not fit them.

schemas.json.xz holds names, types and forms only, from the versions that the template was made with.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from talos_flux.data import packaged
from talos_flux.manifests.objects import CLUSTER_SCOPED

Schema = Mapping[str, Any]
Keys = tuple[str | int, ...]

TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}
# The schemas of custom resources do not spell out metadata.
METADATA = {"ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}


def archive() -> dict[str, Any]:
    """Return all schemas."""
    return packaged("schemas")


def schema_of(api_version: str, kind: str) -> Schema | None:
    """Return the schema of a kind; None where it is unknown."""
    return archive()["kinds"].get(f"{api_version}/{kind}")


def unknown_fields(value: Any, schema: Schema, keys: Keys = ()) -> Iterator[tuple[Keys, list[str]]]:
    """Yield the keys of fields that the schema does not have, each with those that it has there."""
    schema = _resolved(schema)
    for key, inner, inside in _inside(value, schema, keys):
        if inside is None:
            yield (*keys, key), list(schema["fields"])
        else:
            yield from unknown_fields(inner, inside, (*keys, key))


def wrong_types(value: Any, schema: Schema, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """Yield the keys of values of a wrong type, or of none of the schema's choices, with what it wants there."""
    schema = _resolved(schema)
    wanted = TYPES.get(str(schema.get("type")))
    if value is None or (isinstance(value, str) and "${" in value):
        return
    if wanted and not (isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))):
        yield keys, f"{'an' if schema['type'][0] in 'aio' else 'a'} {schema['type']}"
    elif "enum" in schema and value not in schema["enum"]:
        yield keys, f"one of {', '.join(str(choice) or '(empty)' for choice in schema['enum'])}"
    else:
        for key, inner, inside in _inside(value, schema, keys):
            yield from wrong_types(inner, inside or {}, (*keys, key))


def wrong_forms(value: Any, schema: Schema, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """Yield the keys of texts that do not match the schema's pattern, and of numbers out of its bounds, with the form.

    A pattern is Go's: one that Python does not read is not judged, and neither is what Flux fills in.
    """
    schema = _resolved(schema)
    if isinstance(value, str) and "pattern" in schema and "${" not in value:
        if (pattern := _compiled(schema["pattern"])) and not pattern.search(value):
            yield keys, f"match {schema['pattern']}"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            yield keys, f"be {schema['minimum']} or more"
        elif value > schema.get("maximum", value):
            yield keys, f"be {schema['maximum']} or less"
    for key, inner, inside in _inside(value, schema, keys):
        yield from wrong_forms(inner, inside or {}, (*keys, key))


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern)
    except re.error:
        return None


def is_of_cluster(group: str, kind: str) -> bool | None:
    """Return whether objects of a kind are in no namespace; None where the kind is unknown."""
    if kind in CLUSTER_SCOPED or f"{group}/{kind}" in archive()["cluster"]:
        return True
    prefix = f"{group}/" if group else ""
    return False if (prefix, kind) in _known_kinds() else None


@cache
def _known_kinds() -> set[tuple[str, str]]:
    parts = (name.split("/") for name in archive()["kinds"])
    return {("/".join([*group, ""]) if group else "", kind) for *group, _, kind in parts}


def missing_fields(value: Any, schema: Schema, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """Yield the keys of mappings that lack a field which the schema requires, with its name."""
    schema = _resolved(schema)
    if isinstance(value, dict):
        yield from ((keys, name) for name in schema.get("required", ()) if name not in value)
    for key, inner, inside in _inside(value, schema, keys):
        yield from missing_fields(inner, inside or {}, (*keys, key))


def null_fields(value: Any, schema: Schema, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """Yield the keys of mappings in which a required field stands with nothing after it, with its name."""
    schema = _resolved(schema)
    if isinstance(value, dict):
        yield from ((keys, name) for name in schema.get("required", ()) if name in value and value[name] is None)
    for key, inner, inside in _inside(value, schema, keys):
        yield from null_fields(inner, inside or {}, (*keys, key))


def inner_schema(schema: Schema, keys: Keys) -> Schema:
    """Return the schema of what stands behind keys; an empty one where anything may."""
    for number, key in enumerate(keys):
        schema = _resolved(schema)
        if number == 0 and key == "metadata":
            schema = METADATA
        elif isinstance(key, int):
            schema = schema.get("items") or {}
        else:
            schema = schema.get("fields", {}).get(key) or schema.get("values") or {}
    return _resolved(schema)


def _inside(value: Any, schema: Schema, keys: Keys) -> Iterator[tuple[str | int, Any, Schema | None]]:
    """Yield what is in a mapping or a list, each with its key and its schema.

    The schema is None where a mapping can't have such a key.
    """
    if isinstance(value, dict):
        fields = schema.get("fields")
        for name, inner in value.items():
            if not keys and name in ("apiVersion", "kind"):
                continue
            if not keys and name == "metadata":
                yield name, inner, METADATA
            elif fields is not None and name in fields:
                yield name, inner, fields[name]
            else:
                yield name, inner, None if fields is not None else schema.get("values") or {}
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield number, inner, schema.get("items") or {}


def _resolved(schema: Schema) -> Schema:
    name = schema.get("ref")
    return archive()["definitions"].get(name, {}) if name else schema
