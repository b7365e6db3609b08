"""Patches of kustomize and Flux, as far as the files tell what they do."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lib.checks.files import List, Map, Unreadable, documents
from lib.checks.objects import Object


def patched(item: Object, patch: Mapping[str, Any], file_of: Any = None) -> Object:
    """An object after one entry of `patches`, when that is about it."""
    if not is_target(item, patch):
        return item
    for content in contents_of(patch, file_of):
        if isinstance(content, Map):
            if "target" in patch or is_named_by(item, content):
                item = replace(item, content=_merged(item.content, _without_identity(content)))
        elif isinstance(content, List):
            item = replace(item, content=_edited(item.content, content))
    return item


def contents_of(patch: Mapping[str, Any], file_of: Any = None) -> Iterator[Any]:
    """What a patch says; nothing where it can't be read."""
    if isinstance(patch.get("patch"), str):
        try:
            yield from documents(patch["patch"])
        except Unreadable:
            return
    elif file_of and isinstance(patch.get("path"), str) and (file := file_of(patch["path"])):
        try:
            yield from file.documents
        except Unreadable:
            return


def is_target(item: Object, patch: Mapping[str, Any]) -> bool:
    """Whether a patch with a target is about an object; one without names its object itself."""
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
    return all(selects(str(target[key]), found) for key, found in selectors if target.get(key))


def is_idle(items: list[Object], patch: Mapping[str, Any], file_of: Any = None) -> bool:
    """Whether a patch is surely about none of these objects."""
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
    """Whether a label selector, in any of its spellings, is true of labels."""
    for term in re.findall(r"(?:[^,(]|\([^)]*\))+", selector):
        given = re.fullmatch(r"\s*(!?)\s*([\w./-]+)\s*(?:(==|=|!=|in|notin)\s*(.*?))?\s*", term)
        if not given:
            return False
        without, name, operator, wanted = given.groups()
        values = {value.strip() for value in (wanted or "").strip("()").split(",")}
        found = str(labels[name]) if name in labels else None
        if operator is None:
            is_true = (found is None) == bool(without)
        elif operator in ("!=", "notin"):
            is_true = found not in values
        else:
            is_true = found in values
        if not is_true:
            return False
    return True


def is_named_by(item: Object, content: Map) -> bool:
    """Whether a patch without a target names this object."""
    metadata = content.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return content.get("kind") == item.kind and name == item.name


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return pattern == value


def _without_identity(content: Map) -> Map:
    """A patch without the name that only says what it is about."""
    found = _copy(content)
    for key in ("apiVersion", "kind"):
        found.pop(key, None)
    if isinstance(found.get("metadata"), Map):
        found["metadata"] = _copy(found["metadata"])
        for key in ("name", "namespace"):
            found["metadata"].pop(key, None)
    return found


def _merged(old: Map, new: Map) -> Map:
    """A merge as of kinds whose lists nobody knows how to merge: they are replaced, and null deletes."""
    result = _copy(old)
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Map) and isinstance(result.get(key), Map):
            result[key] = _merged(result[key], value)
        else:
            result[key] = value
            # It stands in another file: what is around it here is the nearest place.
            result.lines.setdefault(key, result.line)
            if not isinstance(old.get(key), type(value)):
                result.lines[key] = old.lines.get(key, old.line)
    return result


def _edited(content: Map, operations: List) -> Map:
    """An object after JSON patch operations; one that does not fit changes nothing."""
    result = _copy(content)
    for operation in operations:
        if not isinstance(operation, Map) or not isinstance(operation.get("path"), str):
            continue
        keys = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        found: Any = result
        for key in keys[:-1]:
            if isinstance(found, Map) and isinstance(found.get(key), (Map, List)):
                copied = _copy(found[key]) if isinstance(found[key], Map) else found[key]
                found[key] = copied
                found = copied
            else:
                found = None
                break
        if isinstance(found, Map) and keys:
            if operation.get("op") == "remove":
                found.pop(keys[-1], None)
            elif operation.get("op") in ("add", "replace"):
                found[keys[-1]] = operation.get("value")
                found.lines.setdefault(keys[-1], found.line)
    return result


def _copy(content: Map) -> Map:
    copied = Map(content)
    copied.line, copied.lines = content.line, dict(content.lines)
    return copied
