"""The style of this repository, which .yamllint checks: what differs from it without a difference in meaning."""

import re
from collections.abc import Callable, Iterator

import yaml

from talos_flux.repository.files import Unreadable, composed, documents

OCTAL = re.compile(r"(?P<before>:[ \t]+(?:&\S+[ \t]+)?)(?P<octal>0o?[0-7]+)(?P<after>[ \t]*(?:#.*)?)$")
EMPTY = re.compile(r"^(?P<key>[ \t]*(?:- )?[\w./-]+:)(?P<after>[ \t]*(?:#.*)?)$")


def styled(path: str, text: str) -> str:
    """Return the text of a file of manifests in the style of here; that of any other file as it is.

    SOPS writes files of its own, and a program that reads a file may read more of it than YAML's values.
    """
    if not path.endswith((".yaml", ".yml")) or ".sops." in path:
        return text
    try:
        objects = list(documents(text))
    except Unreadable:
        return text
    is_manifest = any(isinstance(one, dict) and one.get("kind") for one in objects)
    return in_house_style(text) if is_manifest else text


def in_house_style(text: str) -> str:
    """Return a text as .yamllint wants it, as far as that changes nothing that a program reads in it."""
    for restyle in (_with_start, _without_trailing_spaces, _without_blank_lines, _with_decimals, _with_nulls,
                    _with_spaced_comments, _with_narrow_braces):  # fmt: skip
        changed = restyle(text)
        if changed != text and _reads_the_same(text, changed):
            text = changed
    return text


def _reads_the_same(before: str, after: str) -> bool:
    try:
        return list(documents(before)) == list(documents(after))
    except Unreadable:
        return False


def _with_start(text: str) -> str:
    """Return the text with --- before its first document."""
    first = next((line for line in text.split("\n") if line.strip() and not line.startswith("#")), "")
    return text if first.startswith(("---", "%")) or not first else f"---\n{text.lstrip(chr(10))}"


def _without_trailing_spaces(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _without_blank_lines(text: str) -> str:
    """Return the text without blank lines at its ends, and with two at most in a row."""
    return re.sub(r"\n{4,}", "\n\n\n", text.strip("\n")) + "\n"


def _with_decimals(text: str) -> str:
    """Return the text with 509 in the place of 0775, which YAML 1.2 reads as 775."""
    return _by_line(text, lambda line: OCTAL.sub(_decimal, line))


def _decimal(match: re.Match[str]) -> str:
    octal = match["octal"]
    return f"{match['before']}{int(octal.replace('o', ''), 8)}{match['after'] or f' # {octal}'}"


def _with_nulls(text: str) -> str:
    """Return the text with null in the place of nothing."""
    empty = set(_lines_of_empty_values(text))
    lines = text.split("\n")
    for number in empty:
        lines[number] = EMPTY.sub(lambda match: f"{match['key']} null{match['after']}", lines[number])
    return "\n".join(lines)


def _lines_of_empty_values(text: str) -> Iterator[int]:
    """Yield the lines of keys whose value is empty."""
    nodes: list[yaml.Node] = [*composed(text)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                nodes += [key, value]
                if isinstance(value, yaml.ScalarNode) and value.start_mark.index == value.end_mark.index:
                    yield key.start_mark.line
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value


def _with_spaced_comments(text: str) -> str:
    return _by_line(text, lambda line: re.sub(r"^([ \t]*)#(?=[^\s#!])", r"\1# ", line))


def _with_narrow_braces(text: str) -> str:
    narrow = re.compile(r"(?<=[{\[]) {2,}(?=\S)|(?<=\S) {2,}(?=[}\]])")
    return _by_line(text, lambda line: narrow.sub(" ", line))


def _by_line(text: str, change: Callable[[str], str]) -> str:
    """Return the text with lines changed, each only where that changes nothing that a program reads."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if (new := change(line)) != line:
            before, lines[number] = lines[number], new
            if not _reads_the_same(text, "\n".join(lines)):
                lines[number] = before
    return "\n".join(lines)
