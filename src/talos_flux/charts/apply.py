"""Write a newer version into the line that pins it, and change nothing else."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from talos_flux.charts.constraint import EXACT, number_of, spelled_with_v
from talos_flux.charts.pins import Pin
from talos_flux.charts.updates import Result, Update, up_to
from talos_flux.errors import UserError
from talos_flux.manifests.objects import Place
from talos_flux.repository.transaction import FileTransaction

# Charts that are released together, and only work with the same version of each other.
TOGETHER = ({"flux-operator", "flux-instance"},)


@dataclass(frozen=True)
class Edit:
    """A line, before and after."""

    pin: Pin
    update: Update
    place: Place
    old: str
    new: str

    def __str__(self) -> str:
        users = ", ".join(self.pin.users)
        return f"{self.place.path}:{self.place.line}: {self.old} → {self.new} ({users})"


@dataclass(frozen=True)
class Skipped:
    """A version that is not applied, and why."""

    pin: Pin
    update: Update
    why: str

    def __str__(self) -> str:
        return f"{self.pin.chart} {self.update.version} is left out: {self.why}."


def chosen(results: list[Result], level: str, named: set[str]) -> tuple[list[Edit], list[Skipped]]:
    """Return the edits up to a level, and the versions that are skipped.

    Versions that need care are taken only for named releases.
    """
    edits: list[Edit] = []
    skipped: list[Skipped] = []
    for result in results:
        by_level = {update.level: update for update in result.updates}
        for update in filter(None, map(by_level.get, up_to(level))):
            if why := _reason_against(update, named):
                skipped.append(Skipped(result.pin, update, why))
            else:
                old = result.pin.version
                edits.append(Edit(result.pin, update, result.pin.place, old, written(old, update.version, result.pin)))
                break
    for names in TOGETHER:
        pair = [edit for edit in edits if edit.pin.chart in names]
        known = {result.pin.chart for result in results} & names
        if pair and (len(pair) < len(known) or len({number_of(edit.new) for edit in pair}) > 1):
            for edit in pair:
                edits.remove(edit)
                skipped.append(Skipped(edit.pin, edit.update, f"{' and '.join(sorted(names))} change together"))
    return edits, skipped


def _reason_against(update: Update, named: set[str]) -> str:
    if update.unknown:
        return "it could not be compared"
    if update.needs_care and not update.needing_care <= named:
        return "it needs care"
    return ""


def written(old: str, new: str, pin: Pin) -> str:
    """Return a version in the pin's spelling. An OCI tag is kept as it is, since another spelling is another tag."""
    if pin.source and pin.source.is_oci and pin.keys[-1] == "tag":
        return new
    sign = match["sign"] if (match := EXACT.fullmatch(old)) else ""
    return f"{sign}{'v' if spelled_with_v(old) else ''}{new.removeprefix('v')}"


def edited(root: Path, edits: list[Edit]) -> dict[Path, tuple[str, str]]:
    """Return the files' texts before and after the edits; UserError when a line has changed since it was read."""
    contents: dict[Path, tuple[str, str]] = {}
    for edit in edits:
        path = root / edit.place.path
        before, text = contents.get(path, (None, None))
        if before is None or text is None:
            before = text = path.read_bytes().decode()
        contents[path] = before, _replaced(edit, text)
    return contents


def write(root: Path, edits: list[Edit]) -> None:
    """Write all edits or none; raise UserError when a file changes meanwhile."""
    with FileTransaction() as change:
        for path, (before, after) in edited(root, edits).items():
            if path.read_bytes().decode() != before:
                raise UserError(f"{path.relative_to(root)} changes while it is written: nothing was changed.")
            change.write(path, after)


def not_written(results: Iterable[Result], edits: Iterable[Edit]) -> Iterator[Update]:
    """Yield the updates that are newer than what the edits write."""
    taken = {id(edit.pin): edit.update for edit in edits}
    for result in results:
        update = taken.get(id(result.pin))
        yield from result.updates[result.updates.index(update) + 1 :] if update else result.updates


def diff(root: Path, edit: Edit) -> list[str]:
    """Return the edit as lines of a unified diff; none when the file has changed since it was read."""
    path = edit.place.path
    try:
        before = (root / path).read_bytes().decode()
        after = _replaced(edit, before)
    except (UserError, OSError, UnicodeDecodeError):
        return []
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, n=1, lineterm="")
    return list(lines)


def _replaced(edit: Edit, text: str) -> str:
    for node in _values(edit, text):
        start, end = node.start_mark.index, node.end_mark.index
        # An anchor before the value can have the same text.
        head, match, tail = text[start:end].rpartition(edit.old)
        if match and node.value == edit.old:
            return text[:start] + head + edit.new + tail + text[end:]
    raise UserError(f"{edit.place.path}:{edit.place.line} is not {edit.old} any more: nothing was changed.")


def _values(edit: Edit, text: str) -> Iterator[yaml.Node]:
    """Yield the values in the pin's line that are at its keys."""
    try:
        documents = list(yaml.compose_all(text, yaml.SafeLoader))
    except yaml.YAMLError:
        return
    for document in documents:
        # The objects of a List are in its items.
        nodes = [document, *(item for name, items in _pairs(document) if name == "items" for item in items.value)]
        for key in edit.pin.keys:
            nodes = [value for node in nodes for name, value in _pairs(node) if name == key]
        yield from (node for node in nodes if node.start_mark.line + 1 == edit.place.line)


def _pairs(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    """Yield the keys of a mapping with their value nodes; nothing for any other node."""
    for name, value in node.value if isinstance(node, yaml.MappingNode) else []:
        yield name.value, value
