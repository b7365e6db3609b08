"""A process that ends at one of its changes of the file system, as by a power cut."""

import os
import sys
from typing import Any

KILLED = 9
# What changes a file system, as Python audits it; git's own steps are atomic.
CHANGES = {
    "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate",
    "shutil.rmtree", "subprocess.Popen",
}  # fmt: skip


def kill_at(change: int) -> None:
    """End this process just before its so-manieth change of the file system."""
    left = [change]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if is_write or event in CHANGES:
            left[0] -= 1
            if left[0] == 0:
                os._exit(KILLED)

    sys.addaudithook(hook)
