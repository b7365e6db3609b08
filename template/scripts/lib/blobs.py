"""Files as git keeps them, symbolic links among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pygit2

from lib.process import ROOT, ToolFailed, run
from lib.refusal import Refusal
from lib.render import File

REGULAR, EXECUTABLE, LINK = "100644", "100755", "120000"


@dataclass(frozen=True)
class Link(File):
    """A symbolic link: `content` is where it leads."""


def file_of(mode: str, content: bytes) -> File:
    """What a path holds, by git's word for its kind."""
    return Link(content, executable=False) if mode == LINK else File(content, executable=mode == EXECUTABLE)


def mode_of(file: File) -> str:
    """Git's word for the kind of a file."""
    if isinstance(file, Link):
        return LINK
    return EXECUTABLE if file.executable else REGULAR


@cache
def repository() -> Any:
    """This repository."""
    return pygit2.Repository(str(ROOT))


def refuse_anything_but_a_repository() -> None:
    """Refusal where git does not know this folder, or as a part of something larger."""
    try:
        above = run("git", "rev-parse", "--show-prefix").strip()
    except ToolFailed as failed:
        raise Refusal(f"git can't read this repository: {' '.join(failed.said.split()).removesuffix('.')}.") from None
    if above:
        raise Refusal(f"the cluster is in {above} of a larger git repository, and can only be updated in its own.")


def tracked() -> Iterator[tuple[str, str, str]]:
    """The path, mode and name of every file that git has, without those in which a conflict is open."""
    for line in run("git", "ls-files", "-z", "--stage").split("\0")[:-1]:
        about, _, path = line.partition("\t")
        mode, name, stage = about.split()
        # The rest are other repositories.
        if stage == "0" and mode in (REGULAR, EXECUTABLE, LINK):
            yield path, mode, name
