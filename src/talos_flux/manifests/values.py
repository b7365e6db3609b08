"""The values that a HelmRelease takes from ConfigMaps of the repository, merged as Helm does."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from talos_flux.manifests.objects import Object
from talos_flux.repository.files import Line, List, Map, RepositoryFile, Unreadable, documents

Maps = Mapping[tuple[str, str], Object]
# Helm's syntax for the path of a value, as far as it is names alone.
PLAIN_PATH = re.compile(r"[\w-]+(?:\.[\w-]+)*")
# A block scalar's text starts on the line below its key.
BLOCK = re.compile(r"[|>][-+0-9]*\s*(?:#.*)?$")


def completed(item: Object, maps: Maps, files: Mapping[str, RepositoryFile]) -> Object:
    """Return a HelmRelease whose values have what valuesFrom names, in that order and under its own.

    `maps` are the ConfigMaps by namespace and name. What they don't tell stays in valuesFrom.
    """
    listed = item.spec.get("valuesFrom")
    if not isinstance(listed, List):
        return item
    values, unread = _empty(item.at("spec", "valuesFrom").line), _empty_list(listed.line)
    for entry, line in zip(listed, listed.lines, strict=True):
        given = _given(entry, item.namespace, maps, files) if isinstance(entry, Map) else None
        if given is None:
            unread.append(entry)
            unread.lines.append(line)
        else:
            values = merged(values, given)
    if len(unread) == len(listed):
        return item
    own = item.spec.get("values")
    overlay = _empty(item.content.line)
    overlay["spec"] = spec = _empty(item.at("spec").line)
    spec["values"] = merged(values, own) if isinstance(own, Map) else values
    spec["valuesFrom"] = unread
    spec.lines = {"values": item.at("spec", "values" if isinstance(own, Map) else "valuesFrom").line}
    content = merged(item.content, overlay)
    return replace(item, content=content)


def merged(old: Map, new: Map) -> Map:
    """Return values over others: mappings become one, anything else replaces what was there, null too."""
    result = Map(old)
    result.line, result.lines = new.line, {**old.lines, **new.lines}
    for key, value in new.items():
        before = old.get(key)
        result[key] = merged(before, value) if isinstance(before, Map) and isinstance(value, Map) else value
    return result


def _given(entry: Map, namespace: str, maps: Maps, files: Mapping[str, RepositoryFile]) -> Map | None:
    """Return the values behind an entry of valuesFrom; None where the repository does not tell."""
    source = maps.get((namespace, str(entry.get("name"))))
    if entry.get("kind") != "ConfigMap" or source is None or "sops" in source.content:
        return None
    key = str(entry.get("valuesKey") or "values.yaml")
    if "generatedBy" in source.content:
        location = _in_files(source, key, files)
    else:
        location = _in_data(source, key)
    if location is None:
        return None
    path, text, line = location
    if "targetPath" in entry:
        return _at_path(str(entry["targetPath"]), text, Line.of(path, line))
    try:
        values = next(documents(text), None)
    except Unreadable:
        return None
    return _placed(values, path, line - 1) if isinstance(values, Map) else None


def _in_files(source: Object, key: str, files: Mapping[str, RepositoryFile]) -> tuple[str, str, int] | None:
    """Return a key of a generated ConfigMap: the path of the file that it is made of, its text, and line 1."""
    generator = source.content["generatedBy"]
    # A generator that merges into another one has only a part of the keys.
    if "behavior" in generator:
        return None
    for name, file_name in generated_files(generator):
        path = posixpath.normpath(f"{source.file.folder}/{file_name}")
        if name == key and path in files and ".sops." not in path:
            return path, files[path].text, 1
    return None


def generated_files(generator: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys that a generator of kustomize makes of files, each with its file as the generator names it."""
    listed = generator.get("files")
    for entry in listed if isinstance(listed, list) else ():
        name, _, path = str(entry).rpartition("=")
        yield name or posixpath.basename(path), path


def _in_data(source: Object, key: str) -> tuple[str, str, int] | None:
    """Return a key of a ConfigMap: path, text, and the line where the text starts."""
    text = source.get("data", key)
    if not isinstance(text, str):
        return None
    place = source.at("data", key)
    lines = source.file.lines
    is_block = place.line <= len(lines) and BLOCK.search(lines[place.line - 1])
    return place.path, text, place.line + bool(is_block)


def _at_path(path: str, text: str, line: Line) -> Map | None:
    """Return one value under names with dots between them; None for other syntax."""
    if not PLAIN_PATH.fullmatch(path) or "{" in text or "," in text:
        return None
    value: Any = {"true": True, "false": False, "null": None}.get(text, text)
    if isinstance(value, str) and re.fullmatch(r"-?[1-9]\d*|0", value):
        value = int(value)
    for name in reversed(path.split(".")):
        inner, value = value, _empty(line)
        value[name], value.lines = inner, {name: line}
    return value if isinstance(value, Map) else None


def _placed(value: Any, path: str, above: int) -> Any:
    """Return a value that knows in which file it stands; `above` is the number of lines above its text there."""
    if isinstance(value, Map):
        placed = Map({key: _placed(inner, path, above) for key, inner in value.items()})
        placed.line = Line.of(path, value.line + above)
        placed.lines = {key: Line.of(path, line + above) for key, line in value.lines.items()}
        return placed
    if isinstance(value, List):
        entries = List(_placed(inner, path, above) for inner in value)
        entries.line = Line.of(path, value.line + above)
        entries.lines = [Line.of(path, line + above) for line in value.lines]
        return entries
    return value


def _empty(line: int) -> Map:
    empty = Map()
    empty.line, empty.lines = line, {}
    return empty


def _empty_list(line: int) -> List:
    empty = List()
    empty.line, empty.lines = line, []
    return empty
