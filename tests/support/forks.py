"""The real command many times in a second: one process imports the tools, and each command is a fork of it.

The tools take the root of the repository from the environment when they are imported, so there is one such process for
each repository.
"""

import contextlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, NoReturn

from tests.support.killing import KILLED, kill_at
from tests.support.render import PROJECT

TRACEBACK = 70
COMMANDS = ("update",)


class Said(NamedTuple):
    """What a command said, and its exit code; None when it was killed."""

    code: int | None
    out: str
    err: str

    @property
    def all(self) -> str:
        """Return both outputs."""
        return self.out + self.err


class Tools:
    """The tools in one repository: with Tools(root) as tools: tools("update", "--undo")."""

    def __init__(self, root: Path, variables: Mapping[str, str] | None = None) -> None:
        folder = root.parent
        self._outputs = folder / f"{root.name}.out", folder / f"{root.name}.err"
        environment = os.environ | {
            "XDG_CACHE_HOME": str(folder / "cache"),
            "TALOS_FLUX_ROOT": str(root),
            "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "src")]),
            "NO_COLOR": "1",
        }
        self._server = subprocess.Popen(
            [sys.executable, "-m", __name__, *map(str, self._outputs)],
            cwd=root,
            env=environment | dict(variables or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Tools":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._server.communicate()

    def __call__(self, *arguments: str, killed_at: int = 0) -> Said:
        """Run a command, which is killed at its so-manieth change of the file system; 0 is never."""
        assert self._server.stdin and self._server.stdout
        self._server.stdin.write(json.dumps([list(arguments), killed_at]) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        said = Said(None if code == KILLED else code, *(path.read_text(errors="replace") for path in self._outputs))
        assert code != TRACEBACK and "Traceback" not in said.all, said.all
        return said


def serve(*outputs: str) -> None:
    """Run what is asked for on stdin, and answer with the exit code."""
    # With all that they import; they find their root in the environment of this process, and not of the tests'.
    talos_flux: Any = import_module("talos_flux.cli").talos_flux
    for name in COMMANDS:
        import_module(f"talos_flux.cli.{name}")

    for line in sys.stdin:
        arguments, at = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(talos_flux, arguments, at, outputs)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(program: Any, arguments: list[str], at: int, outputs: tuple[str, ...]) -> NoReturn:
    """Never return: the process is a copy of the one that serves."""
    for number, path in enumerate((os.devnull, *outputs)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    sys.argv[1:] = arguments
    code = TRACEBACK
    with contextlib.suppress(BaseException):
        try:
            if at:
                kill_at(at)
            code = program.run(arguments)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(*sys.argv[1:])
