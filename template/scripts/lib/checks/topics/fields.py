"""Fields that a kind does not have, lacks, or has of another type."""

from collections.abc import Iterator
from difflib import get_close_matches

from lib.checks.flux import Cluster
from lib.checks.objects import Object
from lib.checks.rules import Found, Severity, rule
from lib.checks.schemas import Schema, missing_fields, schema_of, unknown_fields, wrong_types


def known(items: list[Object]) -> Iterator[tuple[Object, Schema]]:
    """The objects of kinds that somebody knows; nothing that SOPS encrypted or that stands in for another object."""
    for item in items:
        schema = schema_of(item.api_version, item.kind)
        if schema is not None and "sops" not in item.content and "generatedBy" not in item.content:
            yield item, schema


@rule(
    "field-unknown",
    Severity.ERROR,
    "The API server drops a field that it does not know, or Flux refuses the whole app.",
    "Correct the name, or move the field to where it belongs.",
)
def field_unknown(cluster: Cluster) -> Found:
    """Fields of objects that Flux applies, as they stand in the files."""
    for item, schema in known(written(cluster)):
        for keys, there in unknown_fields(item.content, schema):
            near = get_close_matches(str(keys[-1]), there, 1)
            where = ".".join(map(str, keys[:-1])) or item.kind
            yield item.at(*keys), f"{where} has no field {keys[-1]}{f': did you mean {near[0]}?' if near else ''}"


@rule(
    "field-type",
    Severity.ERROR,
    "The API server refuses a value of another type, and with it the whole app.",
    "Write a value of that type; a number or a yes that is meant as text needs quotes.",
)
def field_type(cluster: Cluster) -> Found:
    """Values of objects that Flux applies, as they stand in the files."""
    for item, schema in known(written(cluster)):
        for keys, wanted in wrong_types(item.content, schema):
            yield item.at(*keys), f"{'.'.join(map(str, keys))} must be {wanted}"


@rule(
    "field-missing",
    Severity.ERROR,
    "The API server refuses an object without the fields that its kind requires.",
    "Add the field.",
)
def field_missing(cluster: Cluster) -> Found:
    """Objects after every patch, which may have brought what was missing."""
    for item, schema in known(cluster.applied):
        for keys, name in missing_fields(item.content, schema):
            yield item.at(*keys), f"{'.'.join(map(str, keys)) or item.kind} has no {name}, which it needs"


def written(cluster: Cluster) -> list[Object]:
    """The objects that Flux applies, as they stand in their files, once each."""
    found = {(item.file.path, item.content.line): item for item in cluster.applied}
    return [cluster.as_written(item) for item in found.values()]
