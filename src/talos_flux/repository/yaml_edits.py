"""Edits of single values in a YAML text, so that its comments, its order and its spelling stay."""

import re
from collections.abc import Iterator

import yaml

from talos_flux.repository.files import Lenient

Edit = tuple[int, int, str]


def documents(text: str) -> list[yaml.MappingNode]:
    """Return the mappings of a YAML text with their places in it; yaml.YAMLError."""
    return [node for node in yaml.compose_all(text, Lenient) if isinstance(node, yaml.MappingNode)]


def edited(text: str, edits: list[Edit]) -> str:
    """Return the text after edits, which must not overlap."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def inner(node: yaml.Node | None, *keys: str | int) -> yaml.Node | None:
    """Return the node behind keys and positions; None where one of them is not there."""
    for key in keys:
        if isinstance(key, int):
            node = node.value[key] if isinstance(node, yaml.SequenceNode) else None
        else:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            node = next((value for name, value in pairs if name.value == key), None)
    return node


def plain(node: yaml.Node | None) -> str:
    """Return the text of a scalar; empty where there is none."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def with_value(text: str, node: yaml.MappingNode, key: str, value: str) -> Iterator[Edit]:
    """Yield the edit that gives a key of a non-empty mapping a plain value: it replaces the old one, or comes first."""
    for name, old in node.value:
        if name.value == key:
            if plain(old) != value:
                yield (*_span(text, name, old), value)
            return
    first = node.value[0][0].start_mark
    separator = ", " if node.flow_style else f"\n{' ' * first.column}"
    yield first.index, first.index, f"{key}: {value}{separator}"


def with_block(node: yaml.MappingNode, key: str, lines: list[str]) -> Edit:
    """Return the edit that puts a key with a block below it before the others of a block mapping."""
    first = node.value[0][0].start_mark
    indent = " " * first.column
    block = "".join(f"\n{indent}  {line}" for line in lines)
    return first.index, first.index, f"{key}:{block}\n{indent}"


def without_entry(text: str, node: yaml.MappingNode, key: str, number: int) -> Iterator[Edit]:
    """Yield the edit that takes an entry out of the list behind a key; with its only entry the key goes, too."""
    listed = inner(node, key)
    if not isinstance(listed, yaml.SequenceNode) or number >= len(listed.value):
        return
    if len(listed.value) == 1:
        yield from without_key(text, node, key)
        return
    name = next(name for name, _ in node.value if name.value == key)
    entry = listed.value[number]
    if listed.flow_style and number:
        yield _end(text, name, listed.value[number - 1]), _end(text, name, entry), ""
        return
    if listed.flow_style:
        yield entry.start_mark.index, listed.value[1].start_mark.index, ""
        return
    start = text.rindex("\n", 0, entry.start_mark.index) + 1
    end = text.find("\n", _end(text, name, entry))
    yield start, len(text) if end < 0 else end + 1, ""


def without_key(text: str, node: yaml.MappingNode, key: str) -> Iterator[Edit]:
    """Yield the edit that removes a key and its value from a mapping; the only key leaves an empty mapping."""
    names = [name.value for name, _ in node.value]
    if key not in names:
        return
    number = names.index(key)
    name, value = node.value[number]
    if len(names) == 1:
        yield name.start_mark.index, _end(text, name, value), "" if node.flow_style else "{}"
    elif number + 1 < len(names):
        following = node.value[number + 1][0].start_mark.index
        # Comments above the next key belong to that key.
        end = following if node.flow_style else text.find("\n", _end(text, name, value), following) + 1
        yield name.start_mark.index, following - len(text[end:following].lstrip()), ""
    elif node.flow_style:
        yield _end(text, *node.value[number - 1]), _end(text, name, value), ""
    else:
        start, end = text.rindex("\n", 0, name.start_mark.index) + 1, text.find("\n", _end(text, name, value))
        yield start, len(text) if end < 0 else end + 1, ""


def spelled_out(text: str, number: int, keys: tuple[str | int, ...]) -> str:
    """Return the text in which every alias of a scalar in one of its documents is the value itself."""
    node = documents(text)[number]
    value = inner(node, *keys)
    if not isinstance(value, yaml.ScalarNode):
        return text
    anchor = re.match(r"&(\S+)", text[value.start_mark.index :])
    edits = []
    for event in yaml.parse(text, yaml.SafeLoader) if anchor else ():
        start, end = event.start_mark, event.end_mark
        if not (start and end and value.start_mark.index < start.index < node.end_mark.index):
            continue
        if anchor and getattr(event, "anchor", None) == anchor[1]:
            if not isinstance(event, yaml.AliasEvent):
                break  # From here on the anchor belongs to another value.
            edits.append((start.index, end.index, str(value.value)))
    return edited(text, edits)


def _span(text: str, name: yaml.Node, value: yaml.Node) -> tuple[int, int]:
    """Return where a value stands in the text; an alias stands where it is written, and not where its anchor is."""
    if value.start_mark.index < name.end_mark.index:
        alias = re.compile(r"\s*:\s*(\*[^\s,\]}]+)").match(text, name.end_mark.index)
        if alias:
            return alias.span(1)
    return value.start_mark.index, _end(text, name, value)


def _end(text: str, name: yaml.Node, value: yaml.Node) -> int:
    """Return where the last character of a value stands: a block ends, for the parser, where the next one begins."""
    if value.start_mark.index < name.end_mark.index:
        return _span(text, name, value)[1]
    if isinstance(value, yaml.CollectionNode) and not value.flow_style and value.value:
        last = value.value[-1]
        return _end(text, *(last if isinstance(value, yaml.MappingNode) else (name, last)))
    return len(text[: value.end_mark.index].rstrip()) if isinstance(value, yaml.ScalarNode) else value.end_mark.index
