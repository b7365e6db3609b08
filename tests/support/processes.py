"""Servers that a test run shares. A keeper runs them in a process of its own and ends them when their owner is gone.

Whatever happens to the owner, nothing is left behind: an interrupt, a kill and a crash all end in `keep`.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support import tools
from tests.support.render import PROJECT
from tests.tools.locks import locked

START_SECONDS = 120
STOP_SECONDS = 60
# Half of what these programs do is to collect garbage, unless they are given room; the limit brings it back in time.
ROOM = {"GOGC": "400", "GOMEMLIMIT": "1200MiB"}
LOG_LINES = 8


class Processes:
    """Child processes with a log each in `folder`. They end in the opposite order of their start.

    What they keep in `scratch` goes with them, unless it is kept; logs stay.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scratch = folder / "scratch"
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Run one of the built tools."""
        with (self.folder / f"{name}.log").open("w") as log:
            self._started.append(
                subprocess.Popen(
                    [tools.path(name), *arguments],
                    cwd=self.folder,
                    env=os.environ | ROOM | dict(environment or {}),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )

    def refuse_unless_alive(self) -> None:
        """RuntimeError when one has ended."""
        for process in self._started:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}")

    def wait_until(self, condition: Callable[[], Any]) -> None:
        """RuntimeError when a process ended meanwhile; else as the function of that name."""

        def holds() -> Any:
            self.refuse_unless_alive()
            return condition()

        wait_until(holds)

    def end(self, *, keep: bool = False) -> None:
        for process in reversed(self._started):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if not keep:
            shutil.rmtree(self.scratch, ignore_errors=True)


class NotYet(Exception):
    """A server's answer that a later one may replace."""


def wait_until(condition: Callable[[], Any]) -> None:
    """TimeoutError when a condition does not come to hold within START_SECONDS.

    One that fails because its server does not answer yet does not hold yet.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if condition():
                return
        except (OSError, http.client.HTTPException, NotYet):
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"not ready after {START_SECONDS} s")
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def logs(folder: Path) -> str:
    """Return the last lines of each log."""
    tails = (f"{log.name}:\n{''.join(log.open().readlines()[-LOG_LINES:])}" for log in sorted(folder.glob("*.log")))
    return "\n".join(tails)


def running(module: str, folder: Path, owner: int) -> dict[str, Any]:
    """Return what the keeper `python -m <module> FOLDER OWNER` says of itself; started by whoever asks first.

    Raise RuntimeError with the end of the logs when it does not come up.
    """
    ready = folder / "ready.json"
    with locked(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not ready.exists():
            with (folder / "keeper.log").open("w") as log:
                keeper = subprocess.Popen(
                    [sys.executable, "-m", module, str(folder), str(owner)],
                    cwd=PROJECT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C in the terminal must not end etcd before the API server
                )
            while not ready.exists():
                if keeper.poll() is not None:
                    raise RuntimeError(f"{module} does not come up; logs are in {folder}\n{logs(folder)}")
                time.sleep(0.05)
    answer: dict[str, Any] = json.loads(ready.read_text())
    return answer


def stop(folder: Path) -> None:
    """End a keeper and its processes now, if there is one, and wait for it; a keeper that is dead ends them no more."""
    noted = folder / "keeper.pid"
    try:
        keeper = int(noted.read_text())
        os.kill(keeper, signal.SIGTERM)
    except (FileNotFoundError, ProcessLookupError):
        return
    deadline = time.monotonic() + STOP_SECONDS
    while noted.exists():
        if time.monotonic() > deadline:
            os.killpg(keeper, signal.SIGKILL)
            noted.unlink()
        time.sleep(0.05)


def keep(folder: Path, owner: int, bring_up: Callable[[Processes], dict[str, Any]]) -> None:
    """Run what `bring_up` starts until `owner` or one of the processes is gone, or SIGTERM comes.

    What `bring_up` returns is what `running` returns to everybody who asks.
    """
    (folder / "keeper.pid").write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    processes = Processes(folder)
    try:
        draft = folder / "ready.draft"
        draft.write_text(json.dumps(bring_up(processes)))
        draft.rename(folder / "ready.json")
        while _is_alive(owner):
            processes.refuse_unless_alive()
            time.sleep(0.2)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.end()
        (folder / "ready.json").unlink(missing_ok=True)
        (folder / "keeper.pid").unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
