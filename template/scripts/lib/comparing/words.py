"""A comparison in sentences, under headings, the worst first."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from lib.checks.flux import Kustomization
from lib.comparing.comparison import RUNNING, Chart, Comparison, Deleted, Key, Moved, Root, rank_of, unreadable

SHOWN = 6
# The ranks of what Flux needed before, and of what holds no data: several of them are one line.
ONCE_NEEDED = 1
SMALL = (5, 6)
CHARTS = {
    "another chart": "which is another chart, so it can't be an upgrade",
    "back": "which is older",
    "too far": "which leaves out a minor version: go there one by one",
}


def sections(found: Comparison) -> Iterator[tuple[str, list[str]]]:
    """Headings, and what stands below each; those without anything are left out."""
    every = [
        ("To do in the old repository first", list(_unprepared(found.unprepared))),
        ("Roots that are gone", [_root(root) for root in found.roots]),
        ("Deleted", list(_deleted(found.deleted))),
        ("May be deleted on the way", [_passed_on(*one) for one in found.passed_on]),
        ("Moved to another namespace", [_moved(one) for one in found.moved]),
        ("Charts", [_chart(one) for one in found.charts]),
        ("Left, and applied by nobody", [*_going_on(found.going_on), *_left(found)]),
        ("Not compared", list(_not_compared(found))),
    ]
    yield from ((heading, lines) for heading, lines in every if lines)


def is_lossless(found: Comparison) -> bool:
    """Whether nothing is deleted, moved, or goes with its root."""
    return not (found.roots or found.deleted or found.moved or found.passed_on)


def summary(found: Comparison) -> str:
    """All of it in numbers."""
    roots, left = len(found.roots), sum(map(len, found.left.values()))
    parts = [
        f"{roots} {'root is' if roots == 1 else 'roots are'} gone" if roots else "",
        f"{_objects(len(found.lost))} deleted",
        f"{_objects(len(found.moved))} moved" if found.moved else "",
        f"{_objects(left)} left",
        f"{_objects(len(found.taken))} taken over",
    ]
    return f"{', '.join(filter(None, parts))}."


def _objects(count: int) -> str:
    return f"{count or 'no'} {'object is' if count == 1 else 'objects are'}"


def counted(keys: Iterable[Key]) -> str:
    """Kinds with how many there are of each, those with data first."""
    kinds = Counter(key.kind for key in sorted(keys, key=lambda key: (_weight(key), key.kind)))
    return ", ".join(kind if count == 1 else f"{count} {plural(kind)}" for kind, count in kinds.items())


def _weight(key: Key) -> int:
    first = ("Namespace", "HelmRelease", "PersistentVolumeClaim", "StatefulSet", "Cluster", "Secret")
    return first.index(key.kind) if key.kind in first else len(first)


def plural(kind: str) -> str:
    """Several of a kind."""
    if kind.endswith(("s", "x", "ch")):
        return f"{kind}es"
    return f"{kind[:-1]}ies" if kind.endswith("y") and kind[-2] not in "aeiou" else f"{kind}s"


def _some(names: list[str]) -> str:
    return ", ".join(names if len(names) <= SHOWN else [*names[:SHOWN], f"and {len(names) - SHOWN} more"])


def _name(one: Kustomization) -> str:
    return "/".join(one.key)


def _unprepared(found: list[Kustomization]) -> Iterator[str]:
    if found:
        many = f"{len(found)} Kustomizations go" if len(found) > 1 else "1 Kustomization goes"
        say = "do not say" if len(found) > 1 else "does not say"
        yield (
            f"{many} and {say} deletionPolicy: Orphan: {_some([_name(one) for one in found])}. "
            "Push that before anything else, or Flux deletes what was applied so. What follows takes it as done."
        )


def _root(root: Root) -> str:
    one = root.one
    policy = one.spec.get("deletionPolicy")
    said = f"deletionPolicy: {policy}" if policy else f"prune: {str(one.spec.get('prune')).lower()}, no deletionPolicy"
    if one.spec.get("suspend") is True:
        said = "suspend: true"
    what = counted(root.applied)
    if root.children:
        what = ", ".join(filter(None, [what, _kustomizations(root.children)]))
    begin = f"Kustomization {_name(one)} ({one.item.file.path}) says {said}"
    if not root.is_here:
        kind, name = one.source
        what = f"all that it applied from {kind} {name}, which these files do not tell"
    elif not what:
        return f"{begin}. It applied nothing."
    if not root.deletes:
        return f"{begin}: when it goes, what it applied stays: {what}."
    again = f" {_objects(len(root.again))} in this repository too, and made anew, empty." if root.again else ""
    return (
        f"{begin}: when it goes, Flux deletes {what}.{again} "
        "Bring its file along, or give it deletionPolicy: Orphan in the old repository and push that first."
    )


def _kustomizations(found: list[Kustomization]) -> str:
    names = _some([_name(one) for one in found])
    return f"{len(found)} Kustomizations ({names})" if len(found) > 1 else f"Kustomization {names}"


def _deleted(found: list[Deleted]) -> Iterator[str]:
    """A line each for what is worst; one for several of a name in many namespaces, or of a kind in one."""
    for rank, group in groupby(found, key=rank_of):
        if rank in (ONCE_NEEDED, *SMALL):
            yield from _small(list(group))
        else:
            for one in group:
                need = f": {one.needed}" if one.needed else _more(one)
                yield f"{one.key}{_by([one])}{need}."


def _small(found: list[Deleted]) -> Iterator[str]:
    rest = []
    for same in _grouped(found, lambda one: (one.key.kind, one.key.group, one.key.name, one.by.one.key, one.needed)):
        if len(same) > 1:
            namespaces = ", ".join(one.key.namespace for one in same)
            need = f": {same[0].needed}" if same[0].needed else ""
            yield f"{same[0].key.kind} {same[0].key.name} in {namespaces}{_by(same)}{need}."
        else:
            rest += same
    for same in _grouped(
        rest, lambda one: (one.key.kind, one.key.group, one.key.namespace, one.by.one.key, one.needed)
    ):
        key = same[0].key
        where = f" in {key.namespace}" if key.namespace else ""
        names = ", ".join(one.key.name for one in same)
        what = f"{len(same)} {plural(key.kind)}{where}: {names}" if len(same) > 1 else str(key)
        need = f": {same[0].needed}" if same[0].needed else ""
        yield f"{what}{_by(same)}{need}."


def _grouped(found: list[Deleted], by: Callable[[Deleted], object]) -> list[list[Deleted]]:
    groups: dict[object, list[Deleted]] = {}
    for one in found:
        groups.setdefault(by(one), []).append(one)
    return list(groups.values())


def _by(found: list[Deleted]) -> str:
    """Where it stands, and whose it was."""
    files = {one.by.item.file.path for one in found}
    where = f"{files.pop()}, " if len(files) == 1 else ""
    return f" ({where}Kustomization {_name(found[0].by.one)})"


def _more(one: Deleted) -> str:
    if one.key.kind == "Namespace":
        return f", with everything in it: {counted(one.inside)}" if one.inside else ", with everything in it"
    return ", with all objects of its kind" if one.key.kind == "CustomResourceDefinition" else ""


def _passed_on(key: Key, old: Kustomization, new: Kustomization) -> str:
    return (
        f"{key}: Kustomization {_name(old)} stays and no longer has it, {_name(new)} has it now. "
        "It is deleted, and made anew, unless the second is quicker."
    )


def _moved(one: Moved) -> str:
    places = ", ".join(sorted(key.namespace for key in one.before))
    begin = f"{one.key.kind} {one.key.name}: {places} before, {one.key.namespace} now"
    if one.key.kind in RUNNING:
        return f"{begin}. {'The old one is deleted' if one.is_deleted else 'Both run'}."
    fate = "the old one is deleted" if one.is_deleted else "the old one stays beside it"
    return f"{begin}. It begins anew and empty; {fate}."


def _chart(one: Chart) -> str:
    return f"{one.key.place}: {one.old} to {one.new}, {CHARTS[one.why]}."


def _going_on(found: list[Kustomization]) -> Iterator[str]:
    for one in sorted(found, key=lambda one: one.key):
        yield f"Kustomization {_name(one)} itself: it goes on, with the folder {one.folder}, until you delete it"


def _left(found: Comparison) -> Iterator[str]:
    for one in sorted(found.left, key=lambda one: one.key):
        hurry = " (suspend it before you push: its folder is here without them)" if found.may_prune(one) else ""
        yield f"{_name(one)}: {counted(found.left[one])}{hurry}"


def _not_compared(found: Comparison) -> Iterator[str]:
    for whose, one, where in found.elsewhere:
        what = f"applies files of {where}" if where else "takes something that is not in its files"
        yield f"Kustomization {_name(one)} of the {whose} repository {what}."
    yield from (f"{text}." for text in unreadable(found.old))
