"""Running other tools. What they read and write stays in memory unless they write it themselves."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lib.refusal import Refusal

ROOT = Path(__file__).resolve().parents[2]
KUBECONFIG = ROOT / "kubeconfig"
TALOSCONFIG = ROOT / "talos" / "clusterconfig" / "talosconfig"
AGE_KEY = ROOT / "age.key"


class ToolFailed(Refusal):
    """A tool exited with an error; `said` is all that it wrote to stderr."""

    def __init__(self, argv: list[str], said: str) -> None:
        self.said = said.strip()
        what = " ".join([Path(argv[0]).name, *[word for word in argv[1:4] if not word.startswith("-")]])
        reason = " ".join(self.said.split()) or "it gave no reason"
        super().__init__(f"{what} failed: {reason}")


def environment() -> dict[str, str]:
    """The caller's environment, pointed at this cluster whatever KUBECONFIG or TALOSCONFIG say outside."""
    return os.environ | {
        "KUBECONFIG": str(KUBECONFIG),
        "TALOSCONFIG": str(TALOSCONFIG),
        "SOPS_AGE_KEY_FILE": str(AGE_KEY),
    }


def has(tool: str) -> bool:
    """Whether the tool is installed."""
    return shutil.which(tool) is not None


def run(
    *argv: str | Path,
    stdin: str | None = None,
    timeout: float | None = None,
    pass_fds: tuple[int, ...] = (),
    show: bool = False,
    extra: Mapping[str, str] | None = None,
) -> str:
    """Run a tool in the repository's root and return what it prints; ToolFailed when it fails.

    `stdin` is what the tool reads: nothing unless given. `show` lets it write to the terminal instead. `extra` is
    added to its environment.
    """
    words = [str(word) for word in argv]
    if not has(words[0]):
        raise Refusal(f"{words[0]} is not on PATH: `mise install` installs it.")
    try:
        finished = subprocess.run(
            words,
            cwd=ROOT,
            env=environment() | dict(extra or {}),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=None if show else subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
            text=True,
            timeout=timeout,
            pass_fds=pass_fds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolFailed(words, f"no answer within {timeout:.0f} seconds") from None
    if finished.returncode:
        raise ToolFailed(words, "see above" if show else finished.stderr or finished.stdout)
    return finished.stdout or ""


def succeeds(*argv: str | Path, timeout: float | None = None) -> bool:
    """Whether a tool exits without an error."""
    try:
        run(*argv, timeout=timeout)
    except ToolFailed:
        return False
    return True


@contextmanager
def readable_once(content: str) -> Iterator[tuple[Path, int]]:
    """A path that another process can read the content from, once, with nothing on disk behind it.

    Yields the path and the descriptor to pass on (`pass_fds`).
    """
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "w") as pipe:
            try:
                pipe.write(content)
            except BrokenPipeError:
                pass

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield Path(f"/dev/fd/{reader}"), reader
    finally:
        os.close(reader)
        thread.join()


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    unfinished.replace(path)


def write_public(path: Path, content: str) -> None:
    """Write a file of the repository, complete or not at all."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(content)
    if path.exists():
        unfinished.chmod(path.stat().st_mode & 0o777)
    unfinished.replace(path)
