"""The template's versions: which is the newest, which came before which, and what each one says about itself."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from packaging.version import InvalidVersion, Version

from lib.apps import Loader
from lib.process import ToolFailed, run, succeeds
from lib.refusal import Refusal
from lib.template import NoSuchVersion, object_of

# What a note can tell programs, in its YAML front matter.
FACTS = ("renamed", "removed", "pins")


@dataclass(frozen=True)
class Note:
    """What a release says about itself: docs/releases/<version>.md in the template.

    `summary` is its first paragraph. `renamed` leads from a question's old name to its new one, `removed` from a
    question that is gone to the reason; `pins` are versions that no cluster may stay behind.
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


def precedes(version: str, other: str) -> bool:
    """Whether a chart's or image's version is older than another; where that can't be told, whether it differs."""
    one, two = number_of(version), number_of(other)
    return one < two if one and two else version != other


def is_older(version: str, other: str, template: Path) -> bool:
    """Whether a version came before another: by their numbers, and where one has none, by the template's history."""
    one, two = number_of(version), number_of(other)
    if one and two:
        return one < two
    try:
        names = [
            run("git", "-C", template, "rev-parse", f"{object_of(template, it)}^{{commit}}") for it in (version, other)
        ]
    except (NoSuchVersion, ToolFailed):
        return False
    first, second = (name.strip() for name in names)
    return first != second and succeeds("git", "-C", template, "merge-base", "--is-ancestor", first, second)


def notes(template: Path, after: Iterable[str], until: str) -> list[Note]:
    """What the releases after the oldest of these versions say, oldest first, where they say anything."""
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
    """A release's own words; Refusal when what stands between the lines of dashes is not what a note can say."""
    said = re.match(r"(?:---\n(.*?)^---\n)?\s*# ([^\n]+)\n(.*)", path.read_text(), re.DOTALL | re.MULTILINE)
    try:
        head, title, text = said.groups()  # type: ignore[union-attr]
        facts = yaml.load(head or "{}", Loader)  # noqa: S506, a safe loader
        known = {name: {str(key): str(value) for key, value in (facts.get(name) or {}).items()} for name in FACTS}
    except (yaml.YAMLError, AttributeError):
        raise Refusal(f"{path} can't be read as the note of a release.") from None
    return Note(path.stem, number, path, title, " ".join(text.strip().split("\n\n")[0].split()), **known)
