"""Renovate's configuration in a repository, presets that are files here, and the custom managers of both."""

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from talos_flux.manifests.json5 import parsed
from talos_flux.repository.files import Map, RepositoryFile, Unreadable

COMMENT = re.compile(r"(?:^|\s)#\s*renovate:(?P<fields>.*)$")
# In the order in which Renovate looks for them.
CONFIGURATIONS = (
    "renovate.json", "renovate.jsonc", "renovate.json5",
    ".github/renovate.json", ".github/renovate.jsonc", ".github/renovate.json5",
    ".gitlab/renovate.json", ".gitlab/renovate.jsonc", ".gitlab/renovate.json5",
    ".renovaterc", ".renovaterc.json", ".renovaterc.jsonc", ".renovaterc.json5",
)  # fmt: skip
# Presets that have no custom manager for such comments.
PLAIN_PRESETS = re.compile(
    r"(?:config|default|docker|group|helpers|mergeConfidence|monorepo|packages|preview|replacements|schedule|security"
    r"|workarounds)?:.*"
)
# A preset in a repository: whose it is, its folder and name, or its name behind a colon.
OF_REPOSITORY = re.compile(r"(?:github|gitlab|gitea|forgejo|local)>[^/]+/[^/:#]+(?://([^#(]+)|:([^#(]+))?(?:#.*)?")
EXPRESSION = re.compile(r"/(.*)/(i?)")


@dataclass(frozen=True)
class Configuration:
    """A file of Renovate's: its content, or why there is none. A preset is one that another file extends."""

    path: str
    is_preset: bool
    content: Map | None
    unreadable: Unreadable | None = None


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


def configurations(files: Mapping[str, RepositoryFile]) -> Iterator[Configuration]:
    """Yield the configuration of a repository, and the presets that it extends and that are files here."""
    waiting = [name for name in CONFIGURATIONS if name in files][:1]
    seen = set(waiting)
    while waiting:
        configuration = _read(files[waiting.pop()], is_preset=len(seen) > 1)
        yield configuration
        for preset in _list(configuration.content.get("extends")) if configuration.content else ():
            here = _preset_here(files, str(preset))
            if here and here not in seen:
                seen.add(here)
                waiting.append(here)


def _read(file: RepositoryFile, *, is_preset: bool) -> Configuration:
    try:
        if file.unread:
            raise file.unread
        content = parsed(file.text or "{}")
        if not isinstance(content, Map):
            raise Unreadable("is no object of JSON5")
    except Unreadable as reason:
        return Configuration(file.path, is_preset, None, reason)
    return Configuration(file.path, is_preset, content)


def renovate_managers(files: Mapping[str, RepositoryFile]) -> Managers:
    """Return the custom managers of a repository's configuration, with those of its own presets."""
    known = Managers()
    found = list(configurations(files))
    known.are_all = bool(found)
    for configuration in found:
        content = configuration.content
        if content is None:
            known.are_all = False
            continue
        for name in _list(content.get("extends")):
            is_here = _preset_here(files, str(name)) is not None
            known.are_all = known.are_all and (is_here or bool(PLAIN_PRESETS.fullmatch(str(name))))
        for entry in (*_list(content.get("customManagers")), *_list(content.get("regexManagers"))):
            if isinstance(entry, Map):
                known.managers.append(_manager(entry))
    return known


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
