"""What a name that nobody knows was meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a refusal's sentence: a question where a known name is close, above all one of the same letters."""
    likely = min(get_close_matches(name, known), key=lambda close: sorted(close) != sorted(name), default="")
    return f": did you mean {likely}?" if likely else "."
