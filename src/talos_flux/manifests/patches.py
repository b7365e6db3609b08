"""Patches of kustomize and Flux, as far as the files tell what they do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from talos_flux.manifests.objects import Object
from talos_flux.repository.files import List, Map, Unreadable, documents

# The fields of a kustomization.yaml that hold patches, in the order of a build; the last comes after the namespace.
EARLY, LATE = ("patchesStrategicMerge", "patches"), ("patchesJson6902",)


def patches_of(content: Map, field: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the entries of such a field with their position, each as one of `patches` says it."""
    listed = content.get(field)
    for number, entry in enumerate(listed if isinstance(listed, List) else []):
        if isinstance(entry, Mapping):
            yield number, entry
        elif isinstance(entry, str) and field == "patchesStrategicMerge":
            yield number, {"patch" if "\n" in entry.strip() else "path": entry}


def patched(items: list[Object], patch: Mapping[str, Any], file_of: Any = None) -> list[Object]:
    """Return objects after one entry of `patches`."""
    return [result for item in items if (result := _patched(item, patch, file_of))]


def _patched(item: Object, patch: Mapping[str, Any], file_of: Any) -> Object | None:
    """Return an object after a patch that may be about it; None where that deletes it."""
    if not is_target(item, patch):
        return item
    for content in contents_of(patch, file_of):
        if isinstance(content, Map):
            if "target" in patch or is_named_by(item, content):
                if content.get("$patch") == "delete":
                    return None
                item = replace(item, content=_merged(item.content, _without_identity(content)))
        elif isinstance(content, List):
            item = replace(item, content=_edited(item.content, content))
    return item


def contents_of(patch: Mapping[str, Any], file_of: Any = None) -> Iterator[Any]:
    """Yield the documents of a patch; nothing where it can't be read."""
    if isinstance(patch.get("patch"), str):
        yield from _contents(patch["patch"])
    elif file_of and isinstance(patch.get("path"), str) and (file := file_of(patch["path"])):
        try:
            yield from file.documents
        except Unreadable:
            return


@lru_cache(maxsize=256)
def _contents(text: str) -> tuple[Any, ...]:
    """Return the documents of a patch's text, which many objects are held against; none where it can't be read."""
    try:
        return tuple(documents(text))
    except Unreadable:
        return ()


def is_target(item: Object, patch: Mapping[str, Any]) -> bool:
    """Return whether a patch with a target is about an object; True for one without, which names its object itself."""
    target = patch.get("target")
    if not isinstance(target, Mapping):
        return True
    version = item.api_version.rpartition("/")[2]
    for key, value in (("group", item.group), ("version", version), ("kind", item.kind)):
        if target.get(key) and str(target[key]) != value:
            return False
    for key, value in (("name", item.name), ("namespace", item.declared)):
        if target.get(key) and not _matches(str(target[key]), value):
            return False
    selectors = (("labelSelector", item.labels), ("annotationSelector", item.annotations))
    return all(selects(str(target[key]), labels) for key, labels in selectors if target.get(key))


def is_idle(items: list[Object], patch: Mapping[str, Any], file_of: Any = None) -> bool:
    """Return whether a patch is surely about none of these objects."""
    target = patch.get("target")
    if isinstance(target, Mapping):
        # Other files can add a namespace and labels before the patch is applied, and Flux fills in variables after.
        sure = {key: target[key] for key in ("group", "version", "kind", "name") if target.get(key)}
        if any("$" in str(value) for value in sure.values()):
            return False
        return not any(is_target(item, {"target": sure}) for item in items)
    contents = [content for content in contents_of(patch, file_of) if isinstance(content, Map)]
    return any(content.get("kind") and not any(is_named_by(item, content) for item in items) for content in contents)


def selects(selector: str, labels: Mapping[str, Any]) -> bool:
    """Return whether a label selector, in any of its spellings, is true of labels."""
    for term in re.findall(r"(?:[^,(]|\([^)]*\))+", selector):
        given = re.fullmatch(r"\s*(!?)\s*([\w./-]+)\s*(?:(==|=|!=|in|notin)\s*(.*?))?\s*", term)
        if not given:
            return False
        without, name, operator, wanted = given.groups()
        values = {value.strip() for value in (wanted or "").strip("()").split(",")}
        label = str(labels[name]) if name in labels else None
        if operator is None:
            is_true = (label is None) == bool(without)
        elif operator in ("!=", "notin"):
            is_true = label not in values
        else:
            is_true = label in values
        if not is_true:
            return False
    return True


def is_named_by(item: Object, content: Map) -> bool:
    """Return whether a patch without a target names this object."""
    metadata = content.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return content.get("kind") == item.kind and name == item.name


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return pattern == value


def _without_identity(content: Map) -> Map:
    """Return a patch without the kind and the name that only say what it is about."""
    patch = _copy(content)
    for key in ("apiVersion", "kind"):
        patch.pop(key, None)
    if isinstance(patch.get("metadata"), Map):
        patch["metadata"] = _copy(patch["metadata"])
        for key in ("name", "namespace"):
            patch["metadata"].pop(key, None)
    return patch


def _merged(old: Map, new: Map) -> Map:
    """Return a merge as of kinds whose lists nobody knows how to merge: lists are replaced, and null deletes."""
    result = _copy(old)
    for key, value in new.items():
        if value is None or (isinstance(value, Map) and value.get("$patch") == "delete"):
            result.pop(key, None)
        elif isinstance(value, Map) and isinstance(result.get(key), Map):
            result[key] = _merged(result[key], value)
        else:
            # The value stands in another file; the nearest line in this one is that of the key or its mapping.
            result.lines[key] = old.lines.get(key, old.line)
            result[key] = moved_to(value, result.lines[key])
    return result


def _edited(content: Map, operations: List) -> Map:
    """Return an object after JSON patch operations; one that does not fit changes nothing."""
    result = content
    for operation in operations:
        if isinstance(operation, Map) and isinstance(operation.get("path"), str):
            keys = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
            if operation.get("op") in ("add", "remove", "replace") and keys:
                result = changed(result, keys, operation["op"], operation.get("value"))
    return result


def set_at(content: Map, keys: Sequence[str], new: Any) -> Map:
    """Return a copy of a mapping with a value behind keys, and with the mappings that lead to it."""
    result, key, line = _copy(content), keys[0], content.lines.get(keys[0], content.line)
    if len(keys) > 1:
        inner = content.get(key)
        if not isinstance(inner, Map):
            inner = Map()
            inner.line, inner.lines = line, {}
        new = set_at(inner, keys[1:], new)
    result[key], result.lines[key] = new, line
    return result


def changed(value: Any, keys: Sequence[str], operation: str, new: Any = None) -> Any:
    """Return a copy in which one value behind keys is changed; the value itself where they lead nowhere."""
    key, rest = keys[0], keys[1:]
    if isinstance(value, Map):
        result = _copy(value)
        line = value.lines.get(key, value.line)
        if rest:
            if key in value:
                result[key] = changed(value[key], rest, operation, new)
        elif operation == "remove":
            result.pop(key, None)
        else:
            result[key], result.lines[key] = moved_to(new, line), line
        return result
    if isinstance(value, List):
        number = len(value) if key == "-" else int(key) if key.isdigit() else -1
        entries = List(value)
        entries.line, entries.lines = value.line, list(value.lines)
        if rest or operation != "add":
            if not 0 <= number < len(value):
                return value
            line = value.lines[number]
            entries[number : number + 1] = (
                [changed(value[number], rest, operation, new)] if rest
                else [] if operation == "remove" else [moved_to(new, line)]
            )  # fmt: skip
            if len(entries) < len(value):
                entries.lines.pop(number)
        elif 0 <= number <= len(value):
            entries.insert(number, moved_to(new, value.line))
            entries.lines.insert(number, value.line)
        return entries
    return value


def moved_to(value: Any, line: int) -> Any:
    """Return a value of another file as if all of it stood on one line."""
    if isinstance(value, Map):
        copied = Map({key: moved_to(inner, line) for key, inner in value.items()})
        copied.line, copied.lines = line, dict.fromkeys(value, line)
        return copied
    if isinstance(value, List):
        entries = List(moved_to(inner, line) for inner in value)
        entries.line, entries.lines = line, [line] * len(value)
        return entries
    return value


def below(value: Any, line: int) -> Any:
    """Return the YAML of a text inside a file with the lines of that file: the text starts after that line."""
    if isinstance(value, Map):
        copied = Map({key: below(inner, line) for key, inner in value.items()})
        copied.line, copied.lines = value.line + line, {key: number + line for key, number in value.lines.items()}
        return copied
    if isinstance(value, List):
        entries = List(below(inner, line) for inner in value)
        entries.line, entries.lines = value.line + line, [number + line for number in value.lines]
        return entries
    return value


def _copy(content: Map) -> Map:
    copied = Map(content)
    copied.line, copied.lines = content.line, dict(content.lines)
    return copied
