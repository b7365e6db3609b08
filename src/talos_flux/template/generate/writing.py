"""Write several files, or none."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write every file, and create its parent folders.

    When anything fails or interrupts, all is restored, byte for byte, before the exception goes on.
    """
    undo: list[Callable[[], object]] = []
    try:
        for path, content in files.items():
            for folder in reversed([folder for folder in path.parents if not folder.exists()]):
                undo.append(folder_remover(folder))
                folder.mkdir()
            undo.append(restorer(path))
            path.write_bytes(content)
    except BaseException:
        with undisturbed():
            for step in reversed(undo):
                step()
        raise


def restorer(path: Path) -> Callable[[], object]:
    """Return a function that restores a file to its current state, which may be that it does not exist."""
    if not path.exists():
        return lambda: path.unlink(missing_ok=True)
    content = path.read_bytes()
    return lambda: path.write_bytes(content)


def folder_remover(folder: Path) -> Callable[[], object]:
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
