"""The content of a path as git keeps it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """A file as git keeps it: its bytes, and whether it can be run."""

    content: bytes
    executable: bool


@dataclass(frozen=True)
class Link(File):
    """A symbolic link: `content` is where it leads."""
