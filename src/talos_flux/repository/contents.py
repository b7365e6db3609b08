"""The content of a path as git keeps it."""

import re
from dataclasses import dataclass

# The folder .git, and what Windows and macOS take for it: verify_path in git's read-cache.c.
_GITS_OWN = re.compile(r"(?:\.git|git~[0-9]+)[ .]*(?::.*)?", re.IGNORECASE)
# transaction.PREFIX and SUFFIX, and worktree.DRAFTS: what is noted there would be done to any path.
_THE_TOOLS_OWN = re.compile(r"\.(?:talos-flux-.*|copier-update)\.unfinished", re.IGNORECASE | re.DOTALL)
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def is_gits_own(name: str) -> bool:
    """Return whether a part of a path is git's own folder, in any spelling that a file system takes for it."""
    return _GITS_OWN.fullmatch(_IGNORED_BY_HFS.sub("", name)) is not None


def is_the_tools_own(name: str) -> bool:
    """Return whether a part of a path is where a command keeps what it takes back after a kill."""
    return _THE_TOOLS_OWN.fullmatch(name) is not None


@dataclass(frozen=True)
class File:
    """A file as git keeps it: its bytes, and whether it can be run."""

    content: bytes
    executable: bool


@dataclass(frozen=True)
class Link(File):
    """A symbolic link: `content` is where it leads."""
