"""Where in a file's text something of an object stands, and the edits that change it."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

import yaml

from talos_flux.apps.written_down import scalar, with_substitute
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import Object, Place
from talos_flux.repository import yaml_edits
from talos_flux.repository.yaml_edits import Edit

Keys = tuple[str | int, ...]
VARIABLE = re.compile(r"\$\{(\w+)(?::[-=][^${}]*)?\}")


def node_of(cluster: Cluster, item: Object) -> tuple[int, yaml.MappingNode] | None:
    """Return an object's document in its file, with its number; None where it is no document of its own."""
    try:
        nodes = yaml_edits.documents(cluster.files[item.file.path].text)
    except yaml.YAMLError:
        return None
    pairs = enumerate(nodes)
    return next(((number, node) for number, node in pairs if node.start_mark.line + 1 == item.content.line), None)


def mapping_of(cluster: Cluster, item: Object) -> yaml.MappingNode | None:
    """Return an object's document in its file; None where it is no document of its own."""
    document = node_of(cluster, item)
    return document[1] if document else None


def edits_between(old: str, new: str) -> list[Edit]:
    """Return the edits, line by line, that make one text of another."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    codes = SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    return [(starts[a], starts[b], "".join(after[c:d])) for tag, a, b, c, d in codes if tag != "equal"]


def objects_at(cluster: Cluster, place: Place) -> Iterator[tuple[Kustomization, Object]]:
    """Yield the objects that begin at or above a line of a file, with what applies them, the nearest first."""
    pairs = [
        (kustomization, item)
        for kustomization in cluster.kustomizations
        for item in kustomization.objects
        if item.file.path == place.path and item.content.line <= place.line
    ]
    yield from sorted(pairs, key=lambda pair: -pair[1].content.line)


def value_set(
    cluster: Cluster, kustomization: Kustomization, item: Object, keys: Keys, value: str
) -> dict[str, list[Edit]]:
    """Return the edits that give an object another value.

    One that is a variable gets it in postBuild.substitute of the Kustomization, since others may share the file.
    """
    document = mapping_of(cluster, item)
    text = cluster.files[item.file.path].text
    parent, node = yaml_edits.inner(document, *keys[:-1]), yaml_edits.inner(document, *keys)
    if not isinstance(node, yaml.ScalarNode):
        return {}
    raw = yaml_edits.plain(node)
    if match := VARIABLE.fullmatch(raw):
        return substitute_set(cluster, kustomization, match[1], value)
    if isinstance(parent, yaml.MappingNode):
        return {item.file.path: [*yaml_edits.with_value(text, parent, str(keys[-1]), scalar(value))]}
    return {item.file.path: [(node.start_mark.index, node.end_mark.index, scalar(value))]}


def substitute_set(cluster: Cluster, kustomization: Kustomization, name: str, value: str) -> dict[str, list[Edit]]:
    """Return the edits that give a Kustomization a variable of its own."""
    document = node_of(cluster, kustomization.item)
    if not document:
        return {}
    path = kustomization.item.file.path
    text = cluster.files[path].text
    return {path: edits_between(text, with_substitute(text, document[0], {name: value}))}
