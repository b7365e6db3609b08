"""The cause of a failure in words, with the command that helps."""

import re
from typing import NamedTuple

from talos_flux.kube.accessors import Object, spec_of

LONGEST = 300


class Cause(NamedTuple):
    """The cause of a failure: `text` without a full stop, and `command`, the one that helps."""

    text: str
    command: str


def brief(message: str) -> str:
    """Return a message in one line of limited length, without what only a debugger wants."""
    text = " ".join(message.partition("\n\nLast Helm logs")[0].split())
    text = re.sub(r"^Helm (\w+) failed for release \S+ with chart (\S+): ", r"Helm's \1 of \2 failed: ", text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def folder_of(item: Object) -> str:
    """Return the folder of the repository that a Kustomization applies; empty for other objects."""
    return str(spec_of(item).get("path") or "").removeprefix("./").strip("/")


def check_command(item: Object) -> str:
    """Return the command that finds the mistake in the files of an object's app."""
    folder = "/".join(folder_of(item).split("/")[:4])
    return f"task check -- {folder}" if folder.startswith("kubernetes/apps/") else "task check"
