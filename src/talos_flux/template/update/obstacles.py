"""What keeps an update from beginning: changes that no commit holds, and what lies where the template's files go."""

import os
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.process import run
from talos_flux.repository.contents import File
from talos_flux.repository.git_files import LINK, tracked
from talos_flux.template.update.worktree import file_at

UNMERGED = ("DD", "AU", "UD", "UA", "DU", "AA", "UU")


def refuse_unless_clean() -> None:
    """Raise UserError while a tracked file has changes that are not committed."""
    changed = run("git", "status", "--porcelain", "-z", "--untracked-files=no").split("\0")[:-1]
    for line in changed:
        if line[:2] in UNMERGED:
            raise UserError(f"{line[3:]} has a conflict: edit it, `git add` it and commit, or `task update:undo`.")
    if changed:
        raise UserError(f"{changed[0][3:]} has changes that are not committed: commit or stash them first.")


def refuse_what_is_in_the_way(writes: Mapping[str, File | None]) -> None:
    """Raise UserError where the template's file can't come: git does not track what is there, or it is another kind.

    A folder may be where the template brings a file, or a file where it brings a folder, only when this update
    deletes it.
    """
    known = {path for path, _, _ in tracked()}
    gone = {path for path, file in writes.items() if file is None}
    _refuse_other_folders(writes, gone)
    for path in writes.keys() - gone:
        existing = ROOT / path
        if existing.is_dir() and not existing.is_symlink():
            left = [file for file in _files_below(path) if file not in gone]
            if left or not any(file.startswith(f"{path}/") for file in gone):
                holds = f" with {left[0]}" if left else ""
                raise UserError(f"{path} is in the way: it is a folder{holds}, and the template brings a file there.")
        elif path not in known and os.path.lexists(existing):
            raise UserError(f"{path} is in the way: git does not track it, and the template brings such a file.")


def _refuse_other_folders(writes: Iterable[str], gone: Container[str]) -> None:
    """Raise UserError where a folder of the template's files is a link, a file, or a repository of its own."""
    for path in writes:
        for folder in map(str, Path(path).parents[:-1]):
            if (ROOT / folder).is_symlink():
                raise UserError(f"{folder} is a symbolic link, and the template has a folder there: {path} changes.")
            if path not in gone and (ROOT / folder).is_file() and folder not in gone:
                raise UserError(f"{folder} is in the way: it is a file, and the template has a folder there.")
            if os.path.lexists(ROOT / folder / ".git"):
                raise UserError(
                    f"{folder} is in the way: it is a repository of its own, and the template has a folder there."
                )


def _files_below(folder: str) -> list[str]:
    paths = (path for path in (ROOT / folder).rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(ROOT).as_posix() for path in paths)


def refuse_hidden_changes(paths: Iterable[str]) -> None:
    """Raise UserError when a file differs from what is committed and git was told not to look at it.

    `git update-index --assume-unchanged` and `--skip-worktree` hide it from `git status`.
    """
    known = {path: (mode == LINK, name) for path, mode, name in tracked()}
    there = {path: known[path] for path in paths if path in known and "\n" not in path}
    files = [path for path in there if (ROOT / path).is_file() and not (ROOT / path).is_symlink()]
    names = run("git", "hash-object", "--stdin-paths", stdin="".join(f"{path}\n" for path in files)).split()
    in_work_tree = {path: (False, name) for path, name in zip(files, names, strict=True)}
    for path in there:
        if link := file_at(ROOT / path) if (ROOT / path).is_symlink() else None:
            in_work_tree[path] = True, link.blob
    for path, state in in_work_tree.items():
        if state != known[path]:
            raise UserError(
                f"{path} has changes that git was told not to see: `git update-index --no-assume-unchanged "
                f"--no-skip-worktree {path}` shows them, then commit or stash them."
            )
