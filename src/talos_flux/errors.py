"""The errors that a command reports to its user in one sentence."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

# Characters that steer a terminal. A container may write them into the message that it ends with.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class UserError(Exception):
    """Why a command stops: one sentence that names the value and the rule."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message: a suggestion when a known name is similar, a full stop otherwise."""
    close = closest(name, known)
    return f": did you mean {close}?" if close else "."


def closest(name: str, known: Iterable[str]) -> str:
    """Return the most similar known name, an anagram before others; empty when none is similar."""
    return min(get_close_matches(name, known), key=lambda close: sorted(close) != sorted(name), default="")


def printable(text: str) -> str:
    """Return a text without the characters that steer a terminal; line breaks and tabs stay."""
    return CONTROLS.sub("", text)
