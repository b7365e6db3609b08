"""The fields of the kinds of Kubernetes and of the operators that this repository may hold, and what does not fit them.

schemas.json.xz holds names and types only, from the versions that the template was made with.
"""

import json
import lzma
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

Schema = Mapping[str, Any]
Keys = tuple[str | int, ...]

ARCHIVE = Path(__file__).with_name("schemas.json.xz")
TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}
# Custom kinds do not spell out the metadata that all have.
METADATA = {"ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}


@cache
def archive() -> dict[str, Any]:
    """All schemas."""
    found: dict[str, Any] = json.loads(lzma.decompress(ARCHIVE.read_bytes()))
    return found


def schema_of(api_version: str, kind: str) -> Schema | None:
    """The schema of a kind; None where nobody knows it."""
    return archive()["kinds"].get(f"{api_version}/{kind}")


def unknown_fields(value: Any, schema: Schema, keys: Keys = ()) -> Iterator[tuple[Keys, list[str]]]:
    """The keys of fields that the schema does not have, each with those that it has there."""
    schema = _resolved(schema)
    for key, inner, inside in _inside(value, schema, keys):
        if inside is None:
            yield (*keys, key), list(schema["fields"])
        else:
            yield from unknown_fields(inner, inside, (*keys, key))


def wrong_types(value: Any, schema: Schema, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """The keys of values of another type than the schema's, or of none of its choices, with what it wants there."""
    schema = _resolved(schema)
    wanted = TYPES.get(str(schema.get("type")))
    if value is None or (isinstance(value, str) and "${" in value):
        return
    if wanted and not (isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))):
        yield keys, f"{'an' if schema['type'][0] in 'aio' else 'a'} {schema['type']}"
    elif "enum" in schema and value not in schema["enum"]:
        yield keys, f"one of {', '.join(str(one) or '(empty)' for one in schema['enum'])}"
    else:
        for key, inner, inside in _inside(value, schema, keys):
            yield from wrong_types(inner, inside or {}, (*keys, key))


def missing_fields(value: Any, schema: Schema, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """The keys of mappings that lack a field which the schema requires, with its name."""
    schema = _resolved(schema)
    if isinstance(value, dict):
        yield from ((keys, name) for name in schema.get("required", ()) if name not in value)
    for key, inner, inside in _inside(value, schema, keys):
        yield from missing_fields(inner, inside or {}, (*keys, key))


def _inside(value: Any, schema: Schema, keys: Keys) -> Iterator[tuple[str | int, Any, Schema | None]]:
    """What is in a mapping or a list, each with its key and its schema: None where a mapping can't have such a key."""
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
