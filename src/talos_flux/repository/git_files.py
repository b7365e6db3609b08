"""Files as git keeps them, symbolic links among them."""

from collections.abc import Container, Iterable, Iterator
from functools import cache
from typing import Any

import pygit2

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.process import ToolError, run
from talos_flux.repository.contents import File, Link

REGULAR, EXECUTABLE, LINK = "100644", "100755", "120000"
NO_FILTER = ("unspecified", "unset")


def file_of(mode: str, content: bytes) -> File:
    """Return the content of a path, by git's mode."""
    return Link(content, executable=False) if mode == LINK else File(content, executable=mode == EXECUTABLE)


def mode_of(file: File) -> str:
    """Return git's mode of a file."""
    if isinstance(file, Link):
        return LINK
    return EXECUTABLE if file.executable else REGULAR


@cache
def repository() -> Any:
    """Return this repository."""
    return pygit2.Repository(str(ROOT))


def refuse_anything_but_a_repository() -> None:
    """Raise UserError where git can't read this folder, or knows it as a part of something larger."""
    try:
        above = run("git", "rev-parse", "--show-prefix").strip()
    except ToolError as failed:
        raise UserError(f"git can't read this repository: {failed.reason}.") from None
    if above:
        raise UserError(f"the cluster is in {above} of a larger git repository, and can only be updated in its own.")


def filtered(paths: Iterable[str]) -> frozenset[str]:
    """Return the paths whose content a filter of .gitattributes changes, such as git-crypt's or git-lfs'.

    What git keeps of them is not what is in the work tree.
    """
    listed = run("git", "check-attr", "-z", "--stdin", "filter", stdin="".join(f"{path}\0" for path in paths))
    fields = iter(listed.split("\0")[:-1])
    return frozenset(path for path, _, value in zip(fields, fields, fields, strict=True) if value not in NO_FILTER)


def content_of(name: str, path: str, through: Container[str]) -> bytes:
    """Return the content that a blob has in the work tree at a path; `through` are the paths with a filter."""
    if path not in through:
        return bytes(repository()[name].data)
    return run("git", "cat-file", "--filters", f"--path={path}", name).encode(errors="surrogateescape")


def blob_of(content: bytes, path: str, through: Container[str]) -> str:
    """Keep the content that a path has in the work tree as git does, and return the blob's name."""
    if path not in through:
        return str(repository().create_blob(content))
    text = content.decode(errors="surrogateescape")
    return run("git", "hash-object", "-w", "--stdin", f"--path={path}", stdin=text).strip()


def index_entries() -> Iterator[tuple[str, str]]:
    """Yield the path of every entry of git's index, with its `mode blob stage`."""
    for line in run("git", "ls-files", "-z", "--stage").split("\0")[:-1]:
        entry, _, path = line.partition("\t")
        yield path, entry


def tracked() -> Iterator[tuple[str, str, str]]:
    """Yield the path, mode and name of every file that git has, without those in which a conflict is open."""
    for path, entry in index_entries():
        mode, name, stage = entry.split()
        # Other modes are submodules.
        if stage == "0" and mode in (REGULAR, EXECUTABLE, LINK):
            yield path, mode, name
