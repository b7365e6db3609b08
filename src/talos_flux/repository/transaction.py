"""A change of several files that happens as a whole."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from talos_flux.paths import ROOT
from talos_flux.process import write_public


class FileTransaction:
    """A change of files: with FileTransaction() as change: …; an error or Ctrl-C inside undoes what was done so far."""

    def __enter__(self) -> "FileTransaction":
        # Git ignores it, and Flux sees nothing outside of kubernetes/.
        self._bin = Path(tempfile.mkdtemp(prefix=".", suffix=".unfinished", dir=ROOT))
        self._undo: list[Callable[[], object]] = []
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is not None:
            for undo in reversed(self._undo):
                undo()
        shutil.rmtree(self._bin, ignore_errors=True)

    def write(self, path: Path, content: str) -> None:
        """Write a file that exists."""
        before = path.read_bytes()
        if content.encode() != before:
            self._undo.append(lambda: path.write_bytes(before))
            write_public(path, content)

    def create(self, path: Path, content: str) -> None:
        """Write a file that does not exist."""
        self._undo.append(lambda: path.unlink(missing_ok=True))
        write_public(path, content)

    def copy(self, folder: Path) -> Path:
        """Return a copy of a folder, to be changed and then moved to its place."""
        draft = self._bin / f"copy-{len(self._undo)}"
        shutil.copytree(folder, draft, symlinks=True)
        return draft

    def move(self, old: Path, new: Path) -> None:
        """Move a file or a folder to a path that is free."""
        # A link that leads nowhere is something to move back, too, of which exists() says no.
        self._undo.append(lambda: os.path.lexists(new) and new.rename(old))
        old.rename(new)

    def delete(self, path: Path) -> None:
        """Delete a file or a folder."""
        self.move(path, self._bin / str(len(self._undo)))
