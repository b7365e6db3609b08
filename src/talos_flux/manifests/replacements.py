"""Replacements of kustomize: a value of one object that is copied into others."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from talos_flux.manifests.objects import Object
from talos_flux.manifests.patches import changed, is_target
from talos_flux.repository.files import Map, RepositoryFile, Unreadable

# A value that only a build would tell: no rule judges a text with a dollar sign.
UNKNOWN = "$(replaced)"
# Names between dots, choices of list entries in brackets; a backslash keeps a dot.
PART = re.compile(r"\[[^\]]*\]|(?:\\.|[^.\[\\])+")


def replaced(items: list[Object], content: Map, file_of: Callable[[str], RepositoryFile | None]) -> list[Object]:
    """Return objects after the replacements of a kustomization.yaml."""
    for entry in _entries(content.get("replacements"), file_of):
        source = entry.get("source")
        value = _value(items, source) if isinstance(source, Mapping) else UNKNOWN
        targets = entry.get("targets")
        for target in targets if isinstance(targets, list) else []:
            if isinstance(target, Mapping):
                items = [_filled(item, target, value) for item in items]
    return items


def _entries(listed: Any, file_of: Callable[[str], RepositoryFile | None]) -> Iterator[Mapping[str, Any]]:
    """Yield each replacement, those in files too."""
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, Mapping) and isinstance(entry.get("path"), str):
            file = file_of(entry["path"])
            try:
                documents = file.documents if file else []
            except Unreadable:
                documents = []
            for document in documents:
                yield from _entries(document if isinstance(document, list) else [document], lambda path: None)
        elif isinstance(entry, Mapping):
            yield entry


def _value(items: list[Object], source: Mapping[str, Any]) -> Any:
    """Return the value that a replacement copies; UNKNOWN where only a build would tell."""
    item = next((item for item in items if is_target(item, {"target": source})), None)
    parts = PART.findall(str(source.get("fieldPath") or "metadata.name"))
    if not item:
        return UNKNOWN
    if "generatedBy" in item.content and parts[:1] == ["data"]:
        value = _literal(item.content["generatedBy"], ".".join(parts[1:]).replace("\\.", "."))
    else:
        matches = list(_field_keys(item.content, parts))
        value = item.get(*matches[0]) if len(matches) == 1 else None
    options = source.get("options")
    if isinstance(options, Mapping) and options.get("delimiter") and isinstance(value, str):
        split, index = value.split(str(options["delimiter"])), options.get("index", 0)
        value = split[index] if isinstance(index, int) and 0 <= index < len(split) else None
    elif options:
        value = None
    return UNKNOWN if value is None else value


def _literal(entry: Any, key: str) -> str | None:
    """Return what a generator of kustomize writes itself under a key; None where that is in a file."""
    listed = entry.get("literals") if isinstance(entry, Mapping) else None
    for literal in listed if isinstance(listed, list) else []:
        name, sign, value = str(literal).partition("=")
        if name == key and sign:
            return value.strip("\"'")
    return None


def _filled(item: Object, target: Mapping[str, Any], value: Any) -> Object:
    """Return an object with the value in the fields that a target names, where it is selected."""
    rejected = target.get("reject")
    if not is_target(item, {"target": target.get("select")}) or any(
        is_target(item, {"target": rejection}) for rejection in (rejected if isinstance(rejected, list) else [])
    ):
        return item
    options = target.get("options")
    options = options if isinstance(options, Mapping) else {}
    content = item.content
    paths = target.get("fieldPaths")
    for path in paths if isinstance(paths, list) else ["metadata.name"]:
        for keys in _field_keys(content, PART.findall(str(path)), bool(options.get("create"))):
            content = changed(content, list(map(str, keys)), "replace", _joined(_behind(content, keys), value, options))
    result = replace(item, content=content)
    return replace(result, namespace=result.declared) if result.declared != item.declared else result


def _behind(content: Any, keys: tuple[str | int, ...]) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else content[int(key)]
    return content


def _joined(present: Any, value: Any, options: Mapping[str, Any]) -> Any:
    """Return a field's new value: all of it, or with a delimiter one part; kustomize, filters/replacement.go."""
    delimiter, index = options.get("delimiter"), options.get("index", 0)
    if not delimiter or value == UNKNOWN:
        return value
    if not isinstance(index, int) or not isinstance(present, str | None) or (present and "$(" in present):
        return UNKNOWN
    parts = (present or "").split(str(delimiter))
    if index < 0:
        parts.insert(0, str(value))
    elif index >= len(parts):
        parts.append(str(value))
    else:
        parts[index] = str(value)
    return str(delimiter).join(parts)


def _field_keys(value: Any, parts: list[str], may_be_new: bool = False) -> Iterator[tuple[str | int, ...]]:
    """Yield the keys of the fields that a path leads to."""
    if not parts:
        yield ()
        return
    part, rest = parts[0].replace("\\.", "."), parts[1:]
    keys: list[str | int] = []
    if isinstance(value, list):
        choice = part.strip("[]").partition("=")
        keys = [
            number
            for number, entry in enumerate(value)
            if part in ("*", str(number)) or (isinstance(entry, dict) and str(entry.get(choice[0])) == choice[2])
        ]
    elif isinstance(value, dict):
        keys = list(value) if part == "*" else [part] if part in value or (may_be_new and not rest) else []
    for key in keys:
        inner = value.get(key) if isinstance(value, dict) else value[int(key)]
        yield from ((key, *below) for below in _field_keys(inner, rest, may_be_new))
