"""The template's versions: which is the newest, which came before which, and what each one says about itself."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from lib.process import ToolFailed, run, succeeds
from lib.refusal import Refusal
from lib.template import object_of


@dataclass(frozen=True)
class Note:
    """What a release says about itself: its title, its first paragraph, and where the rest stands."""

    version: str
    title: str
    summary: str
    path: Path


def newest(source: str) -> str:
    """The newest version that the template's repository has, no pre-release; Refusal when it can't be asked."""
    try:
        listed = run("git", "ls-remote", "--tags", "--refs", "--", source, timeout=60)
    except ToolFailed as failed:
        raise Refusal(
            f"the template {source} can't be reached: {' '.join(failed.said.split()).removesuffix('.')}. "
            "--to names a version that was fetched before."
        ) from None
    tags = re.findall(r"refs/tags/(\S+)$", listed, re.MULTILINE)
    versions = {number: tag for tag in tags if (number := number_of(tag)) and not number.is_prerelease}
    if not versions:
        raise Refusal(f"the template {source} has no released version.")
    return versions[max(versions)]


def number_of(version: str) -> Version | None:
    """The number of a version; none for a commit that no version leads to."""
    if not re.match(r"v?\d+\.", version):
        return None
    try:
        # What git describes is so many commits after that version.
        return Version(re.sub(r"-(\d+)-g[0-9a-f]+$", r".post\1", version))
    except InvalidVersion:
        return None


def is_older(version: str, other: str, template: Path) -> bool:
    """Whether a version came before another: by their numbers, and where one has none, by the template's history."""
    one, two = number_of(version), number_of(other)
    if one and two:
        return one < two
    try:
        names = [
            run("git", "-C", template, "rev-parse", f"{object_of(template, it)}^{{commit}}") for it in (version, other)
        ]
    except ToolFailed:
        return False
    first, second = (name.strip() for name in names)
    return first != second and succeeds("git", "-C", template, "merge-base", "--is-ancestor", first, second)


def notes(template: Path, after: Iterable[str], until: str) -> list[Note]:
    """What the releases after the oldest of these versions say, oldest first, where they say anything."""
    first = min(filter(None, map(number_of, after)), default=None)
    last = number_of(until)
    found = {}
    for path in (template / "docs/releases").glob("*.md"):
        number = number_of(path.stem)
        if number and first and number > first and not (last and number > last):
            title, _, rest = path.read_text().strip().partition("\n")
            summary = " ".join(rest.strip().split("\n\n")[0].split())
            found[number] = Note(path.stem, title.lstrip("# "), summary, path)
    return [found[number] for number in sorted(found)]
