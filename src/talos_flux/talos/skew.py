"""Which versions of Talos and Kubernetes may follow on each other, and which go together."""

import re
from typing import NamedTuple

from talos_flux.errors import UserError

# Talos 1.14 runs Kubernetes 1.32 to 1.37, and so it goes on: pkg/machinery/compatibility in siderolabs/talos.
OLDEST, NEWEST = 18, 23


class VersionNumber(NamedTuple):
    """A version. `more` is empty but for a pre-release, which comes before its release."""

    major: int
    minor: int
    patch: int
    more: str = ""

    @classmethod
    def read(cls, text: str) -> "VersionNumber":
        """Parse a version such as v1.14.1; UserError for anything else."""
        match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:-(.+))?", text)
        if not match:
            raise UserError(f"{text or 'nothing'} is no version such as v1.14.1.")
        return cls(int(match[1]), int(match[2]), int(match[3]), match[4] or "")

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}{f'-{self.more}' if self.more else ''}"


def refuse_a_jump(name: str, runs: str, wanted: str) -> None:
    """Raise UserError unless a version may follow on another: the same minor version, or the next one."""
    old, new = VersionNumber.read(runs), VersionNumber.read(wanted)
    if (new.major, new.minor) < (old.major, old.minor):
        raise UserError(
            f"{name} is {old}, and talos/versions.yaml says {new}: its state can't go back to an older minor version."
        )
    if new.major != old.major or new.minor > old.minor + 1:
        between = f"v{old.major}.{old.minor + 1}"
        raise UserError(
            f"{name} is {old}, and talos/versions.yaml says {new}: upgrade to the newest {between} first, "
            "since each minor version is only made to follow the one before."
        )


def refuse_unless_together(talos: str, kubernetes: str) -> None:
    """Raise UserError unless a version of Talos supports one of Kubernetes."""
    system, kube = VersionNumber.read(talos), VersionNumber.read(kubernetes)
    oldest, newest = system.minor + OLDEST, system.minor + NEWEST
    if not oldest <= kube.minor <= newest:
        raise UserError(
            f"Talos {system} runs Kubernetes v1.{oldest} to v1.{newest}, not {kube}: "
            "upgrade the other one of the two first."
        )
