"""Writing a newer version into the one line where it stands, and nothing else."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from lib.chart_updates.pins import Pin
from lib.chart_updates.updates import Result, Update, up_to
from lib.chart_updates.versions import EXACT, number_of, spelled_with_v
from lib.checks.objects import Place
from lib.refusal import Refusal

# Their authors release them together, and one does not work with another version of the other.
TOGETHER = ({"flux-operator", "flux-instance"},)


@dataclass(frozen=True)
class Edit:
    """A line that becomes another one."""

    pin: Pin
    update: Update
    place: Place
    old: str
    new: str

    def __str__(self) -> str:
        users = ", ".join(self.pin.users)
        return f"{self.place.path}:{self.place.line}: {self.old} → {self.new} ({users})"


@dataclass(frozen=True)
class Left:
    """A version that is not applied, and why."""

    pin: Pin
    update: Update
    why: str

    def __str__(self) -> str:
        return f"{self.pin.chart} {self.update.version} is left out: {self.why}."


def chosen(results: list[Result], level: str, named: set[str]) -> tuple[list[Edit], list[Left]]:
    """What to write, up to a level, and what is left out. What needs care is taken only for releases that are named."""
    edits: list[Edit] = []
    left: list[Left] = []
    for result in results:
        by_level = {update.level: update for update in result.updates}
        for update in filter(None, map(by_level.get, up_to(level))):
            if why := _against(update, named):
                left.append(Left(result.pin, update, why))
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
                left.append(Left(edit.pin, edit.update, f"{' and '.join(sorted(names))} change together"))
    return edits, left


def _against(update: Update, named: set[str]) -> str:
    if update.unknown:
        return "it could not be compared"
    if update.needs_care and not update.in_need <= named:
        return "it needs care"
    return ""


def written(old: str, new: str, pin: Pin) -> str:
    """A version as the pin spells it. A registry's tag is taken as it is: another spelling is another tag."""
    if pin.source and pin.source.is_oci and pin.keys[-1] == "tag":
        return new
    sign = match["sign"] if (match := EXACT.fullmatch(old)) else ""
    return f"{sign}{'v' if spelled_with_v(old) else ''}{new.removeprefix('v')}"


def edited(root: Path, edits: list[Edit]) -> dict[Path, tuple[str, str]]:
    """The files before and after; Refusal when a line is no longer what it was when it was read."""
    found: dict[Path, tuple[str, str]] = {}
    for edit in edits:
        path = root / edit.place.path
        before, text = found.get(path, (None, None))
        if before is None or text is None:
            before = text = path.read_bytes().decode()
        found[path] = before, _replaced(edit, text)
    return found


def diff(root: Path, edit: Edit) -> list[str]:
    """The edit as lines of a unified diff; none when the file has changed meanwhile."""
    path = edit.place.path
    try:
        before = (root / path).read_bytes().decode()
        after = _replaced(edit, before)
    except (Refusal, OSError, UnicodeDecodeError):
        return []
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, n=1, lineterm="")
    return list(lines)


def _replaced(edit: Edit, text: str) -> str:
    for node in _values(edit, text):
        start, end = node.start_mark.index, node.end_mark.index
        # An anchor can stand before the value, and be called the same.
        head, found, tail = text[start:end].rpartition(edit.old)
        if found and node.value == edit.old:
            return text[:start] + head + edit.new + tail + text[end:]
    raise Refusal(f"{edit.place.path}:{edit.place.line} is not {edit.old} any more: nothing was changed.")


def _values(edit: Edit, text: str) -> Iterator[yaml.Node]:
    """The values in the pin's line behind its keys."""
    try:
        documents = list(yaml.compose_all(text, yaml.SafeLoader))
    except yaml.YAMLError:
        return
    for document in documents:
        # A List has its objects inside.
        found = [document, *(one for name, items in _pairs(document) if name == "items" for one in items.value)]
        for key in edit.pin.keys:
            found = [value for node in found for name, value in _pairs(node) if name == key]
        yield from (node for node in found if node.start_mark.line + 1 == edit.place.line)


def _pairs(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    """The keys of a mapping with their nodes; none when it is none."""
    for name, value in node.value if isinstance(node, yaml.MappingNode) else []:
        yield name.value, value
