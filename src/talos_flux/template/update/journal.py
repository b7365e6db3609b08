"""Apply an update's changes as a whole and undo them as a whole, also after the process was killed."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.process import run, succeeds
from talos_flux.repository.contents import File, Link
from talos_flux.repository.git_files import file_of, mode_of, repository, tracked
from talos_flux.template.update.merge import Conflict

NOTHING = "0" * 40
# In the work tree, because renaming is atomic only within a file system; git ignores this name.
DRAFTS = ROOT / ".copier-update.unfinished"
UNMERGED = ("DD", "AU", "UD", "UA", "DU", "AA", "UU")


@contextmanager
def locked() -> Iterator[None]:
    """Hold the lock of updates in this repository; UserError while another update runs."""
    with _private("lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("another update is running in this repository.") from None
        yield


def refuse_unless_clean() -> None:
    """Raise UserError while a tracked file has changes that are not committed."""
    changed = run("git", "status", "--porcelain", "-z", "--untracked-files=no").split("\0")[:-1]
    for line in changed:
        if line[:2] in UNMERGED:
            raise UserError(f"{line[3:]} has a conflict: edit it, `git add` it and commit, or `task update:undo`.")
    if changed:
        raise UserError(f"{changed[0][3:]} has changes that are not committed: commit or stash them first.")


def refuse_what_is_in_the_way(paths: Iterable[str]) -> None:
    """Raise UserError when the template would overwrite an untracked file, or write through a symlink."""
    known = {path for path, _, _ in tracked()}
    for path in paths:
        existing = ROOT / path
        if path not in known and (existing.is_symlink() or existing.is_file()):
            raise UserError(f"{path} is in the way: git does not track it, and the template brings such a file.")
        for folder in Path(path).parents:
            if (ROOT / folder).is_symlink():
                raise UserError(f"{folder} is a symbolic link, and the template has a folder there: {path} changes.")


def apply(
    changes: Mapping[str, File | None], conflicts: Iterable[Conflict], worktree: Mapping[str, File | None]
) -> None:
    """Write and stage everything, conflicts as git shows them; after an error everything is as it was.

    `worktree` is the content of files with a conflict until they are resolved.
    """
    entries = [entry for path, file in changes.items() for entry in _entries(path, {0: file})]
    for conflict in conflicts:
        entries += _entries(conflict.path, {1: conflict.old, 2: conflict.yours, 3: conflict.new})
    writes = {**changes, **worktree}
    before = {path: [mode, name] for path, mode, name in tracked() if path in writes}
    try:
        _note({"head": _head(), "before": {path: before.get(path) for path in writes}})
        DRAFTS.mkdir()
        for number, file in enumerate(writes.values()):
            if file:
                _write(DRAFTS / str(number), file)
        _stage(writes, entries)
        # Everything that needs disk space is done, so a full disk has failed before a file was touched.
        for path, file in writes.items():
            if not file:
                _delete(ROOT / path)
        for number, (path, file) in enumerate(writes.items()):
            if file:
                (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
                (DRAFTS / str(number)).replace(ROOT / path)
        DRAFTS.rmdir()
        _unfinished().replace(_finished())
    except BaseException as error:
        recover()
        if isinstance(error, OSError):
            raise UserError(f"{error.strerror}: {error.filename or 'the disk'}. Everything is as it was.") from None
        raise


def undo() -> bool:
    """Restore everything that the last update changed as in the last commit; return False without an update.

    UserError when the update has been committed.
    """
    if not _finished().exists():
        return False
    noted = _noted(_finished())
    if _head() != noted["head"]:
        raise UserError("the update has been committed: `git revert` takes it back.")
    _take_back(noted)
    _finished().unlink()
    return True


def recover() -> bool:
    """Undo an update that was interrupted; return False when there was none, or it has been committed since."""
    if not _unfinished().exists():
        return False
    noted = _noted(_unfinished())
    # After a commit, what is left is the user's decision.
    is_left = _head() == noted["head"]
    if is_left:
        _take_back(noted)
    _unfinished().unlink()
    return is_left


def _take_back(noted: Mapping[str, Any]) -> None:
    """Restore what differs from before. It can itself be interrupted, and repeated."""
    shutil.rmtree(DRAFTS, ignore_errors=True)
    before = {path: entry for path, entry in noted["before"].items() if entry}
    for path in noted["before"].keys() - before.keys():
        _delete(ROOT / path)
    for path, (mode, name) in before.items():
        file = file_of(mode, repository()[name].data)
        if on_disk(ROOT / path) != file:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            # Git ignores this name.
            draft = (ROOT / path).with_name(f".{Path(path).name}.unfinished")
            draft.unlink(missing_ok=True)
            _write(draft, file)
            draft.replace(ROOT / path)
    if not succeeds("git", "diff", "--cached", "--quiet"):
        _stage(noted["before"], [f"{mode} {name} 0\t{path}" for path, (mode, name) in before.items()])


# --- The journal file ---


def _private(name: str) -> Path:
    """Return the path of a file of the update's own in the Git directory."""
    return Path(repository().path) / f"copier-update.{name}"


def _head() -> str:
    return run("git", "rev-parse", "HEAD").strip()


def _unfinished() -> Path:
    return _private("unfinished.json")


def _finished() -> Path:
    return _private("json")


def _noted(path: Path) -> dict[str, Any]:
    noted: dict[str, Any] = json.loads(path.read_text())
    return noted


def _note(state: Mapping[str, Any]) -> None:
    """Write the journal before anything else, synced to disk and atomically."""
    draft = _private("draft")
    with draft.open("w") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(_unfinished())


# --- The index and the files ---


def _entries(path: str, stages: Mapping[int, File | None]) -> list[str]:
    """Return the lines by which git's index learns the versions of a path; stage 0 stands alone, without a conflict."""
    return [
        f"{mode_of(file)} {repository().create_blob(file.content)} {stage}\t{path}"
        for stage, file in stages.items()
        if file
    ]


def _stage(paths: Iterable[str], entries: Iterable[str]) -> None:
    """Replace the entries of these paths in git's index."""
    lines = [*(f"0 {NOTHING} 0\t{path}" for path in paths), *entries]
    run("git", "update-index", "-z", "--index-info", stdin="".join(f"{line}\0" for line in lines))


def on_disk(path: Path) -> File | None:
    """Return the file or link at a path; None when there is neither."""
    if path.is_symlink():
        return Link(os.fsencode(os.readlink(path)), executable=False)
    return File(path.read_bytes(), os.access(path, os.X_OK)) if path.is_file() else None


def _write(path: Path, file: File) -> None:
    """Write a file or link where there is none."""
    if isinstance(file, Link):
        path.symlink_to(os.fsdecode(file.content))
        return
    path.write_bytes(file.content)
    path.chmod(0o755 if file.executable else 0o644)


def _delete(path: Path) -> None:
    """Delete a file, and the folders that it leaves empty."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == ROOT or (folder.is_dir() and any(folder.iterdir())):
            break
        if folder.is_dir():
            folder.rmdir()
