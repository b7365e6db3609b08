"""Where tests write: in memory where there is enough of it, which takes a fifth off a run."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108, pytest makes a folder of its own in it
LEAST = 8 << 30  # bytes; a run of every test holds less than half of them at once
TEMPROOT = "PYTEST_DEBUG_TEMPROOT"  # what pytest's tmp_path is below


def use_memory() -> None:
    """Let pytest's folders be in memory, where a file system is there for it, large and with programs allowed."""
    if TEMPROOT not in os.environ and has_room(MEMORY):
        os.environ[TEMPROOT] = str(MEMORY)


def has_room(folder: Path) -> bool:
    """Return whether a folder is there that holds a run; a container's /dev/shm has 64 MB and runs no program."""
    if not os.access(folder, os.W_OK):
        return False
    runs_programs = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return runs_programs and shutil.disk_usage(folder).free >= LEAST


def keep_below(folder: Path) -> dict[str, str]:
    """Let this process make its temporary files below a folder; return what the programs that it starts need for it.

    What a killed program leaves there goes with the folder.
    """
    folder.mkdir(exist_ok=True)
    tempfile.tempdir = str(folder)
    return {"TMPDIR": str(folder)}
