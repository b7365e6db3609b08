"""Apply an update's changes as a whole and undo them as a whole, also after the process was killed.

Only what still is as the update left it is restored. The states, and what leads from one to the other, are in
docs/decisions/0027-an-undo-restores-what-the-update-wrote.md.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.process import run
from talos_flux.repository.contents import File
from talos_flux.repository.git_files import LINK, filtered
from talos_flux.template.update.merge import Conflict
from talos_flux.template.update.worktree import (
    DRAFTS,
    WorktreeFile,
    check_out,
    delete,
    entries_of,
    file_at,
    flag,
    flags_of,
    folders_of,
    holds,
    kept_file_at,
    private,
    restore,
    restore_folders,
    same,
    stage,
    staged_entries,
)


@contextmanager
def locked() -> Iterator[None]:
    """Hold the lock of updates in this repository; UserError while another update runs."""
    with private("lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("another update is running in this repository.") from None
        yield


# --- Apply ---


def apply(
    changes: Mapping[str, File | None], conflicts: Iterable[Conflict], undecided: Mapping[str, File | None]
) -> None:
    """Write and stage everything, conflicts as git shows them; after an error everything is as it was.

    `undecided` is the content of files with a conflict until they are resolved.
    """
    writes = {**changes, **undecided}
    try:
        through = filtered(writes)
        entries = {path: entries_of(path, {0: file}, through) for path, file in changes.items()}
        for conflict in conflicts:
            entries[conflict.path] = entries_of(
                conflict.path, {1: conflict.old, 2: conflict.yours, 3: conflict.new}, through
            )
        check_out(writes, through)
        staged = staged_entries(writes)
        states = {
            path: PathState(
                kept_file_at(ROOT / path), file_at(DRAFTS / path), staged.get(path, []), entries.get(path, [])
            )
            for path in writes
        }
        _write(
            {
                "head": _head(),
                "paths": {path: list(state) for path, state in states.items()},
                "flags": flags_of(states),
                "folders": folders_of(states),
            }
        )
        stage({path: state.staged_after for path, state in states.items()})
        # Everything that needs disk space is done, so a full disk has failed before a file was touched.
        for path, state in states.items():
            if not state.after:
                delete(ROOT / path)
        for path, state in states.items():
            if state.after:
                (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
                (DRAFTS / path).replace(ROOT / path)
        shutil.rmtree(DRAFTS)
        _unfinished().replace(_finished())
    except BaseException as error:
        recover()
        if isinstance(error, OSError):
            raise UserError(f"{error.strerror}: {error.filename or 'the disk'}. Everything is as it was.") from None
        raise


# --- Undo ---


def undo() -> list[str] | None:
    """Restore everything that the last update changed, and return the paths that were edited since, which stay.

    None when there is no update to undo; UserError when it has been committed.
    """
    if not _finished().exists():
        return None
    journal = _read(_finished())
    if _head() != journal.head:
        raise UserError("the update has been committed: `git revert` takes it back.")
    if not _is_here(journal):
        # It has been taken back by other means, or this is another branch.
        _finished().unlink()
        return None
    kept = _take_back(journal)
    _finished().unlink()
    return kept


def _is_here(journal: "Journal") -> bool:
    """Return whether any of the update's result is in the work tree, or in the index."""
    staged = staged_entries(journal.paths)
    return any(holds(ROOT / path, state.after) for path, state in journal.changed.items()) or any(
        staged.get(path, []) == state.staged_after != state.staged_before for path, state in journal.paths.items()
    )


def is_interrupted() -> bool:
    """Return whether an update ended before it was done, and nobody has taken it back."""
    return _unfinished().exists()


class Recovered(NamedTuple):
    """An interrupted update: the paths that were edited since, and whether it was committed half done."""

    kept: list[str]
    is_committed: bool


def recover() -> Recovered | None:
    """Take back an update that was interrupted; None when there was none.

    After a commit nothing is taken back: what is left is the user's decision.
    """
    if not _unfinished().exists():
        shutil.rmtree(DRAFTS, ignore_errors=True)
        return None
    journal = _read(_unfinished())
    is_committed = _head() != journal.head
    kept = [] if is_committed else _take_back(journal)
    shutil.rmtree(DRAFTS, ignore_errors=True)
    _unfinished().unlink()
    return Recovered(kept, is_committed)


def _take_back(journal: "Journal") -> list[str]:
    """Restore what is as the update left it, and return the paths that are neither that nor as before.

    It can itself be interrupted, and repeated. UserError when a path can't be restored.
    """
    kept, failed = [], []
    # What is deleted first makes room for a file where the update brought a folder.
    for path, state in sorted(journal.paths.items(), key=lambda item: item[1].before is not None):
        try:
            if state.before != state.after and not _is_restored(ROOT / path, state):
                kept.append(path)
        except OSError as error:
            failed.append(f"{path} ({error.strerror})")
    restore_folders(journal.folders, journal.paths)
    staged = staged_entries(journal.paths)
    stage(
        {
            path: state.staged_before
            for path, state in journal.paths.items()
            if state.staged_after != state.staged_before and staged.get(path, []) == state.staged_after
        }
    )
    staged = staged_entries(journal.flags)
    flag(
        {
            path: letter
            for path, letter in journal.flags.items()
            if staged.get(path) == journal.paths[path].staged_before
        }
    )
    if failed:
        raise UserError(f"{failed[0]} can't be restored: when that is mended, `task update:undo` goes on.")
    return sorted(kept)


def _is_restored(path: Path, state: "PathState") -> bool:
    """Restore a path that is as the update left it; return whether it is as before now."""
    if not holds(path, state.before):
        if not holds(path, state.after):
            return False
        restore(path, state.before)
    elif state.before and file_at(path) == state.after:
        # Its content was the same: the update changed whether it can be run.
        path.chmod(state.before.permissions)
    return True


# --- The journal file ---


class PathState(NamedTuple):
    """A path before and after the update: in the work tree, and in git's index as `mode blob stage`."""

    before: WorktreeFile | None
    after: WorktreeFile | None
    staged_before: list[str]
    staged_after: list[str]


class Journal(NamedTuple):
    """The journal: the commit that was checked out, and every path that the update writes.

    `flags` are what git was told about them, `folders` those above them and their permissions.
    """

    head: str
    paths: dict[str, PathState]
    flags: dict[str, str]
    folders: dict[str, int]

    @property
    def changed(self) -> dict[str, PathState]:
        """Return the paths whose content differs in the work tree."""
        return {path: state for path, state in self.paths.items() if not same(state.before, state.after)}


def _head() -> str:
    return run("git", "rev-parse", "HEAD").strip()


def _unfinished() -> Path:
    return private("unfinished.json")


def _finished() -> Path:
    return private("json")


def _read(path: Path) -> Journal:
    content: dict[str, Any] = json.loads(path.read_text())
    if "paths" not in content:
        return _read_before_v04(content)
    return Journal(
        content["head"],
        {
            path: PathState(_file(before), _file(after), *staged)
            for path, (before, after, *staged) in content["paths"].items()
        },
        content.get("flags", {}),
        content.get("folders", {}),
    )


def _read_before_v04(content: Mapping[str, Any]) -> Journal:
    """Return the journal of an update by older tools, which noted what was before; what is since, git knows."""
    staged = staged_entries(content["before"])
    paths = {}
    for path, entry in content["before"].items():
        before = _of_entry(entry) if entry else None
        after = [line.split() for line in staged.get(path, [])]
        file = _of_entry(after[0][:2]) if [line[2] for line in after] == ["0"] else file_at(ROOT / path)
        paths[path] = PathState(before, file, [f"{entry[0]} {entry[1]} 0"] if entry else [], staged.get(path, []))
    return Journal(content["head"], paths, {}, {})


def _file(noted: Sequence[Any] | None) -> WorktreeFile | None:
    return WorktreeFile(*noted) if noted else None


def _of_entry(entry: Sequence[str]) -> WorktreeFile:
    mode, name = entry
    return WorktreeFile("link" if mode == LINK else "file", name, int(mode[-3:], 8) if mode != LINK else 0o777)


def _write(state: Mapping[str, Any]) -> None:
    """Write the journal before anything else, synced to disk and atomically."""
    draft = private("draft")
    with draft.open("w") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(_unfinished())
