"""Three-way merges of files by their paths: the template's old version, the user's, the template's new version.

Each unit is merged on its own, so that a file counts as moved only within it: over a whole repository git takes
look-alike files for renames, and an edit of one app would end up in another.
"""

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pygit2
from pygit2.enums import FileMode

from talos_flux.repository.contents import File, Link
from talos_flux.repository.git_files import file_of, mode_of

Files = Mapping[str, File]

# By which versions exist: the template's old, yours, the template's new.
REASONS = {
    (True, True, True): "you and the template changed the same lines",
    (True, True, False): "you edited it, and the template deletes or moves it",
    (True, False, True): "you deleted or moved it, and the template changes it",
    (True, False, False): "you and the template moved it to different places",
    (False, True, True): "you and the template each added one",
    (False, True, False): "you moved it here, and the template changes or moves it, too",
    (False, False, True): "a part of what you edited may belong here now",
}


@dataclass(frozen=True)
class Conflict:
    """A path that can't be merged: its three versions, None where there is none."""

    path: str
    old: File | None
    yours: File | None
    new: File | None

    @property
    def reason(self) -> str:
        """Return the reason in words."""
        present = (self.old is not None, self.yours is not None, self.new is not None)
        return REASONS[present]


@dataclass
class Merged:
    """The result of a merge: the new content of paths, None where one is deleted; and its conflicts."""

    changes: dict[str, File | None] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)

    def add(self, other: "Merged") -> None:
        """Add the result for other paths."""
        self.changes |= other.changes
        self.conflicts += other.conflicts


def unit_of(path: str) -> str:
    """Return the folder within which a file can have moved: an app's, a namespace's own files, or a top folder.

    Within kubernetes/, that is a folder one level down.
    """
    parts = PurePosixPath(path).parts
    if parts[:2] == ("kubernetes", "apps"):
        return "/".join(parts[: 4 if len(parts) > 4 else 3])
    return "/".join(parts[: 2 if parts[0] == "kubernetes" else 1]) if len(parts) > 1 else ""


def merge(old: Files, yours: Files, new: Files) -> Merged:
    """Merge every unit; `yours` holds at least all files of the units in which the template changed something."""
    changed = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    merged = Merged()
    for unit in sorted({unit_of(path) for path in changed}):
        parts = [{path: file for path, file in files.items() if unit_of(path) == unit} for files in (old, yours, new)]
        merged.add(_merge_unit(*parts))
    return merged


def _merge_unit(old: Files, yours: Files, new: Files) -> Merged:
    """Merge one unit. Git is only called when both sides changed a file; everything else is decided by comparison."""
    changes: dict[str, File | None] = {}
    for path in old.keys() | new.keys():
        before, mine, after = old.get(path), yours.get(path), new.get(path)
        if after in (before, mine):
            continue
        if mine != before:
            return _merge_with_git(old, yours, new)
        changes[path] = after
    return Merged(changes)


def _merge_with_git(old: Files, yours: Files, new: Files) -> Merged:
    repository = _scratch()
    index = repository.merge_trees(*(_tree(files) for files in (old, yours, new)))
    merged = Merged()
    conflicts = list(index.conflicts or ())
    undecided: set[str] = set()
    for sides in conflicts:
        paths = {side.path for side in sides if side}
        undecided |= paths
        files = [_file(side) if side else None for side in sides]
        # A moved file has several paths: the template's new one comes first.
        path = next(side.path for side in (sides[2], sides[1], sides[0]) if side)
        merged.conflicts.append(Conflict(path, *files))
    result = {entry.path: _file(entry) for entry in index if entry.path not in undecided}
    for path in (result.keys() | yours.keys()) - undecided:
        if result.get(path) != yours.get(path):
            merged.changes[path] = result.get(path)
    return merged


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="merge-")


@cache
def _scratch() -> Any:
    """Return a temporary repository, so that merges leave no objects in the user's."""
    return pygit2.init_repository(_folder().name, bare=True)


def _tree(files: Files) -> Any:
    repository = _scratch()
    index = pygit2.Index()
    for path, file in files.items():
        index.add(pygit2.IndexEntry(path, repository.create_blob(file.content), FileMode(int(mode_of(file), 8))))
    return index.write_tree(repository)


def _file(entry: Any) -> File:
    return file_of(f"{entry.mode:o}", _scratch()[entry.id].data)


def with_markers(conflict: Conflict, old: str, new: str) -> File | None:
    """Return the content of a file with a conflict: both versions between markers where there are two, else the one.

    `old` and `new` are the labels of the template's versions.
    """
    yours, theirs = conflict.yours, conflict.new
    is_binary = any(isinstance(side, Link) or b"\0" in side.content for side in (conflict.old, yours, theirs) if side)
    if not yours or not theirs or is_binary:
        return yours or theirs
    with tempfile.TemporaryDirectory(prefix="conflict-") as folder:
        files = []
        for name, file in (("yours", yours), ("old", conflict.old), ("new", theirs)):
            files.append(Path(folder, name))
            files[-1].write_bytes(file.content if file else b"")
        labels = [word for label in ("yours", old, new) for word in ("-L", label)]
        # Its exit code is the number of conflicts.
        done = subprocess.run(["git", "merge-file", "-p", "--diff3", *labels, *files], capture_output=True, check=False)
    return File(done.stdout, yours.executable)
