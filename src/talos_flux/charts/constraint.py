"""Versions of charts: their order, and the versions of Kubernetes that a chart supports."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from semver import Version

LEVELS = ("patch", "minor", "major")
# The prefix of the number in a pin: Helm accepts a "=", many registries write a "v".
EXACT = re.compile(r"(?P<sign>=?\s*)(?P<v>v?)(?P<number>\d+\.\d+\.\d+(?:[-+_][\w.+-]+)?)")


def number_of(text: str) -> Version | None:
    """Return the number of a full version, with or without its v; None for anything else, such as `latest` or `1.2`.

    A tag can't hold a plus: Helm writes an underscore.
    """
    match = EXACT.fullmatch(text)
    try:
        return Version.parse(match["number"].replace("_", "+")) if match else None
    except ValueError:
        return None


def newer(pinned: str, versions: Iterable[str]) -> dict[str, str]:
    """Return the newest patch, minor and major version after the pinned one, each spelled as in `versions`.

    Prereleases count only for a pin that is one. A version that exists with and without v is taken in the pin's
    spelling.
    """
    pin = number_of(pinned)
    if pin is None:
        return {}
    best: dict[str, tuple[Version, bool, str]] = {}
    for text in versions:
        number = number_of(text)
        if number is None or number <= pin or (number.prerelease and not pin.prerelease):
            continue
        candidate = (number, text.startswith("v") == spelled_with_v(pinned), text)
        level = level_of(pin, number)
        if level not in best or candidate[:2] > best[level][:2]:
            best[level] = candidate
    return {level: best[level][2] for level in LEVELS if level in best}


def spelled_with_v(version: str) -> bool:
    """Return whether a version has a v before its number."""
    match = EXACT.fullmatch(version)
    return bool(match and match["v"])


def level_of(old: Version, new: Version) -> str:
    """Return which part of the version differs: patch, minor or major."""
    if old.major != new.major:
        return "major"
    return "minor" if old.minor != new.minor else "patch"


# --- Limits, by the rules of github.com/Masterminds/semver, which Helm uses ---

ALTERNATIVE = re.compile(r"\s*\|\|\s*")
NUMBER = r"v?(?:\d+|[xX*])(?:\.(?:\d+|[xX*])){0,2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
RANGE = re.compile(rf"({NUMBER})\s+-\s+({NUMBER})")
SAME_AS = {"=>": ">=", "=<": "<=", "~>": "~"}
# The number of parts of a full version.
WHOLE = 3
CONDITION = re.compile(rf"(=|!=|>=|=>|<=|=<|>|<|~>|~|\^)?\s*({NUMBER})\s*,?\s*")


class Bound(NamedTuple):
    """The number in a condition; `depth` is how many of its parts are given: 1.2 has two, * none."""

    number: Version
    depth: int


def allows(limit: str, version: str) -> bool:
    """Return whether a version of Kubernetes meets a chart's constraint; ValueError when that can't be parsed."""
    number = Version.parse(version.removeprefix("v"))
    return any(all(_holds(sign, bound, number) for sign, bound in conditions) for conditions in _alternatives(limit))


def _alternatives(limit: str) -> list[list[tuple[str, Bound]]]:
    alternatives = []
    for text in ALTERNATIVE.split(limit.strip()):
        rest = RANGE.sub(r">=\1 <=\2", text.strip()) or "*"
        conditions, at = [], 0
        while at < len(rest):
            if not (match := CONDITION.match(rest, at)):
                raise ValueError(f"{limit} is no range of versions")
            conditions.append((match[1] or "=", _bound(match[2])))
            at = match.end()
        alternatives.append(conditions)
    return alternatives


def _bound(text: str) -> Bound:
    core, _, rest = text.removeprefix("v").partition("-")
    parts = core.partition("+")[0].split(".")
    depth = next((i for i, part in enumerate(parts) if part in "xX*"), len(parts))
    filled = [*parts[:depth], "0", "0", "0"][:3]
    prerelease = rest.partition("+")[0] or None
    major, minor, patch = map(int, filled)
    return Bound(Version(major, minor, patch, prerelease), depth)


def _holds(sign: str, bound: Bound, version: Version) -> bool:
    limit, depth = bound
    if version.prerelease and not limit.prerelease:
        return False
    if depth == 0:
        return sign not in ("!=", ">", "<")
    same = (version.major, version.minor, version.patch)[:depth] == (limit.major, limit.minor, limit.patch)[:depth]
    equal = same if depth < WHOLE else version == limit
    above = limit.bump_major() if depth == 1 else limit.bump_minor()
    return {
        "=": equal,
        "!=": not equal,
        ">": version > limit and not equal,
        ">=": version >= limit,
        "<": version < limit,
        "<=": version < limit or equal,
        "~": limit <= version < above,
        "^": limit <= version < _next_breaking(bound),
    }[SAME_AS.get(sign, sign)]


def _next_breaking(bound: Bound) -> Version:
    """Return the first version that ^ excludes: the next one after the leftmost number that is not 0."""
    number, depth = bound
    if number.major > 0 or depth == 1:
        return number.bump_major()
    return number.bump_minor() if number.minor > 0 or depth == WHOLE - 1 else number.bump_patch()
