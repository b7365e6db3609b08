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


def misspelt(name: str, known: Iterable[str]) -> str:
    """Return the one name that somebody meant who typed another: at most two letters apart, or of another case.

    Newer versions have new names, which are like older ones, and longer: similar is not enough.
    """
    names, lower = list(known), name.lower()
    within = 1 if len(name) < 6 else 2
    near = [one for one in names if one.lower() == lower] or [
        one for one in names if abs(len(one) - len(name)) <= within and _distance(lower, one.lower(), within) <= within
    ]
    return min(near, key=lambda one: (_distance(name, one, len(name)), one), default="")


def _distance(one: str, other: str, most: int) -> int:
    """Return how many letters have to be put in, left out, changed or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        now = [number]
        for column, wanted in enumerate(other, 1):
            cost = min(row[column] + 1, now[-1] + 1, row[column - 1] + (letter != wanted))
            if number > 1 and column > 1 and letter == other[column - 2] and one[number - 2] == wanted:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        if min(now) > most:
            return most + 1
        before, row = row, now
    return row[-1]


def printable(text: str) -> str:
    """Return a text without the characters that steer a terminal; line breaks and tabs stay."""
    return CONTROLS.sub("", text)
