"""What is to mend in an adopted app: for each finding the lines to write, until no finding has any."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

import yaml

from talos_flux.apps.mending.drafts import with_drafts
from talos_flux.check.rule import Finding, Severity
from talos_flux.check.rules import findings
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from talos_flux.repository import yaml_edits
from talos_flux.repository.yaml_edits import Edit

# A mending can bring another finding, such as a claim that asks its new class for too much. Seldom does that go on.
ROUNDS = 6

# Hints that are mended all the same: a habit of the old home is none of the new one.
OF_NEW_HOMES = {"storage-not-awaited"}


@dataclass(frozen=True)
class Suggestion:
    """What to write: edits of the files' texts, by path, and what there is to know about it, without a full stop."""

    edits: Mapping[str, list[Edit]] = field(default_factory=dict)
    advice: str = ""


@dataclass(frozen=True)
class Hunk:
    """Lines of a file that others take the place of; `line` is the first one's number in the adopted file."""

    path: str
    line: int
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Mending:
    """A finding with the lines that mend it, where no other has them already.

    `spots` are the paths and the lines of its edits in the adopted files; without any, somebody has to decide.
    """

    finding: Finding
    advice: str
    spots: tuple[tuple[str, int], ...] = ()
    hunks: tuple[Hunk, ...] = ()


@dataclass(frozen=True)
class MendingPlan:
    """Every mending, what remains to decide, and the texts of the files after the mendings.

    `left` has the lines of those texts, `left_before` of the adopted files.
    """

    mendings: list[Mending]
    left: list[Mending]
    left_before: list[Mending]
    texts: dict[str, str]


Mender = Callable[[Cluster, Finding], Suggestion | None]
Extra = Callable[[Cluster], Iterable[Finding]]


def planned(draft: Cluster, is_own: Callable[[str], bool], menders: Mapping[str, Mender], extra: Extra) -> MendingPlan:
    """Return what is to mend in the files that are the app's; `extra` finds what no rule of the checks does."""
    first, current = draft, draft
    mendings: dict[tuple[str, str], Mending] = {}
    advice: dict[tuple[str, str], str] = {}
    texts: dict[str, str] = {}
    for _ in range(ROUNDS):
        changes: dict[str, list[Edit]] = {}
        for finding in found(current, extra):
            mender = menders.get(finding.rule.id) if is_own(finding.place.path) else None
            suggestion = mender(current, finding) if mender else None
            if not suggestion:
                continue
            edits, key = suggestion.edits, (finding.rule.id, finding.text)
            advice[key] = suggestion.advice
            is_done = all(edit in changes.get(path, ()) for path in edits for edit in edits[path])
            if not any(edits.values()) or (not is_done and _overlap(current, changes, edits)):
                continue
            before = mendings.get(key, Mending(finding, suggestion.advice))
            # One finding can need a second round, such as that of a component which two Kustomizations take.
            mendings[key] = replace(before, spots=before.spots + _spots(first, current, edits))
            if not is_done:
                for path, given in edits.items():
                    changes.setdefault(path, []).extend(given)
        if not changes:
            break
        after = {path: yaml_edits.edited(current.files[path].text, edits) for path, edits in changes.items()}
        texts |= {path: text for path, text in after.items() if _is_yaml(text)}
        current = with_drafts(current, texts)
    remaining = [finding for finding in found(current, extra) if is_own(finding.place.path)]
    left = [Mending(finding, advice.get((finding.rule.id, finding.text), "")) for finding in remaining]
    left_before = [replace(mending, finding=_finding_before(first, current, mending.finding)) for mending in left]
    return MendingPlan(_with_hunks(list(mendings.values()), first, texts), left, left_before, texts)


def _finding_before(first: Cluster, current: Cluster, finding: Finding) -> Finding:
    path, line = finding.place.path, finding.place.line
    old, new = first.files[path].lines, current.files[path].lines
    return replace(finding, place=Place(path, _line_before(old, new, line - 1) + 1))


def found(cluster: Cluster, extra: Extra) -> list[Finding]:
    """Return the errors and then the warnings, and what else an app has to wait for in its new home."""
    every = [*extra(cluster), *findings(cluster)]
    errors = [finding for finding in every if finding.rule.severity is Severity.ERROR]
    warnings = [
        finding for finding in every if finding.rule.severity is Severity.WARNING or finding.rule.id in OF_NEW_HOMES
    ]
    return [*errors, *warnings]


def _is_yaml(text: str) -> bool:
    try:
        yaml_edits.documents(text)
    except yaml.YAMLError:
        return False
    return True


def _overlap(cluster: Cluster, changes: Mapping[str, list[Edit]], edits: Mapping[str, list[Edit]]) -> bool:
    """Return whether edits touch lines that others of this round touch already."""
    for path, given in edits.items():
        text = cluster.files[path].text
        taken = [_lines(text, edit) for edit in changes.get(path, ())]
        for first, last in (_lines(text, edit) for edit in given):
            if any(first <= other_last and other_first <= last for other_first, other_last in taken):
                return True
    return False


def _lines(text: str, edit: Edit) -> tuple[int, int]:
    start, end, _ = edit
    return text.count("\n", 0, start), text.count("\n", 0, max(start, end - 1))


def _spots(first: Cluster, current: Cluster, edits: Mapping[str, list[Edit]]) -> tuple[tuple[str, int], ...]:
    spots = []
    for path, given in edits.items():
        old, file = first.files[path].lines, current.files[path]
        spots += [(path, _line_before(old, file.lines, _lines(file.text, edit)[0])) for edit in given]
    return tuple(spots)


def _line_before(first: list[str], current: list[str], line: int) -> int:
    """Return where a line stood before earlier mendings, or the one before it that stood somewhere."""
    if first == current:
        return line
    blocks = SequenceMatcher(a=current, b=first, autojunk=False).get_matching_blocks()
    above = [block for block in blocks if block.a <= line and block.size]
    return above[-1].b + min(line - above[-1].a, above[-1].size) if above else 0


def _with_hunks(mendings: list[Mending], first: Cluster, texts: Mapping[str, str]) -> list[Mending]:
    """Return the mendings with every line that differs in the end, each at the one that is nearest.

    Thus all numbers are those of the adopted files, though a mending may follow from another.
    """
    hunks: dict[int, list[Hunk]] = {}
    numbers = range(len(mendings))
    errors_first = sorted(numbers, key=lambda number: mendings[number].finding.rule.severity is not Severity.ERROR)
    for path, text in texts.items():
        for hunk in _hunks(path, first.files[path].lines, text.split("\n")):
            distances = {
                number: min(abs(line - _nearest(line, hunk)) for where, line in mendings[number].spots if where == path)
                for number in errors_first
                if any(where == path for where, _ in mendings[number].spots)
            }
            hunks.setdefault(min(distances, key=lambda number: distances[number]), []).append(hunk)
    return [replace(mending, hunks=tuple(hunks.get(number, ()))) for number, mending in enumerate(mendings)]


def _nearest(line: int, hunk: Hunk) -> int:
    return max(hunk.line - 1, min(line, hunk.line - 1 + max(len(hunk.before) - 1, 0)))


def _hunks(path: str, old: list[str], new: list[str]) -> Iterator[Hunk]:
    for tag, start, end, new_start, new_end in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield Hunk(path, start + 1, tuple(old[start:end]), tuple(new[new_start:new_end]))
