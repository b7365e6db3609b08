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

from tests.support.killing import keep_each_state
from tests.support.render import PROJECT

TRACEBACK = 70
COMMANDS = ("app.adopt", "app.move", "app.new", "app.remove", "charts", "namespace.new", "update")


class Said(NamedTuple):
    """What a command said, and its exit code."""

    code: int
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

    def __call__(self, *arguments: str, states: Path | None = None) -> Said:
        """Run a command; `states` is a folder for what is there before each of its changes of the file system."""
        assert self._server.stdin and self._server.stdout
        self._server.stdin.write(json.dumps([list(arguments), str(states) if states else ""]) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        output = Said(code, *(path.read_text(errors="replace") for path in self._outputs))
        assert code != TRACEBACK and "Traceback" not in output.all, output.all
        return output


def serve(*outputs: str) -> None:
    """Run what is asked for on stdin, and answer with the exit code."""
    # With all that they import; they find their root in the environment of this process, and not of the tests'.
    talos_flux: Any = import_module("talos_flux.cli").talos_flux
    for name in COMMANDS:
        import_module(f"talos_flux.cli.{name}")

    for line in sys.stdin:
        arguments, states = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(talos_flux, arguments, states, outputs)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(program: Any, arguments: list[str], states: str, outputs: tuple[str, ...]) -> NoReturn:
    """Never return: the process is a copy of the one that serves."""
    for number, path in enumerate((os.devnull, *outputs)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    sys.argv[1:] = arguments
    # Another folder may be in its place by now.
    root = Path(os.environ["TALOS_FLUX_ROOT"])
    os.chdir(root)
    code = TRACEBACK
    with contextlib.suppress(BaseException):
        try:
            if states:
                keep_each_state(root, Path(states))
            code = program.run(arguments)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(*sys.argv[1:])
