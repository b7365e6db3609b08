"""The custom managers of Renovate in a repository: of its configuration, and of presets that are files here."""

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from talos_flux.repository.files import Map, RepositoryFile, Unreadable, documents

COMMENT = re.compile(r"(?:^|\s)#\s*renovate:(?P<fields>.*)$")
CONFIGURATIONS = (
    "renovate.json", "renovate.json5", ".renovaterc", ".renovaterc.json", ".renovaterc.json5",
    ".github/renovate.json", ".github/renovate.json5", ".gitlab/renovate.json", ".gitlab/renovate.json5",
)  # fmt: skip
# Presets that have no custom manager for such comments.
PLAIN_PRESETS = re.compile(
    r"(?:config|default|docker|group|helpers|mergeConfidence|monorepo|packages|preview|replacements|schedule|security"
    r"|workarounds)?:.*"
)
# A preset in a repository: whose it is, its folder and name, or its name behind a colon.
OF_REPOSITORY = re.compile(r"(?:github|gitlab|gitea|forgejo|local)>[^/]+/[^/:#]+(?://([^#(]+)|:([^#(]+))?(?:#.*)?")
EXPRESSION = re.compile(r"/(.*)/(i?)")
JSON5_COMMENT = re.compile(r"(\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')|//[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class Manager:
    """A custom manager: the files that it reads, and the patterns that it looks for; None where these are not known."""

    files: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...] | None

    def reads(self, path: str) -> bool:
        """Return whether it reads a file. A pattern between slashes is a regular expression, another one a glob."""
        return any(_is_of(wanted, path) for wanted in self.files)


@dataclass
class Managers:
    """The custom managers of a repository. Unless `are_all`, a preset elsewhere may have others."""

    managers: list[Manager] = field(default_factory=list)
    are_all: bool = True


def renovate_managers(files: Mapping[str, RepositoryFile]) -> Managers:
    """Return the custom managers of a repository's configuration, with those of its own presets."""
    known = Managers()
    waiting = [name for name in CONFIGURATIONS if name in files][:1]
    known.are_all = bool(waiting)
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        content = _content(files[path])
        if content is None:
            known.are_all = False
            continue
        for name in _list(content.get("extends")):
            here = _preset_here(files, str(name))
            if here and here not in seen:
                waiting.append(here)
            known.are_all = known.are_all and (here is not None or bool(PLAIN_PRESETS.fullmatch(str(name))))
        for entry in (*_list(content.get("customManagers")), *_list(content.get("regexManagers"))):
            if isinstance(entry, Map):
                known.managers.append(_manager(entry))
    return known


def _content(file: RepositoryFile) -> Map | None:
    try:
        content = next(documents(JSON5_COMMENT.sub(lambda match: match[1] or "", file.text)), None)
    except Unreadable:
        return None
    return content if isinstance(content, Map) else None


def _preset_here(files: Mapping[str, RepositoryFile], preset: str) -> str | None:
    """Return the file of a preset, where it is one of this repository; None for another's."""
    match = OF_REPOSITORY.fullmatch(preset)
    name = posixpath.normpath(match[1] or match[2] or "default") if match else ""
    paths = (name, f"{name}.json5", f"{name}.json") if name else ()
    return next((path for path in paths if path in files), None)


def _manager(entry: Map) -> Manager:
    patterns = [str(one) for one in _list(entry.get("managerFilePatterns"))]
    patterns += [f"/{one}/" for one in _list(entry.get("fileMatch"))]
    is_understood = entry.get("customType", "regex") == "regex" and entry.get("matchStringsStrategy", "any") == "any"
    try:
        # Python writes a named group as (?P<name>...).
        expressions = tuple(
            re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", str(text)), re.MULTILINE)
            for text in _list(entry.get("matchStrings"))
        )
    except re.error:
        is_understood = False
    return Manager(tuple(patterns), expressions if is_understood else None)


def _is_of(wanted: str, path: str) -> bool:
    if expression := EXPRESSION.fullmatch(wanted):
        try:
            return bool(re.search(expression[1], path, re.IGNORECASE if expression[2] else 0))
        except re.error:
            return True
    # Renovate's ** is any folder, also none.
    return any(fnmatch.fnmatch(f"/{path}", one) for one in (wanted, f"/{wanted.removeprefix('**/')}", f"*/{wanted}"))


def lines_used(managers: Sequence[Manager], file: RepositoryFile) -> set[int]:
    """Return the lines in which Renovate finds something."""
    return set(_lines(managers, file))


def _lines(managers: Sequence[Manager], file: RepositoryFile) -> Iterator[int]:
    for manager in managers:
        for pattern in manager.patterns or ():
            for match in pattern.finditer(file.text):
                first = file.text.count("\n", 0, match.start()) + 1
                yield from range(first, first + match[0].count("\n") + 1)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
