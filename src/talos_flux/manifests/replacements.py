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
    path = str(source.get("fieldPath") or "metadata.name")
    matches = list(_field_keys(item.content, PART.findall(path))) if item else []
    if not item or len(matches) != 1 or source.get("options"):
        return UNKNOWN
    value = item.get(*matches[0])
    return UNKNOWN if value is None else value


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
            content = changed(content, list(map(str, keys)), "replace", UNKNOWN if "delimiter" in options else value)
    result = replace(item, content=content)
    return replace(result, namespace=result.declared) if result.declared != item.declared else result


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
