"""Git's index and the work tree, as an update writes and restores them."""

import os
import shutil
import stat
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pygit2

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.process import run
from talos_flux.repository.contents import File, Link
from talos_flux.repository.git_files import blob_of, index_entries, mode_of, repository

NOTHING = "0" * 40
# In the work tree, because renaming is atomic only within a file system; git ignores this name.
DRAFTS = ROOT / ".copier-update.unfinished"


class WorktreeFile(NamedTuple):
    """What lies at a path of the work tree: a file or a link, its bytes as a blob, and its permissions."""

    kind: str
    blob: str
    permissions: int


def file_at(path: Path, name_of: Callable[[bytes], Any] = pygit2.hash) -> WorktreeFile | None:
    """Return what lies at a path; None for nothing, and for a folder. `name_of` gives the blob's name for its bytes."""
    file = on_disk(path)
    if file is None:
        return None
    kind = "link" if isinstance(file, Link) else "file"
    return WorktreeFile(kind, str(name_of(file.content)), path.lstat().st_mode & 0o777)


def kept_file_at(path: Path) -> WorktreeFile | None:
    """Return what lies at a path, as in `file_at`, with its bytes kept in git, from which they can be restored."""
    return file_at(path, repository().create_blob)


def same(one: WorktreeFile | None, other: WorktreeFile | None) -> bool:
    """Return whether two states have the same content; permissions are no edit that could be lost."""
    return one[:2] == other[:2] if one and other else one is other


def holds(path: Path, content: WorktreeFile | None) -> bool:
    """Return whether a path holds exactly that; a folder is nothing that the update wrote."""
    if path.is_dir() and not path.is_symlink():
        return content is None and not any(path.iterdir())
    return same(file_at(path), content)


def check_out(writes: Mapping[str, File | None], through: Container[str]) -> None:
    """Let git write the files into the drafts, which applies the filters and line ends of .gitattributes."""
    shutil.rmtree(DRAFTS, ignore_errors=True)
    DRAFTS.mkdir()
    index = private("index")
    index.unlink(missing_ok=True)
    extra = {"GIT_INDEX_FILE": str(index)}
    lines = "".join(
        f"{line}\t{path}\0" for path, file in writes.items() for line in entries_of(path, {0: file}, through)
    )
    try:
        run("git", "update-index", "-z", "--add", "--index-info", stdin=lines, extra=extra)
        run("git", "checkout-index", "--all", f"--prefix={DRAFTS.name}/", extra=extra)
    finally:
        index.unlink(missing_ok=True)
    for path, file in writes.items():
        if file and not os.path.lexists(DRAFTS / path):
            raise UserError(f"git does not take {path}: the template can't bring a file of that name.")
        if file and not (DRAFTS / path).is_symlink() and (ROOT / path).is_file():
            _keep_permissions(ROOT / path, DRAFTS / path)


def _keep_permissions(old: Path, new: Path) -> None:
    """Give a new version of a file the permissions of the old one, but for whether it can be run."""
    is_executable = new.stat().st_mode & stat.S_IXUSR
    mode = old.stat().st_mode & 0o777
    new.chmod(mode | (mode & 0o444) >> 2 if is_executable else mode & ~0o111)


def restore(path: Path, content: WorktreeFile | None) -> None:
    """Put a file or link back as it was, or delete what is there."""
    if content is None:
        delete(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Git ignores this name.
    draft = path.with_name(f".{path.name}.unfinished")
    draft.unlink(missing_ok=True)
    data = repository()[content.blob].data
    if content.kind == "link":
        draft.symlink_to(os.fsdecode(data))
    else:
        draft.write_bytes(data)
        draft.chmod(content.permissions)
    draft.replace(path)


# --- The index and the files ---


def entries_of(path: str, stages: Mapping[int, File | None], through: Container[str]) -> list[str]:
    """Return a path's entries of git's index, `mode blob stage`; stage 0 stands alone, without a conflict.

    `through` are the paths with a filter.
    """
    return [
        f"{mode_of(file)} {blob_of(file.content, path, through)} {number}" for number, file in stages.items() if file
    ]


def staged_entries(paths: Container[str]) -> dict[str, list[str]]:
    """Return the entries that git's index has for some paths."""
    staged: dict[str, list[str]] = {}
    for path, entry in index_entries():
        if path in paths:
            staged.setdefault(path, []).append(entry)
    return staged


def flags_of(paths: Container[str]) -> dict[str, str]:
    """Return what git was told about entries of its index, as `git ls-files -v` shows it.

    In small letters it takes a file for unchanged, and with an S it does not look for the file.
    """
    lines = run("git", "ls-files", "-z", "-v").split("\0")[:-1]
    flags = {path: flag for flag, _, path in (line.partition(" ") for line in lines) if path in paths}
    return {path: flag for path, flag in flags.items() if flag in "hsS"}


def flag(flags: Mapping[str, str]) -> None:
    """Tell git again what it was told about entries of its index."""
    for option, letters in (("--assume-unchanged", "hs"), ("--skip-worktree", "sS")):
        if paths := [path for path, letter in flags.items() if letter in letters]:
            run("git", "update-index", "-z", option, "--stdin", stdin="".join(f"{path}\0" for path in paths))


def folders_of(paths: Iterable[str]) -> dict[str, int]:
    """Return the folders above some paths that are there, with their permissions."""
    above = {folder for path in paths for folder in Path(path).parents[:-1] if (ROOT / folder).is_dir()}
    return {folder.as_posix(): (ROOT / folder).stat().st_mode & 0o7777 for folder in sorted(above)}


def restore_folders(folders: Mapping[str, int], paths: Iterable[str]) -> None:
    """Make folders again that are gone, and remove those above some paths that are new and empty.

    Git knows no empty folder, but a person may have made one for what comes into it later.
    """
    new = {folder for path in paths for folder in Path(path).parents[:-1] if folder.as_posix() not in folders}
    for folder in sorted(new, reverse=True):
        # Something else may be in it, or in its place.
        with suppress(OSError):
            (ROOT / folder).rmdir()
    for name, permissions in folders.items():
        with suppress(OSError):
            (ROOT / name).mkdir()
            (ROOT / name).chmod(permissions)


def stage(entries: Mapping[str, Iterable[str]]) -> None:
    """Replace the entries of paths in git's index."""
    lines = [f"0 {NOTHING} 0\t{path}" for path in entries]
    lines += [f"{entry}\t{path}" for path, kept in entries.items() for entry in kept]
    if lines:
        run("git", "update-index", "-z", "--index-info", stdin="".join(f"{line}\0" for line in lines))


def on_disk(path: Path) -> File | None:
    """Return the file or link at a path; None when there is neither."""
    if path.is_symlink():
        return Link(os.fsencode(os.readlink(path)), executable=False)
    return File(path.read_bytes(), os.access(path, os.X_OK)) if path.is_file() else None


def delete(path: Path) -> None:
    """Delete a file or link, and the folders that it leaves empty. Where a folder of the path is a file, it is gone."""
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
    except NotADirectoryError:
        return
    for folder in path.parents:
        if folder == ROOT or (folder.is_dir() and any(folder.iterdir())):
            break
        if folder.is_dir():
            folder.rmdir()


def private(name: str) -> Path:
    """Return the path of a file of the update's own in the Git directory."""
    return Path(repository().path) / f"copier-update.{name}"
