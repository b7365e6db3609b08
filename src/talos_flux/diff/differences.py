"""What differs between the two sides, object by object and field by field."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

from talos_flux.diff.flate import OWNERS, Key, Manifest, Owner, Rendering

HIDDEN = "(hidden)"
# What a chart writes on everything for a version of its own, and what restarts pods for another reason that is shown.
NOISE = frozenset({"helm.sh/chart", "chart", "app.kubernetes.io/version", "helm.sh/release"})
CHECKSUM = "checksum/"
MISSING = object()


class FieldChange(NamedTuple):
    """A field by its path; what is not on a side is None there."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """An object that is on one side only, or differs. `fields` are those that do, without a chart's noise."""

    key: Key
    before: Manifest | None
    after: Manifest | None
    fields: tuple[FieldChange, ...] = ()

    @property
    def what(self) -> str:
        """Return added, removed or changed."""
        if self.before is None:
            return "added"
        return "changed" if self.after is not None else "removed"

    @property
    def is_shown(self) -> bool:
        """Return whether more differs than what a chart writes for each of its versions."""
        return bool(self.fields) or self.what != "changed"


@dataclass(frozen=True)
class Differences:
    """`changes` by object, and what could not be compared: a reason for each thing that one side can't render."""

    changes: tuple[Change, ...]
    unknown: Mapping[str, str]


def compare(before: Rendering, after: Rendering) -> Differences:
    """Return what differs. What one side can't render is unknown there, and neither added nor removed."""
    unknown = unrendered(before) | unrendered(after)
    changes = []
    for key in sorted(before.objects.keys() | after.objects.keys()):
        old, new = before.objects.get(key), after.objects.get(key)
        if (old is None or new is None) and str(key.owner) in unknown:
            continue
        if old is None or new is None:
            changes.append(Change(key, old, new))
        elif old != new:
            changes.append(Change(key, old, new, tuple(field_changes(key, old, new))))
    return Differences(tuple(moved(changes)), unknown)


def unrendered(side: Rendering) -> dict[str, str]:
    """Return what one side can't render, with the reason: releases whose source failed are among it by their name."""
    found = dict(side.failed)
    with_objects = {key.owner for key in side.objects}
    for key, manifest in side.objects.items():
        owner = Owner(key.kind, key.namespace, key.name)
        if key.kind == "HelmRelease" and side.failed and owner not in with_objects and str(owner) not in found:
            source = (manifest.get("spec") or {}).get("chartRef") or {}
            named = f"{source.get('kind')} {source.get('namespace') or key.namespace}/{source.get('name')}"
            if named in side.failed:
                found.pop(named, None)
                found[str(owner)] = side.failed[named]
    return found


def moved(changes: list[Change]) -> Iterator[Change]:
    """Yield the changes; an object that passes to another owner is one that changes, and neither removed nor added."""
    removed = {change.key[1:]: change for change in changes if change.what == "removed"}
    added = {change.key[1:] for change in changes if change.what == "added"}
    for change in changes:
        former = removed.get(change.key[1:])
        if change.what == "added" and former and former.before is not None and change.after is not None:
            owners = FieldChange("owner", str(former.key.owner), str(change.key.owner))
            fields = field_changes(change.key, former.before, change.after)
            yield Change(change.key, former.before, change.after, (owners, *fields))
        elif not (change.what == "removed" and change.key[1:] in added):
            yield change


def field_changes(key: Key, before: Manifest, after: Manifest) -> Iterator[FieldChange]:
    """Yield the fields that differ; what a Secret holds is not shown."""
    for change in _below("", without_noise(before), without_noise(after)):
        if key.kind == "CustomResourceDefinition" and change.path.startswith("spec.versions"):
            yield FieldChange("spec.versions", "(a schema)", "(another schema)")
            return
        hides = key.kind == "Secret" and change.path.startswith(("data", "stringData"))
        yield FieldChange(change.path, *(_hidden(side) if hides else side for side in change[1:]))


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return dict.fromkeys(value, HIDDEN)
    return value if value is None else HIDDEN


def without_secrets(manifest: Manifest) -> Manifest:
    """Return an object whose values are hidden if it is a Secret."""
    if manifest.get("kind") != "Secret":
        return manifest
    return {key: _hidden(value) if key in ("data", "stringData") else value for key, value in manifest.items()}


def without_noise(manifest: Manifest) -> Manifest:
    """Return an object without the labels and annotations that differ with every version of its chart."""
    cleaned = deepcopy(manifest)
    for metadata in _metadata_in(cleaned):
        for part in ("labels", "annotations"):
            if isinstance(entries := metadata.get(part), dict):
                for name in [name for name in entries if is_noise(str(name))]:
                    del entries[name]
                if not entries:
                    del metadata[part]
    return cleaned


def is_noise(name: str) -> bool:
    """Return whether a label or annotation tells nothing about what an object does."""
    return name in NOISE or name.startswith(CHECKSUM) or name.partition("/")[0] in OWNERS.values()


def _metadata_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "metadata" and isinstance(inner, dict):
                yield inner
            yield from _metadata_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _metadata_in(inner)


def _below(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _below(_joined(path, str(name)), before.get(name, MISSING), after.get(name, MISSING))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _in_lists(path, before, after)
    else:
        yield FieldChange(path, *(None if side is MISSING else side for side in (before, after)))


def _in_lists(path: str, before: list[Any], after: list[Any]) -> Iterator[FieldChange]:
    """Compare entries that have names by those, all others by their place."""
    old, new = (_by_name(side) for side in (before, after))
    if old is None or new is None:
        for number in range(max(len(before), len(after))):
            sides = (side[number] if number < len(side) else MISSING for side in (before, after))
            yield from _below(f"{path}[{number}]", *sides)
        return
    for name in [*old, *(name for name in new if name not in old)]:
        yield from _below(f"{path}[{name}]", old.get(name, MISSING), new.get(name, MISSING))


def _by_name(entries: list[Any]) -> dict[str, Any] | None:
    named = {str(entry["name"]): entry for entry in entries if isinstance(entry, dict) and "name" in entry}
    return named if len(named) == len(entries) else None


def _joined(path: str, name: str) -> str:
    part = f'["{name}"]' if "." in name or "/" in name else f".{name}"
    return f"{path}{part}".removeprefix(".")
