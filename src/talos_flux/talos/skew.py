"""Which versions of Talos and Kubernetes may follow on each other, and which go together."""

from semver import Version

from talos_flux.errors import UserError

# Talos 1.n runs Kubernetes 1.(n + OLDEST) to 1.(n + NEWEST): pkg/machinery/compatibility in siderolabs/talos.
OLDEST, NEWEST = 18, 23


def number_of(text: str) -> Version:
    """Return the number of a version such as v1.14.1; UserError for anything else."""
    try:
        return Version.parse(text.removeprefix("v"))
    except ValueError:
        raise UserError(f"{text or 'nothing'} is no version such as v1.14.1.") from None


def refuse_a_jump(name: str, runs: str, wanted: str) -> None:
    """Raise UserError unless a version may follow on another: the same minor version, or the next one."""
    old, new = number_of(runs), number_of(wanted)
    if (new.major, new.minor) < (old.major, old.minor):
        raise UserError(
            f"{name} is v{old}, and talos/versions.yaml says v{new}: its state can't go back to an older minor version."
        )
    if new.major != old.major or new.minor > old.minor + 1:
        between = f"v{old.major}.{old.minor + 1}"
        raise UserError(
            f"{name} is v{old}, and talos/versions.yaml says v{new}: upgrade to the newest {between} first, "
            "since each minor version is only made to follow the one before."
        )


def refuse_unless_together(talos: str, kubernetes: str) -> None:
    """Raise UserError unless a version of Talos supports one of Kubernetes."""
    system, kube = number_of(talos), number_of(kubernetes)
    oldest, newest = system.minor + OLDEST, system.minor + NEWEST
    if not oldest <= kube.minor <= newest:
        raise UserError(
            f"Talos v{system} runs Kubernetes v1.{oldest} to v1.{newest}, not v{kube}: "
            "upgrade the other one of the two first."
        )
