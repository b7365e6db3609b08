"""The files of a repository, and YAML that knows on which line each key and entry stands."""

import re
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from talos_flux.repository.apps import Loader

# In bytes. Vendored CRDs are smaller; a larger file takes seconds to read and nobody wrote it by hand.
LARGEST = 2_000_000
# Aliases can expand a hundred bytes to a billion values.
MOST_VALUES = 200_000
TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}
# What kustomize takes for a text, as YAML 1.2 does, and quotes in what it builds: yes, off, 1:30. PyYAML does not.
TEXTS = re.compile(r"yes|no|on|off|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?", re.IGNORECASE)
# What it takes for numbers, and PyYAML for texts: 0o555, 1e3.
OCTAL, EXPONENT = re.compile(r"0o([0-7]+)"), re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+")


class Line(int):
    """A line of another file than the one that a value is read with."""

    path: str

    @classmethod
    def of(cls, path: str, number: int) -> "Line":
        """Return a line of that file."""
        line = cls(number)
        line.path = path
        return line


class Map(dict[Any, Any]):
    """A mapping: `line` is where it starts, `lines` where each key stands."""

    __slots__ = ("line", "lines")
    line: int
    lines: dict[Any, int]


class List(list[Any]):
    """A sequence: `line` is where it starts, `lines` where each entry stands."""

    __slots__ = ("line", "lines")
    line: int
    lines: list[int]


class RepeatedKey(NamedTuple):
    """A key that a mapping has for the second time, with its line and that of the first."""

    key: str
    line: int
    first: int


class Unreadable(Exception):
    """Raised for a file that can't be read: why, and the line where that shows."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


@dataclass
class RepositoryFile:
    """A file of the repository; `path` is relative to the root."""

    root: Path
    path: str

    @property
    def name(self) -> str:
        """Return the last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """Return the folder that it is in; empty for the root."""
        return self.path.rpartition("/")[0]

    @property
    def is_yaml(self) -> bool:
        """Return whether it is YAML, by its name."""
        return self.name.endswith((".yaml", ".yml")) or self.name == "Kustomization"

    @cached_property
    def _read(self) -> tuple[str, Unreadable | None]:
        """Return its text, and why that is not what stands in the file."""
        path = self.root / self.path
        try:
            if path.stat().st_size > LARGEST:
                return "", Unreadable(f"is larger than {LARGEST // 1_000_000} MB and is not read")
            content = path.read_bytes().replace(b"\r\n", b"\n")
        except OSError as error:
            return "", Unreadable(f"can't be read: {error.strerror}")
        if b"\0" in content:
            return "", Unreadable("is binary, or text that is not in UTF-8")
        try:
            return content.decode(), None
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            return content.decode(errors="replace"), Unreadable("holds text that is not in UTF-8", line)

    @property
    def text(self) -> str:
        """Return its text, with newlines alone; empty where it is binary, or larger than anybody writes."""
        return self._read[0]

    @property
    def unread(self) -> Unreadable | None:
        """Return why its text is not what stands in it; None where it is."""
        return self._read[1]

    @cached_property
    def lines(self) -> list[str]:
        """Return its lines, without their ends."""
        return self.text.split("\n")

    @cached_property
    def documents(self) -> list[Any]:
        """Return its YAML documents as Map, List and plain values; Unreadable."""
        text, reason = self._read
        if reason:
            raise reason
        return list(documents(text, self._repeated))

    @cached_property
    def _repeated(self) -> list[RepeatedKey]:
        return []

    @property
    def repeated_keys(self) -> list[RepeatedKey]:
        """Return the keys that a mapping has twice; Unreadable."""
        self.documents  # noqa: B018, they are seen while these are read
        return self._repeated


def documents(text: str, repeated: list[RepeatedKey] | None = None) -> Iterator[Any]:
    """Yield the documents of a YAML text; Unreadable. Keys that a mapping has twice are added to `repeated`."""
    try:
        nodes = list(composed(text))
        constructor = yaml.SafeLoader("")
        for node in nodes:
            _refuse_a_bomb(node)
            yield _value(constructor, node, {}, [] if repeated is None else repeated)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise Unreadable(f"is no YAML: {' '.join(str(reason).split())}", mark.line + 1 if mark else 1) from None
    except (RecursionError, ValueError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Unreadable(f"is no YAML: {reason}") from None


class Lenient(yaml.SafeLoader):
    """A YAML loader for repeated anchors, which YAML allows and Go's parser accepts; PyYAML's own refuse them."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node; its anchor counts from here on."""
        event = self.peek_event()
        if not isinstance(event, yaml.AliasEvent) and getattr(event, "anchor", None):
            self.anchors.pop(event.anchor, None)
        return super().compose_node(parent, index)


def composed(text: str) -> Iterator[yaml.Node]:
    """Yield the nodes of the documents of a YAML text, in which anchors may be repeated; yaml.YAMLError."""
    try:
        yield from list(yaml.compose_all(text, Loader))
    except yaml.composer.ComposerError as error:
        if error.problem != "second occurrence":
            raise
        yield from yaml.compose_all(text, Lenient)


def _refuse_a_bomb(root: yaml.Node) -> None:
    """Raise Unreadable where aliases make more of a text than anybody wrote, or lead back to themselves."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        known = sizes.get(id(node))
        if known == 0:
            raise Unreadable("holds an alias that leads back to itself", node.start_mark.line + 1)
        if known is None:
            if isinstance(node, yaml.ScalarNode):
                return 1
            sizes[id(node)] = 0
            inner = (
                node.value if isinstance(node, yaml.SequenceNode) else (part for pair in node.value for part in pair)
            )
            known = sizes[id(node)] = 1 + sum(map(size, inner))
        return known

    if size(root) > MOST_VALUES:
        raise Unreadable(
            f"spells out more than {MOST_VALUES} values, by aliases or by itself", root.start_mark.line + 1
        )


def _scalar(loader: Any, node: yaml.ScalarNode) -> Any:
    """Return the value of a scalar as kustomize's parser, go.yaml.in/yaml/v3, reads it."""
    if node.tag in TAGS:
        return node.value if TEXTS.fullmatch(node.value) else loader.construct_object(node)
    if not node.style and node.value[-1:].isdigit():
        if octal := OCTAL.fullmatch(node.value):
            return int(octal[1], 8)
        if EXPONENT.fullmatch(node.value):
            return float(node.value)
    return node.value


def _value(loader: Any, node: yaml.Node, made: dict[int, Any], repeated: list[RepeatedKey]) -> Any:
    """Return the value of a node.

    What an alias repeats is one object; what a tag of some program says is its text.
    """
    if isinstance(node, yaml.ScalarNode):
        return _scalar(loader, node)
    if id(node) in made:
        return made[id(node)]
    if isinstance(node, yaml.SequenceNode):
        items = made[id(node)] = List()
        items.line = node.start_mark.line + 1
        items.lines = [item.start_mark.line + 1 for item in node.value]
        items.extend(_value(loader, item, made, repeated) for item in node.value)
        return items
    result = made[id(node)] = Map()
    result.line = node.start_mark.line + 1
    result.lines = {}
    inherited: frozenset[Any] = frozenset()
    for key_node, value_node in node.value:
        key = _value(loader, key_node, made, repeated)
        if key_node.tag == "tag:yaml.org,2002:merge":
            merged = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for inner in (node for node in merged if isinstance(node, yaml.MappingNode)):
                other = _value(loader, inner, made, repeated)
                inherited |= other.keys()
                for name in other.keys() - result.keys():
                    result[name], result.lines[name] = other[name], key_node.start_mark.line + 1
        elif not isinstance(key, (Map, List)):
            line = key_node.start_mark.line + 1
            if key in result and key not in inherited:
                repeated.append(RepeatedKey(str(key), line, result.lines[key]))
            result[key], result.lines[key] = _value(loader, value_node, made, repeated), line
    return result


def files_of(root: Path) -> list[RepositoryFile]:
    """Return every file that git tracks or would add; without git every file outside hidden folders. No symlinks."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        names = sorted(set(done.stdout.decode(errors="surrogateescape").split("\0")[:-1]))
    else:
        names = sorted(
            path.relative_to(root).as_posix()
            for path in root.rglob("*")
            if not any(part.startswith(".") for part in path.relative_to(root).parts[:-1])
        )
    return [RepositoryFile(root, name) for name in names if _is_file(root / name)]


def _is_file(path: Path) -> bool:
    """Return whether a path is a file itself, and no link to one; True where permissions hide it, so it is named."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except PermissionError:
        return True
    except OSError:
        return False
