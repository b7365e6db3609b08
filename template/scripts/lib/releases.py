"""Which versions of Talos and Kubernetes follow on each other, and which go together."""

import re
from typing import NamedTuple

from lib.refusal import Refusal

# Talos 1.14 runs Kubernetes 1.32 to 1.37, and so it goes on: pkg/machinery/compatibility in siderolabs/talos.
OLDEST, NEWEST = 18, 23


class Release(NamedTuple):
    """A version. `more` is empty but for a pre-release, which comes before its release."""

    major: int
    minor: int
    patch: int
    more: str = ""

    @classmethod
    def read(cls, text: str) -> "Release":
        """v1.14.1; Refusal for anything else."""
        found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:-(.+))?", text)
        if not found:
            raise Refusal(f"{text or 'nothing'} is no version such as v1.14.1.")
        return cls(int(found[1]), int(found[2]), int(found[3]), found[4] or "")

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}{f'-{self.more}' if self.more else ''}"


def refuse_a_jump(what: str, runs: str, wanted: str) -> None:
    """Refusal unless a version may follow on another: the same minor version, or the next one."""
    old, new = Release.read(runs), Release.read(wanted)
    if (new.major, new.minor) < (old.major, old.minor):
        raise Refusal(
            f"{what} is {old}, and talos/versions.yaml says {new}: its state can't go back to an older minor version."
        )
    if new.major != old.major or new.minor > old.minor + 1:
        between = f"v{old.major}.{old.minor + 1}"
        raise Refusal(
            f"{what} is {old}, and talos/versions.yaml says {new}: upgrade to the newest {between} first, "
            "since each minor version is only made to follow the one before."
        )


def refuse_unless_together(talos: str, kubernetes: str) -> None:
    """Refusal unless a version of Talos supports one of Kubernetes."""
    system, kube = Release.read(talos), Release.read(kubernetes)
    oldest, newest = system.minor + OLDEST, system.minor + NEWEST
    if not oldest <= kube.minor <= newest:
        raise Refusal(
            f"Talos {system} runs Kubernetes v1.{oldest} to v1.{newest}, not {kube}: "
            "upgrade the other one of the two first."
        )
