"""Fields that a kind does not have, lacks, or has of another type."""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from lib.checks.files import Map
from lib.checks.flux import KUSTOMIZATION_FILES, Cluster
from lib.checks.objects import FLUX, HELM, Object, walk
from lib.checks.patching import below, contents_of, moved_to
from lib.checks.rules import Found, Severity, rule
from lib.checks.schemas import Schema, missing_fields, schema_of, unknown_fields, wrong_types

# A text that starts on the next line.
BLOCK = re.compile(r":\s+[|>][-+\d]*\s*(?:#.*)?$")


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
            if str(keys[-1]).startswith("$"):
                continue  # What a patch says of itself.
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
    for item, schema in known(everything(cluster)):
        for keys, name in missing_fields(item.content, schema):
            yield item.at(*keys), f"{'.'.join(map(str, keys)) or item.kind} has no {name}, which it needs"


def written(cluster: Cluster) -> list[Object]:
    """What Flux applies or starts with, and the patches of that, as they stand in their files, once each."""
    found = {(item.file.path, item.content.line): item for item in everything(cluster)}
    items = [cluster.as_written(item) for item in found.values()]
    return [*items, *_patches(cluster, items)]


def everything(cluster: Cluster) -> list[Object]:
    """The objects that Flux applies, and the Kustomizations with which it starts, which are in no other."""
    return [*cluster.roots, *cluster.applied]


def _patches(cluster: Cluster, items: list[Object]) -> Iterator[Object]:
    """The texts of patches that look like the object that they change: a part of it."""
    for item in items:
        if item.is_a("Kustomization", FLUX) or item.is_a("HelmRelease", HELM):
            yield from _patches_in(item, "spec")
    for file in cluster.manifests:
        if file.name in KUSTOMIZATION_FILES:
            yield from _patches_in(Object(file, cluster.content_of(file)), "patches")


def _patches_in(item: Object, field: str) -> Iterator[Object]:
    for keys, text in walk(item.get(field), (field,)):
        if len(keys) > 2 and keys[-3::2] == ("patches", "patch") and isinstance(text, str):
            line = item.at(*keys).line
            is_block = BLOCK.search(item.file.lines[line - 1])
            for content in contents_of({"patch": text}):
                if isinstance(content, Map):
                    patch = Object(item.file, below(content, line) if is_block else moved_to(content, line))
                    yield patch
                    yield from _patches_in(patch, "spec")
