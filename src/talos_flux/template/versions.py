"""The template's versions: which is the newest, their order, and their release notes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import yaml
from packaging.version import InvalidVersion, Version

from talos_flux.errors import UserError
from talos_flux.process import ToolError, run, succeeds
from talos_flux.repository.apps import Loader
from talos_flux.template.fetch import PROTOCOLS, NoSuchVersion, object_of, refuse_a_path_that_leads_nowhere

# The keys of a note's YAML front matter.
FACTS = ("renamed", "removed", "pins")


class TemplateVersion(NamedTuple):
    """A version of the template in a checkout, of which nothing has been read yet."""

    folder: Path
    name: str
    source: str


@dataclass(frozen=True)
class Note:
    """A release note: docs/releases/<version>.md in the template.

    `summary` is its first paragraph. `renamed` maps a question's old name to its new one, `removed` a removed question
    to the reason; `pins` are the least versions that a cluster must have.
    """

    version: str
    number: Version
    path: Path
    title: str
    summary: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    removed: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)


def newest(source: str) -> str:
    """Return the newest release in the template's repository, no pre-release; UserError when it can't be reached."""
    try:
        listed = run("git", "ls-remote", "--tags", "--refs", "--", source, timeout=60, extra=PROTOCOLS)
    except ToolError as failed:
        refuse_a_path_that_leads_nowhere(source)
        raise UserError(
            f"the template {source} can't be reached: {failed.reason}. --to names a version that was fetched before."
        ) from None
    tags = re.findall(r"refs/tags/(\S+)$", listed, re.MULTILINE)
    versions = {number: tag for tag in tags if (number := number_of(tag)) and not number.is_prerelease}
    if not versions:
        raise UserError(f"the template {source} has no released version.")
    return versions[max(versions)]


def number_of(version: str) -> Version | None:
    """Return the number of a version; None for a commit that follows no version."""
    if not re.match(r"v?\d+\.", version):
        return None
    try:
        # `git describe` counts the commits after a version: that becomes a post-release.
        return Version(re.sub(r"-(\d+)-g[0-9a-f]+$", r".post\1", version))
    except InvalidVersion:
        return None


def precedes(version: str, other: str) -> bool:
    """Return whether a chart's or image's version is older than another; when that is unknown, whether they differ."""
    number, other_number = number_of(version), number_of(other)
    return number < other_number if number and other_number else version != other


def is_older(version: str, other: str, template: Path) -> bool:
    """Return whether a version is older than another: by number, or when one has none, by the template's history."""
    number, other_number = number_of(version), number_of(other)
    if number and other_number:
        return number < other_number
    try:
        names = [
            run("git", "-C", template, "rev-parse", f"{object_of(template, it)}^{{commit}}") for it in (version, other)
        ]
    except (NoSuchVersion, ToolError):
        return False
    first, second = (name.strip() for name in names)
    return first != second and succeeds("git", "-C", template, "merge-base", "--is-ancestor", first, second)


def notes(template: Path, after: Iterable[str], until: str) -> list[Note]:
    """Return the notes of the releases after the oldest of these versions, oldest first."""
    first = min(filter(None, map(number_of, after)), default=None)
    last = number_of(until)
    paths = (template / "docs/releases").glob("*.md")
    numbers = {number: path for path in paths if (number := number_of(path.stem))}
    return [
        _note(number, path)
        for number, path in sorted(numbers.items())
        if first and number > first and not (last and number > last)
    ]


def _note(number: Version, path: Path) -> Note:
    """Return a release's note; UserError when its front matter can't be read."""
    match = re.match(r"(?:---\n(.*?)^---\n)?\s*# ([^\n]+)\n(.*)", path.read_text(), re.DOTALL | re.MULTILINE)
    try:
        head, title, text = match.groups()  # type: ignore[union-attr]
        facts = yaml.load(head or "{}", Loader)  # noqa: S506, a safe loader
        known = {name: {str(key): str(value) for key, value in (facts.get(name) or {}).items()} for name in FACTS}
    except (yaml.YAMLError, AttributeError):
        raise UserError(f"{path} can't be read as the note of a release.") from None
    return Note(path.stem, number, path, title, " ".join(text.strip().split("\n\n")[0].split()), **known)
