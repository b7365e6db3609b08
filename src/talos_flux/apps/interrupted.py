"""What a command that was killed has left behind."""

from talos_flux.repository.transaction import recovered_in_words
from talos_flux.terminal import warn


def take_back_interrupted_changes() -> None:
    """Restore what a killed command had changed, and say so; a command that changes files begins with this."""
    for sentence in recovered_in_words():
        warn(sentence)
