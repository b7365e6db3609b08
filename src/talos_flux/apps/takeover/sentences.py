"""A comparison in sentences, under headings, the worst first."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from talos_flux.apps.takeover.comparison import (
    RUNNING,
    Comparison,
    Deleted,
    Moved,
    ObjectId,
    ReplacedChart,
    Root,
    rank_of,
    unreadable,
)
from talos_flux.manifests.flux_tree import Kustomization

SHOWN = 6
# Ranks that are grouped into lines: what Flux needed before, and what holds no data.
ONCE_NEEDED = 1
SMALL = (5, 6)
CHARTS = {
    "another chart": "which is another chart, so it can't be an upgrade",
    "back": "which is older",
    "too far": "which leaves out a minor version: go there one by one",
}


def sections(comparison: Comparison) -> Iterator[tuple[str, list[str]]]:
    """Yield the headings that have lines, with their lines."""
    every = [
        ("To do in the old repository first", list(_unprepared(comparison.unprepared))),
        ("Roots that are gone", [_root(root) for root in comparison.roots]),
        ("Deleted", list(_deleted(comparison.deleted))),
        ("May be deleted on the way", [_passed_on(*entry) for entry in comparison.passed_on]),
        ("Moved to another namespace", [_moved(entry) for entry in comparison.moved]),
        ("Charts", [_chart(entry) for entry in comparison.charts]),
        ("Left, and applied by nobody", [*_going_on(comparison.going_on), *_left(comparison)]),
        ("Not compared", list(_not_compared(comparison))),
    ]
    yield from ((heading, lines) for heading, lines in every if lines)


def is_lossless(comparison: Comparison) -> bool:
    """Return whether nothing is deleted, moved, or removed with its root."""
    return not (comparison.roots or comparison.deleted or comparison.moved or comparison.passed_on)


def summary(comparison: Comparison) -> str:
    """Return a summary in numbers."""
    roots, left = len(comparison.roots), sum(map(len, comparison.left.values()))
    parts = [
        f"{roots} {'root is' if roots == 1 else 'roots are'} gone" if roots else "",
        f"{_objects(len(comparison.lost))} deleted",
        f"{_objects(len(comparison.moved))} moved" if comparison.moved else "",
        f"{_objects(left)} left",
        f"{_objects(len(comparison.taken))} taken over",
    ]
    return f"{', '.join(filter(None, parts))}."


def _objects(count: int) -> str:
    return f"{count or 'no'} {'object is' if count == 1 else 'objects are'}"


def counted(keys: Iterable[ObjectId]) -> str:
    """Return the kinds with their counts, those with data first."""
    kinds = Counter(key.kind for key in sorted(keys, key=lambda key: (_weight(key), key.kind)))
    return ", ".join(kind if count == 1 else f"{count} {plural(kind)}" for kind, count in kinds.items())


def _weight(key: ObjectId) -> int:
    first = ("Namespace", "HelmRelease", "PersistentVolumeClaim", "StatefulSet", "Cluster", "Secret")
    return first.index(key.kind) if key.kind in first else len(first)


def plural(kind: str) -> str:
    """Return the plural of a kind."""
    if kind.endswith(("s", "x", "ch")):
        return f"{kind}es"
    return f"{kind[:-1]}ies" if kind.endswith("y") and kind[-2] not in "aeiou" else f"{kind}s"


def _some(names: list[str]) -> str:
    return ", ".join(names if len(names) <= SHOWN else [*names[:SHOWN], f"and {len(names) - SHOWN} more"])


def _name(kustomization: Kustomization) -> str:
    return "/".join(kustomization.key)


def _unprepared(kustomizations: list[Kustomization]) -> Iterator[str]:
    if kustomizations:
        many = f"{len(kustomizations)} Kustomizations go" if len(kustomizations) > 1 else "1 Kustomization goes"
        say = "do not say" if len(kustomizations) > 1 else "does not say"
        yield (
            f"{many} and {say} deletionPolicy: Orphan: "
            f"{_some([_name(kustomization) for kustomization in kustomizations])}. "
            "Push that before anything else, or Flux deletes what was applied so. What follows takes it as done."
        )


def _root(root: Root) -> str:
    kustomization = root.kustomization
    policy = kustomization.spec.get("deletionPolicy")
    policy_text = (
        f"deletionPolicy: {policy}"
        if policy
        else f"prune: {str(kustomization.spec.get('prune')).lower()}, no deletionPolicy"
    )
    if kustomization.spec.get("suspend") is True:
        policy_text = "suspend: true"
    objects = counted(root.applied)
    if root.children:
        objects = ", ".join(filter(None, [objects, _kustomizations(root.children)]))
    begin = f"Kustomization {_name(kustomization)} ({kustomization.item.file.path}) says {policy_text}"
    if not root.is_here:
        kind, name = kustomization.source
        objects = f"all that it applied from {kind} {name}, which these files do not tell"
    elif not objects:
        return f"{begin}. It applied nothing."
    if not root.deletes:
        return f"{begin}: when it goes, what it applied stays: {objects}."
    again = f" {_objects(len(root.again))} in this repository too, and made anew, empty." if root.again else ""
    return (
        f"{begin}: when it goes, Flux deletes {objects}.{again} "
        "Bring its file along, or give it deletionPolicy: Orphan in the old repository and push that first."
    )


def _kustomizations(kustomizations: list[Kustomization]) -> str:
    names = _some([_name(kustomization) for kustomization in kustomizations])
    return f"{len(kustomizations)} Kustomizations ({names})" if len(kustomizations) > 1 else f"Kustomization {names}"


def _deleted(deletions: list[Deleted]) -> Iterator[str]:
    """Yield a line for each of the worst, and one for several of a name in many namespaces, or of a kind in one."""
    for rank, group in groupby(deletions, key=rank_of):
        if rank in (ONCE_NEEDED, *SMALL):
            yield from _small(list(group))
        else:
            for deletion in group:
                need = f": {deletion.needed}" if deletion.needed else _more(deletion)
                yield f"{deletion.key}{_by([deletion])}{need}."


def _small(deletions: list[Deleted]) -> Iterator[str]:
    rest = []
    for same in _grouped(
        deletions,
        lambda deletion: (
            deletion.key.kind,
            deletion.key.group,
            deletion.key.name,
            deletion.by.kustomization.key,
            deletion.needed,
        ),
    ):
        if len(same) > 1:
            namespaces = ", ".join(deletion.key.namespace for deletion in same)
            need = f": {same[0].needed}" if same[0].needed else ""
            yield f"{same[0].key.kind} {same[0].key.name} in {namespaces}{_by(same)}{need}."
        else:
            rest += same
    for same in _grouped(
        rest,
        lambda deletion: (
            deletion.key.kind,
            deletion.key.group,
            deletion.key.namespace,
            deletion.by.kustomization.key,
            deletion.needed,
        ),
    ):
        key = same[0].key
        where = f" in {key.namespace}" if key.namespace else ""
        names = ", ".join(deletion.key.name for deletion in same)
        subject = f"{len(same)} {plural(key.kind)}{where}: {names}" if len(same) > 1 else str(key)
        need = f": {same[0].needed}" if same[0].needed else ""
        yield f"{subject}{_by(same)}{need}."


def _grouped(deletions: list[Deleted], by: Callable[[Deleted], object]) -> list[list[Deleted]]:
    groups: dict[object, list[Deleted]] = {}
    for deletion in deletions:
        groups.setdefault(by(deletion), []).append(deletion)
    return list(groups.values())


def _by(deletions: list[Deleted]) -> str:
    """Return in which file the objects were, and which Kustomization applied them."""
    files = {deletion.by.item.file.path for deletion in deletions}
    where = f"{files.pop()}, " if len(files) == 1 else ""
    return f" ({where}Kustomization {_name(deletions[0].by.kustomization)})"


def _more(deletion: Deleted) -> str:
    if deletion.key.kind == "Namespace":
        return f", with everything in it: {counted(deletion.inside)}" if deletion.inside else ", with everything in it"
    return ", with all objects of its kind" if deletion.key.kind == "CustomResourceDefinition" else ""


def _passed_on(key: ObjectId, old: Kustomization, new: Kustomization) -> str:
    return (
        f"{key}: Kustomization {_name(old)} stays and no longer has it, {_name(new)} has it now. "
        "It is deleted, and made anew, unless the second is quicker."
    )


def _moved(move: Moved) -> str:
    places = ", ".join(sorted(key.namespace for key in move.before))
    begin = f"{move.key.kind} {move.key.name}: {places} before, {move.key.namespace} now"
    if move.key.kind in RUNNING:
        return f"{begin}. {'The old one is deleted' if move.is_deleted else 'Both run'}."
    fate = "the old one is deleted" if move.is_deleted else "the old one stays beside it"
    return f"{begin}. It begins anew and empty; {fate}."


def _chart(replaced: ReplacedChart) -> str:
    return f"{replaced.key.place}: {replaced.old} to {replaced.new}, {CHARTS[replaced.why]}."


def _going_on(kustomizations: list[Kustomization]) -> Iterator[str]:
    for kustomization in sorted(kustomizations, key=lambda kustomization: kustomization.key):
        yield (
            f"Kustomization {_name(kustomization)} itself: it goes on, with the folder {kustomization.folder}, "
            "until you delete it"
        )


def _left(comparison: Comparison) -> Iterator[str]:
    for kustomization in sorted(comparison.left, key=lambda kustomization: kustomization.key):
        hurry = (
            " (suspend it before you push: its folder is here without them)"
            if comparison.may_prune(kustomization)
            else ""
        )
        yield f"{_name(kustomization)}: {counted(comparison.left[kustomization])}{hurry}"


def _not_compared(comparison: Comparison) -> Iterator[str]:
    for whose, kustomization, where in comparison.elsewhere:
        reason = f"applies files of {where}" if where else "takes something that is not in its files"
        yield f"Kustomization {_name(kustomization)} of the {whose} repository {reason}."
    yield from (f"{text}." for text in unreadable(comparison.old))
