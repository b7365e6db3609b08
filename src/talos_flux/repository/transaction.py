"""A change of several files that happens as a whole."""

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType

from talos_flux.paths import ROOT

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class FileTransaction:
    """A change of files: with FileTransaction() as change: …; an error or Ctrl-C inside undoes what was done so far.

    It lives in one process; an update, which can be undone later, has a journal instead.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self._undo: list[Callable[[], object]] = []
        self._numbers = itertools.count()

    def __enter__(self) -> "FileTransaction":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        with undisturbed():
            if kind is not None:
                for undo in reversed(self._undo):
                    undo()
            if "_bin" in vars(self):
                shutil.rmtree(self._bin, ignore_errors=True)

    @cached_property
    def _bin(self) -> Path:
        """A folder for drafts and for what is deleted: git ignores it, and Flux sees nothing outside of kubernetes/."""
        return Path(tempfile.mkdtemp(prefix=".", suffix=".unfinished", dir=self.root))

    def write(self, path: Path, content: str | bytes) -> None:
        """Write a file and the folders above it. It is there as a whole or not at all; its mode stays as it was."""
        content = content.encode() if isinstance(content, str) else content
        before = path.read_bytes() if path.exists() else None
        if content == before:
            return
        for folder in reversed([folder for folder in path.parents if not folder.exists()]):
            self._undo.append(_folder_remover(folder))
            folder.mkdir()
        draft = self._free_name()
        draft.write_bytes(content)
        if before is None:
            self._undo.append(lambda: path.unlink(missing_ok=True))
        else:
            draft.chmod(path.stat().st_mode & 0o777)
            self._undo.append(lambda: path.write_bytes(before))
        draft.replace(path)

    def copy(self, folder: Path) -> Path:
        """Return a copy of a folder, to be changed and then moved to its place."""
        draft = self._free_name()
        shutil.copytree(folder, draft, symlinks=True)
        return draft

    def move(self, old: Path, new: Path) -> None:
        """Move a file or a folder to a path that is free."""
        # A link that leads nowhere is something to move back, too, of which exists() says no.
        self._undo.append(lambda: os.path.lexists(new) and new.rename(old))
        old.rename(new)

    def delete(self, path: Path) -> None:
        """Delete a file or a folder."""
        self.move(path, self._free_name())

    def _free_name(self) -> Path:
        return self._bin / str(next(self._numbers))


def _folder_remover(folder: Path) -> Callable[[], object]:
    """Return a function that removes a folder, unless something else was put into it meanwhile."""

    def remove() -> None:
        with suppress(OSError):
            folder.rmdir()

    return remove


@contextmanager
def undisturbed() -> Iterator[None]:
    """Delay interrupting signals: who presses Ctrl-C once often does so twice."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTIONS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
