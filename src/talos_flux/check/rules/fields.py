"""Rules about fields that a kind does not have, lacks, or has of another type."""

import re
from collections.abc import Iterator
from functools import lru_cache

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.errors import closest
from talos_flux.manifests.filled_in import QUOTES, filled_in
from talos_flux.manifests.flux_tree import KUSTOMIZATION_FILES, Cluster
from talos_flux.manifests.list_limits import too_long
from talos_flux.manifests.objects import FLUX, HELM, Object, walk
from talos_flux.manifests.patches import below, contents_of, moved_to
from talos_flux.manifests.post_build import texts_by_kustomization, variables_in
from talos_flux.manifests.providers import providers
from talos_flux.manifests.releases import Keys, mapping
from talos_flux.manifests.schemas import (
    Schema,
    inner_schema,
    missing_fields,
    null_fields,
    schema_of,
    unknown_fields,
    wrong_forms,
    wrong_types,
)
from talos_flux.manifests.served_versions import OF_KUBERNETES
from talos_flux.repository.files import Map

# A block scalar, whose text starts on the next line.
BLOCK = re.compile(r":\s+[|>][-+\d]*\s*(?:#.*)?$")


def known(items: list[Object], cluster: Cluster) -> Iterator[tuple[Object, Schema]]:
    """Yield the objects whose kind has a schema.

    None that SOPS encrypted, that stands in for a generated object, or whose kind is of a fork, with its own fields.
    """
    for item in items:
        schema = schema_of(item.api_version, item.kind)
        if schema is not None and providers(cluster).fork_of(item.group):
            continue
        if schema is not None and "sops" not in item.content and "generatedBy" not in item.content:
            yield item, schema


@rule(
    "field-unknown",
    Severity.ERROR,
    "The API server drops a field that it does not know, or Flux refuses the whole app.",
    "Correct the name, or move the field to where it belongs.",
)
def field_unknown(cluster: Cluster) -> Violations:
    """Find unknown fields of objects that Flux applies, as they stand in the files."""
    for item, schema in known(written(cluster), cluster):
        for keys, known_fields in unknown_fields(item.content, schema):
            if str(keys[-1]).startswith("$"):
                continue  # A directive of a patch, such as $patch.
            near = closest(str(keys[-1]), known_fields)
            where = ".".join(map(str, keys[:-1])) or item.kind
            text = f"{where} has no field {keys[-1]}{f': did you mean {near}?' if near else ''}"
            yield item.at(*keys), text, item.kind


def _field(keys: Keys) -> str:
    """Return a field as every entry of a list has it."""
    return ".".join(key for key in keys if isinstance(key, str))


@rule(
    "field-type",
    Severity.ERROR,
    "The API server refuses a value of another type, and with it the whole app.",
    "Write a value of that type; a number or a yes that is meant as text needs quotes. "
    f"Those around a variable are lost: {QUOTES[0].lower()}{QUOTES[1:]}",
)
def field_type(cluster: Cluster) -> Violations:
    """Find values of a wrong type in objects that Flux applies, as they stand in the files."""
    for item, schema in known(written(cluster), cluster):
        for keys, wanted in wrong_types(item.content, schema):
            # Kustomize itself writes every annotation of an object as a text.
            if keys[:2] != ("metadata", "annotations") or len(keys) < 3:
                text = f"{'.'.join(map(str, keys))} must be {wanted}"
                if keys[:2] == ("metadata", "labels") and len(keys) > 2:
                    # SetOwnerLabels of fluxcd/pkg/ssa begins anew where the labels can't be read.
                    text += f": Flux drops every label of {item}"
                yield item.at(*keys), text, f"{item.kind} {_field(keys)}"
    yield from _filled_in_wrong(cluster)


def _filled_in_wrong(cluster: Cluster) -> Violations:
    """Find texts that are of another type once Flux has filled in their variables."""
    for kustomization, texts in texts_by_kustomization(cluster).items():
        variables = variables_in(cluster).of(kustomization)
        for item, keys, text, is_key in texts if variables.values else ():
            schema = {} if is_key else inner_schema(schema_of(item.api_version, item.kind) or {}, keys)
            filled = filled_in(text, variables) if schema else None
            if not filled or filled.problem or not filled.text:
                continue
            is_lost = filled.value is None and schema.get("type") == "string"
            wanted = "a string" if is_lost else next((wanted for _, wanted in wrong_types(filled.value, schema)), "")
            if wanted:
                advice = f": write ${{quote}}{text}${{quote}}" if wanted == "a string" else ""
                what = f"{'.'.join(map(str, keys))} must be {wanted}, and Flux makes {filled.text} of {text}{advice}"
                yield item.at(*keys), what


@rule(
    "field-form",
    Severity.ERROR,
    "The API server refuses a value that has not the form, or is out of the bounds, that its kind prescribes.",
    "Write a value of that form.",
)
def field_form(cluster: Cluster) -> Violations:
    """Find values that do not match the pattern of their field, in objects that Flux applies, as in the files."""
    for item, schema in known(written(cluster), cluster):
        for keys, form in wrong_forms(item.content, schema):
            yield item.at(*keys), f"{'.'.join(map(str, keys))} is {item.get(*keys)}, and has to {form}"
    for item in written(cluster):
        for keys, length, most in too_long(item):
            yield item.at(*keys), f"{'.'.join(map(str, keys))} of {item} has {length} entries, and may have {most}"


@rule(
    "field-missing",
    Severity.ERROR,
    "The API server refuses an object without the fields that its kind requires.",
    "Add the field.",
)
def field_missing(cluster: Cluster) -> Violations:
    """Find objects without a required field, after every patch, which may have brought it."""
    for item, schema in known(everything(cluster), cluster):
        for keys, name in missing_fields(item.content, schema):
            yield item.at(*keys), f"{'.'.join(map(str, keys)) or item.kind} has no {name}, which it needs"
        if item.group in OF_KUBERNETES:
            for keys, name in null_fields(item.content, schema):
                text = f"{'.'.join(map(str, keys)) or item.kind} has nothing after {name}, which it needs"
                yield item.at(*keys, name), text


@lru_cache(maxsize=4)
def written(cluster: Cluster) -> list[Object]:
    """Return what Flux applies or starts with, and the patches of that, as they stand in their files, once each."""
    by_line = {(item.file.path, item.content.line): item for item in everything(cluster)}
    items = [cluster.as_written(item) for item in by_line.values()]
    return [*items, *_patches(cluster, items)]


def everything(cluster: Cluster) -> list[Object]:
    """Return the objects that Flux applies, and the Kustomizations with which it starts, which nothing applies."""
    return [*cluster.roots, *cluster.applied]


def _patches(cluster: Cluster, items: list[Object]) -> Iterator[Object]:
    """Yield the texts of patches that look like a part of the object that they change."""
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
            # A patch can stand in another file, whose values a HelmRelease takes.
            is_block = BLOCK.search("".join(item.file.lines[line - 1 : line]))
            if "/" in str(mapping(item.get(*keys[:-1], "target")).get("group") or ""):
                continue  # A version in the group is of nothing: kustomize-patch-without-target says so.
            for content in contents_of({"patch": text}):
                if isinstance(content, Map):
                    patch = Object(item.file, below(content, line) if is_block else moved_to(content, line))
                    yield patch
                    yield from _patches_in(patch, "spec")
