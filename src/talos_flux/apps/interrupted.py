"""What a command that was killed has left behind."""

from talos_flux.repository.transaction import recover
from talos_flux.terminal import warn


def take_back_interrupted_changes() -> None:
    """Restore what a killed command had changed, and say so; a command that changes files begins with this."""
    kept = recover()
    if kept is None:
        return
    warn("a command was interrupted: what it had changed is as it was before.")
    for path in kept:
        warn(f"{path} stays as it is: something else has been written since.")
