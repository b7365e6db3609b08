"""What is on the disk when a process is killed: at one of its changes of the file system, or at each of them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

KILLED = 9
# What changes a file system, as Python audits it; git's own steps are atomic.
CHANGES = {
    "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate",
    "shutil.rmtree", "subprocess.Popen",
}  # fmt: skip


def kill_at(change: int) -> None:
    """End this process just before its so-manieth change of the file system, as a power cut does."""

    def kill(number: int) -> None:
        if number == change:
            os._exit(KILLED)

    _before_each_change(kill)


def keep_each_state(root: Path, folder: Path) -> None:
    """Copy a folder before each change of the file system: the copies are what a kill there would leave.

    So one run shows what many would, each killed at another change.
    """

    def keep(number: int) -> None:
        subprocess.run(["cp", "--archive", root, folder / f"{number:04}"], check=True)

    _before_each_change(keep)


def _before_each_change(act: Callable[[int], None]) -> None:
    number, is_acting = 0, False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal number, is_acting
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (is_write or event in CHANGES) and not is_acting:
            number, is_acting = number + 1, True
            act(number)
            is_acting = False

    sys.addaudithook(hook)
