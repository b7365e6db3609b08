"""A change of several files that happens as a whole; if its process is killed, the next command takes it back."""

import fcntl
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.repository.contents import is_gits_own

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Git ignores these names, and Flux sees nothing outside of kubernetes/.
PREFIX, SUFFIX = ".talos-flux-", ".unfinished"
# In the folder of a transaction: each step before it is done, as a line of JSON.
STEPS = "steps"


class FileTransaction:
    """A change of files: with FileTransaction() as change: …; an error or Ctrl-C inside undoes what was done so far.

    An update, which can be undone after it has ended, has a journal of its own.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self._numbers = itertools.count()

    def __enter__(self) -> "FileTransaction":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if "_folder" not in vars(self):
            return
        with undisturbed(), self._steps:
            if kind is not None:
                take_back(self.root, self._folder)
            # From here on there is nothing to take back.
            (self._folder / STEPS).unlink()
            shutil.rmtree(self._folder, ignore_errors=True)

    @cached_property
    def _folder(self) -> Path:
        """A folder for drafts, for what is deleted or replaced, and for the steps."""
        return Path(tempfile.mkdtemp(prefix=PREFIX, suffix=SUFFIX, dir=self.root))

    @cached_property
    def _steps(self) -> IO[str]:
        """The file of the steps. Its lock says that the process is alive."""
        file = (self._folder / STEPS).open("a")
        fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def _note(self, action: str, path: Path, *details: str) -> None:
        """Write down a step before it is done."""
        self._steps.write(json.dumps([action, os.path.relpath(path, self.root), *details]) + "\n")
        self._steps.flush()
        os.fsync(self._steps.fileno())

    def write(self, path: Path, content: str | bytes) -> None:
        """Write a file and the folders above it. It is there as a whole or not at all; its mode stays as it was."""
        content = content.encode() if isinstance(content, str) else content
        before = path.read_bytes() if path.exists() else None
        if content == before:
            return
        self._make_folders_above(path)
        draft = self._free_path()
        draft.write_bytes(content)
        saved = ""
        if before is not None:
            copy = self._free_path()
            shutil.copy2(path, copy)
            draft.chmod(path.stat().st_mode & 0o777)
            saved = copy.name
        self._note("write", path, digest(content), saved)
        draft.replace(path)

    def copy(self, folder: Path) -> Path:
        """Return a copy of a folder or a file, to be changed and then moved to its place."""
        draft = self._free_path()
        if folder.is_dir():
            shutil.copytree(folder, draft, symlinks=True)
        else:
            shutil.copy2(folder, draft)
        return draft

    def move(self, old: Path, new: Path) -> None:
        """Move a file or a folder to a path that is free, and make the folders above it."""
        self._make_folders_above(new)
        self._note("move", new, os.path.relpath(old, self.root))
        old.rename(new)

    def _make_folders_above(self, path: Path) -> None:
        for folder in reversed([folder for folder in path.parents if not folder.exists()]):
            self._note("mkdir", folder)
            folder.mkdir()

    def delete(self, path: Path) -> None:
        """Delete a file or a folder."""
        self.move(path, self._free_path())

    def _free_path(self) -> Path:
        return self._folder / str(next(self._numbers))


def take_back(root: Path, folder: Path) -> list[Path]:
    """Undo the steps of a transaction, the last one first; return what was edited or made anew since, which stays."""
    kept = []
    for line in reversed((folder / STEPS).read_text().splitlines()):
        match json.loads(line):
            case ["mkdir", name]:
                # Something else may have been put into it meanwhile.
                with suppress(OSError):
                    (root / name).rmdir()
            case ["move", new, old] if os.path.lexists(root / new):
                if os.path.lexists(root / old):
                    kept.append(root / new)
                else:
                    (root / new).rename(root / old)
            case ["write", name, written, saved]:
                path = root / name
                content = path.read_bytes() if path.is_file() else None
                if content is not None and digest(content) == written:
                    (folder / saved).replace(path) if saved else path.unlink()
                elif content is not None and not (saved and content == (folder / saved).read_bytes()):
                    kept.append(path)
    return kept


def _refuse_foreign_steps(file: Path) -> None:
    """Raise UserError for a step that no command of this repository does."""
    steps: list[list[str]] = [json.loads(line) for line in file.read_text().splitlines()]
    for action, *details in steps:
        paths = [PurePosixPath(name) for name in (details if action == "move" else details[:1])]
        saved = details[2] if action == "write" else ""
        if not all(map(_is_of_the_repository, paths)) or not re.fullmatch(r"\d*", saved):
            raise UserError(
                f"{file} says that a command was interrupted, and names a path that none changes: delete {file.parent}."
            )


def _is_of_the_repository(path: PurePosixPath) -> bool:
    return not path.is_absolute() and ".." not in path.parts and not any(map(is_gits_own, path.parts))


def digest(content: bytes) -> str:
    """Return what tells one content of a file from another."""
    return hashlib.sha256(content).hexdigest()


def recover(root: Path = ROOT) -> list[Path] | None:
    """Take back the changes of commands that were killed; None when there were none.

    Return what stays, since it was edited, or something new is in its place. What another command is doing right now is
    left alone. UserError for steps that no command of this repository noted.
    """
    kept: list[Path] | None = None
    for folder in sorted(root.glob(f"{PREFIX}*{SUFFIX}")):
        steps = folder / STEPS
        if _is_in_git(root, folder):
            # Who wrote it is not who was interrupted: it came with a commit.
            raise UserError(f"{folder.name} is in git, where no command puts it: `git rm -r {folder.name}`, commit.")
        if not steps.exists():
            shutil.rmtree(folder, ignore_errors=True)
            continue
        with steps.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            _refuse_foreign_steps(steps)
            left = take_back(root, folder)
            steps.unlink()
        if any(path.is_relative_to(folder) for path in left):
            # What was moved here has no place to go back to. Under this name git shows it.
            visible = folder.with_suffix(".kept")
            left = [visible / path.relative_to(folder) if path.is_relative_to(folder) else path for path in left]
            folder.rename(visible)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        kept = [*(kept or []), *left]
    return kept


def _is_in_git(root: Path, folder: Path) -> bool:
    command = ["git", "-C", str(root), "ls-files", "-z", "--", folder.name]
    return bool(subprocess.run(command, capture_output=True, check=False).stdout)


def recovered_in_words(root: Path = ROOT) -> Iterator[str]:
    """Take back the changes of commands that were killed, and yield what there is to say about it."""
    kept = recover(root)
    if kept is not None:
        yield "a command was interrupted: what it had changed is as it was before."
        yield from (f"{path} stays as it is: something else has been written since." for path in kept)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Delay interrupting signals: who presses Ctrl-C once often does so twice."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTIONS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
