"""Stopped half-way, an addition leaves the repository as it was: every byte, and every folder."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pexpect
import pytest

from talos_flux.repository.transaction import FileTransaction
from tests.support.commands import TALOS_FLUX
from tests.support.home import WEB_APP, Home, command_line, typed_to
from tests.support.needs import needs
from tests.support.render import PROJECT, git

pytestmark = [needs("copier"), pytest.mark.full]

FOLDER = "kubernetes/apps/media/board"
CHART = {"app_chart_url": "oci://ghcr.io/example/charts/dashboard", "app_chart_version": "9.3.0"}


@contextmanager
def failing_at(at: int, error: BaseException) -> Iterator[None]:
    """One write of a transaction ends with half of its bytes and an error."""
    count = itertools.count(1)
    really = Path.write_bytes

    def write_bytes(path: Path, content: bytes) -> int:
        if path.parent.suffix != ".unfinished" or next(count) != at:
            return really(path, content)
        really(path, content[: len(content) // 2])
        raise error

    with mock.patch.object(Path, "write_bytes", write_bytes):
        yield


@pytest.mark.parametrize("error", [OSError("no space left on device"), KeyboardInterrupt()], ids=["failed", "stopped"])
@pytest.mark.witness
def test_a_write_that_fails_takes_every_other_back(home: Home, error: BaseException) -> None:
    (home.root / "kubernetes/apps/media").mkdir()
    for at in itertools.count(1):
        before = home.tree
        with failing_at(at, error):
            try:
                home.add("app", FOLDER, **CHART)
                break
            except type(error):
                assert home.tree == before
    assert at > len(home.changes) > 5


def test_nothing_of_somebody_else_is_removed(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk full"), FileTransaction(tmp_path) as change:
        change.write(tmp_path / "a/b/c", "")
        (tmp_path / "a/b/theirs").touch()
        raise OSError("disk full")
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "b", "theirs"]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [0.4, 1.0, 1.6])
def test_after_a_signal_to_copier_and_its_task_all_is_there_or_nothing(
    home: Home, signal_number: int, after: float
) -> None:
    before = home.tree
    process = subprocess.Popen(
        command_line(home.template, "app", FOLDER, CHART),
        cwd=home.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    time.sleep(after)
    if process.poll() is None:
        os.killpg(process.pid, signal_number)
    process.communicate()
    while alive(process.pid):
        time.sleep(0.02)
    tree = home.tree
    if tree == before:
        assert process.returncode
        return
    # Copier itself takes a moment to end after its task has written everything.
    git(home.root, "clean", "-dfq")
    git(home.root, "checkout", "-q", ".")
    home.add("app", FOLDER, **CHART)
    assert home.tree == tree


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_ctrl_c_at_a_prompt_is_said_and_changes_nothing(home: Home) -> None:
    command = command_line(home.template, "app", FOLDER, WEB_APP)
    command.remove("--defaults")
    with home.untouched():
        terminal = pexpect.spawn(command[0], command[1:], cwd=str(home.root), env=typed_to(), timeout=60)
        terminal.expect("Who reaches it")
        terminal.send("\x03")
        terminal.expect("error: interrupted; nothing was changed.")
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 1


QUIET = (-signal.SIGINT, "")  # which a shell shows as 130
SAID = (130, "error: interrupted; the command is safe to run again.\n")


@pytest.mark.parametrize(
    ("command", "end"),
    [
        ([sys.executable, str(PROJECT / "hooks/add.py"), "app", "anywhere"], QUIET),
        ([*TALOS_FLUX, "app", "new", "--app=media/films"], SAID),
        ([*TALOS_FLUX, "app", "remove", "--app=media/films"], SAID),
    ],
    ids=["hooks/add.py", "app new", "app remove"],
)
def test_ctrl_c_while_modules_are_imported_is_no_traceback(
    command: list[str], end: tuple[int, str], tmp_path: Path
) -> None:
    for module in ("copier", "rich"):
        (tmp_path / f"{module}.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (*end, "")
