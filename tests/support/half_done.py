"""An update's steps on a small repository, each in a process of its own that can be killed at any file operation."""

import json
import os
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from talos_flux import process
from talos_flux.errors import UserError
from talos_flux.repository import git_files
from talos_flux.repository.contents import File
from talos_flux.template.update import journal, obstacles, steps, worktree
from talos_flux.template.update.journal import Recovered
from talos_flux.template.update.merge import Conflict
from tests.support import killing

Files = Mapping[str, bytes | None]


class Refused(Exception):
    """What a person is told instead."""


def update(files: Files, conflicts: Mapping[str, tuple[bytes, bytes, bytes]], undecided: Files) -> list[str]:
    """Do what `task update` does with such a plan; return the paths of which it says that they were edited."""
    changes = {path: None if content is None else File(content, executable=False) for path, content in files.items()}
    markers = {path: File(content or b"", executable=False) for path, content in undecided.items()}
    recovered: list[Recovered] = []
    with journal.locked():
        steps.begin(recovered.append)
        steps.refuse_to_lose({**changes, **markers})
        three = [Conflict(path, *(File(side, executable=False) for side in sides)) for path, sides in conflicts.items()]
        journal.apply(changes, three, markers)
    return recovered[0].kept if recovered else []


def undo() -> list[str]:
    """Do what `task update:undo` does; return the paths of which it says that they were edited."""
    recovered: list[Recovered] = []
    with journal.locked():
        kept = steps.undo(recovered.append)
    return recovered[0].kept if kept is None else kept


def look() -> list[str]:
    """Do what `task update:check` does before it plans."""
    with journal.locked():
        steps.look()
    return []


def in_child(root: Path, act: Callable[[], list[str]], kill_at: int = 0) -> list[str] | None:
    """Run a step in a child process; None when it was killed at the given change of the file system.

    Raise Refused with what the person is told, AssertionError for anything else than one sentence.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run(root, act, kill_at, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        written = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == killing.KILLED:
        return None
    answer: dict[str, Any] = json.loads(written)
    if "refused" in answer:
        raise Refused(answer["refused"])
    assert "kept" in answer, answer["error"]
    kept: list[str] = answer["kept"]
    return kept


def _run(root: Path, act: Callable[[], list[str]], kill_at: int, writer: int) -> None:
    """Never return: the process is a copy of the one that runs the tests."""
    try:
        for module in (process, git_files, journal, obstacles, worktree):
            module.ROOT = root  # type: ignore[attr-defined]
        journal.DRAFTS = worktree.DRAFTS = root / worktree.DRAFTS.name
        git_files.repository.cache_clear()
        os.chdir(root)
        if kill_at:
            killing.kill_at(kill_at)
        answer: dict[str, Any] = {"kept": act()}
    except UserError as refusal:
        answer = {"refused": str(refusal)}
    except BaseException:
        answer = {"error": traceback.format_exc()}
    os.write(writer, json.dumps(answer).encode())
    os._exit(0)
