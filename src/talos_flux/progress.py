"""What a command does next, in words, for those parts that run without rich."""

import sys

from talos_flux.errors import printable

_streams = ["stdout"]


def to_stderr() -> None:
    """Write to stderr from now on."""
    _streams[0] = "stderr"


def say(text: str) -> None:
    """Print what happens next."""
    print(f"→ {printable(text)}", file=getattr(sys, _streams[0]), flush=True)
