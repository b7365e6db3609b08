"""Run external tools. Their output is captured in memory unless it is shown on the terminal."""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from talos_flux.errors import UserError
from talos_flux.paths import AGE_KEY, KUBECONFIG, ROOT, TALOSCONFIG


class ToolError(UserError):
    """A tool exited with an error; `stderr` is what it wrote there, `reason` that in one line without a full stop."""

    def __init__(self, argv: list[str], stderr: str) -> None:
        self.stderr = stderr.strip()
        program = Path(argv[0]).name
        command = " ".join([program, *[word for word in argv[1:4] if not word.startswith("-")]])
        message = reason_of_git(self.stderr) if program == "git" else self.stderr
        self.reason = " ".join(message.split()).removesuffix(".") or "it gave no reason"
        super().__init__(f"{command} failed: {self.reason}.")


def reason_of_git(stderr: str) -> str:
    """Return why git failed, without the general advice that it gives after an empty line."""
    if lock := re.search(r"'(\S+\.lock)': File exists", stderr):
        return f"another git process works on this repository; if there is none, one was killed: remove {lock[1]}"
    lines = stderr.partition("\n\n")[0].splitlines()
    return "; ".join(re.sub(r"^(fatal|error): ", "", line).removesuffix(".") for line in lines)


def environment() -> dict[str, str]:
    """Return the caller's environment with KUBECONFIG, TALOSCONFIG and SOPS_AGE_KEY_FILE set to this cluster's."""
    return os.environ | {
        "KUBECONFIG": str(KUBECONFIG),
        "TALOSCONFIG": str(TALOSCONFIG),
        "SOPS_AGE_KEY_FILE": str(AGE_KEY),
    }


def has(tool: str) -> bool:
    """Return whether the tool is on PATH."""
    return shutil.which(tool) is not None


def run(
    *argv: str | Path,
    stdin: str | None = None,
    timeout: float | None = None,
    pass_fds: tuple[int, ...] = (),
    show: bool = False,
    extra: Mapping[str, str] | None = None,
) -> str:
    """Run a tool in the repository's root and return its stdout; ToolError when it fails.

    `stdin` is the text for the tool's standard input; without it, that is empty. `show` sends the output to the
    terminal instead. `extra` is added to the environment.
    """
    command = [str(word) for word in argv]
    if not has(command[0]):
        raise UserError(f"{command[0]} is not on PATH: `mise install` installs it.")
    try:
        finished = subprocess.run(
            command,
            cwd=ROOT,
            env=environment() | dict(extra or {}),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=None if show else subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
            text=True,
            encoding="utf-8",
            # A path need not be UTF-8.
            errors="surrogateescape",
            timeout=timeout,
            pass_fds=pass_fds,
            check=False,
        )
    except ValueError as error:
        raise ToolError(command, str(error)) from None
    except subprocess.TimeoutExpired:
        raise ToolError(command, f"no answer within {timeout:.0f} seconds") from None
    if finished.returncode:
        raise ToolError(command, "see above" if show else finished.stderr or finished.stdout)
    return finished.stdout or ""


def succeeds(*argv: str | Path, timeout: float | None = None) -> bool:
    """Return whether a tool exits with code 0."""
    try:
        run(*argv, timeout=timeout)
    except ToolError:
        return False
    return True


@contextmanager
def readable_once(content: str) -> Iterator[tuple[Path, int]]:
    """Yield a path from which another process can read the content once, and the descriptor to pass on.

    It is a pipe, so that nothing is written to disk. The descriptor is for `pass_fds`.
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
    """Write a file that only its owner can read (mode 0600), atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    unfinished.replace(path)


def write_public(path: Path, content: str) -> None:
    """Write a file of the repository atomically; its mode stays as it was."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(content)
    if path.exists():
        unfinished.chmod(path.stat().st_mode & 0o777)
    unfinished.replace(path)
