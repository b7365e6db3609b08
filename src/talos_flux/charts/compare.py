"""Compare two versions of a chart by our values: keys that are no longer read, and changed defaults."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jsonschema.exceptions import ValidationError

from talos_flux.charts.archive import Chart
from talos_flux.charts.value_schemas import coalesced, errors
from talos_flux.manifests.releases import mapping

Keys = tuple[str | int, ...]
# The least similarity (difflib's ratio) of a key that is suggested as the new name.
ALIKE = 0.6


@dataclass(frozen=True)
class ValueProblem:
    """A value of ours that the new chart does not accept.

    `kind` is gone, type or refused; `perhaps` is its likely new key.
    """

    kind: str
    keys: Keys
    text: str
    by_schema: bool = False
    perhaps: Keys = ()

    def __str__(self) -> str:
        now = f"; perhaps {dotted(self.perhaps)} now" if self.perhaps else ""
        return f"{dotted(self.keys) or 'values'} {self.text}{now}"


@dataclass(frozen=True)
class Defaults:
    """What differs between the default values of two charts, by their keys."""

    added: dict[str, Any]
    removed: dict[str, Any]
    changed: dict[str, tuple[Any, Any]]


def dotted(keys: Keys) -> str:
    """Return keys as a dotted path."""
    text = ""
    for key in keys:
        part = f"[{key}]" if isinstance(key, int) else f'["{key}"]' if "." in key else f".{key}"
        text += part
    return text.removeprefix(".")


# --- Our values ---


def problems(old: Chart, new: Chart, ours: Mapping[str, Any]) -> list[ValueProblem]:
    """Return which of our values no longer work. Schemas take precedence over guesses from the defaults."""
    by_schema = list(_refused(old, new, ours))
    known = {problem.keys for problem in by_schema}
    by_looks = [
        problem
        for problem in _walk(ours, old.values, new.values, (), (old, new))
        if not any(problem.keys[: len(keys)] == keys for keys in known if keys)
    ]
    return [_with_suggestion(problem, old, new) for problem in by_schema + by_looks]


def _walk(
    ours: Mapping[Any, Any], old: Any, new: Any, keys: Keys, charts: tuple[Chart, Chart]
) -> Iterator[ValueProblem]:
    before, after = charts
    old, new = mapping(old), mapping(new)
    for name, value in ours.items():
        path = (*keys, name)
        # Every chart accepts `global`, and null only removes a default.
        if path == ("global",) or value is None:
            continue
        if name not in new:
            # A mapping with an empty default accepts any key.
            is_gone = (name in old and (new or not keys)) or _is_unread(name, old, before, after)
            if is_gone and in_schema(after, path) is None:
                yield ValueProblem("gone", path, "is gone")
        elif _changed(value, old.get(name), new[name]) and not _typed(in_schema(after, path)):
            text = f"is a {kind(value)}, its default is a {kind(new[name])} now"
            yield ValueProblem("type", path, text)
        elif isinstance(value, dict) and isinstance(new[name], dict):
            yield from _walk(value, old.get(name), new[name], path, charts)


def _is_unread(name: str, old: Mapping[str, Any], before: Chart, after: Chart) -> bool:
    """Return whether a key without a default was a word of the old chart, and is none of the new one."""
    return name not in old and name in before.words and name not in after.words


def _changed(value: Any, old: Any, new: Any) -> bool:
    """Return whether a default now has another type than our value, which had the type of the old default."""
    kinds = [kind(item) for item in (value, old, new)]
    return new is not None and kinds[0] == kinds[1] != kinds[2]


def kind(value: Any) -> str:
    """Return the type of a value, in YAML's terms."""
    if isinstance(value, bool):
        return "boolean"
    names = {dict: "mapping", list: "list", str: "string", int: "number", float: "number"}
    return next((name for type_, name in names.items() if isinstance(value, type_)), "null")


# --- Schemas ---


def _refused(old: Chart, new: Chart, ours: Mapping[str, Any]) -> Iterator[ValueProblem]:
    """Yield what the new schemas refuse and the old ones did not."""
    before = {_identity(keys, error) for keys, error in _errors(old, ours)}
    for keys, error in _errors(new, ours):
        if _identity(keys, error) in before:
            continue
        path = (*keys, *error.absolute_path)
        if error.validator == "additionalProperties" and isinstance(error.instance, dict):
            known = mapping(mapping(error.schema).get("properties"))
            for name in error.instance.keys() - known.keys():
                if _found(ours, (*path, name)) or not _found(new.values, (*path, name)):
                    yield ValueProblem("gone", (*path, name), "is no key of the chart's schema any more", True)
        elif error.validator == "type":
            wanted = error.validator_value
            names = " or ".join(map(str, wanted if isinstance(wanted, list) else [wanted]))
            message = f"is a {kind(error.instance)}, the schema wants {names}"
            yield ValueProblem("type", path, message, True)
        else:
            message = " ".join(error.message.split())[:200]
            yield ValueProblem("refused", path, f"is refused by the schema: {message}", True)


def _errors(chart: Chart, ours: Mapping[str, Any]) -> Iterator[tuple[Keys, ValidationError]]:
    everything = coalesced(chart.values, ours)
    for keys, schema in chart.own_schemas:
        for error in errors(schema, _at(everything, keys), chart.registry) or []:
            # What Flux substitutes can have any type.
            if not (isinstance(error.instance, str) and "${" in error.instance):
                yield keys, error


def _identity(keys: Keys, error: ValidationError) -> tuple[Keys, str, str]:
    return (*keys, *error.absolute_path), str(error.validator), error.message


def in_schema(chart: Chart, path: Keys) -> dict[str, Any] | None:
    """Return what a chart's schemas say of a key; None when they don't name it."""
    for keys, schema in chart.own_schemas:
        if path[: len(keys)] == keys and (inner := _below(chart, schema, schema, path[len(keys) :])) is not None:
            return inner
    return None


def _below(chart: Chart, root: Any, schema: Any, path: Keys) -> dict[str, Any] | None:
    root, schema = _followed(chart, root, schema)
    if not path:
        return dict(schema)
    inner = [branch for key in ("allOf", "anyOf", "oneOf") for branch in schema.get(key) or []]
    for above, option in [(root, schema), *(_followed(chart, root, branch) for branch in inner)]:
        named = dict(mapping(option.get("properties"))).get(str(path[0]))
        if named is not None and (result := _below(chart, above, named, path[1:])) is not None:
            return result
    return None


def _followed(chart: Chart, root: Any, schema: Any) -> tuple[Any, Mapping[str, Any]]:
    """Return the schema that references lead to, and the root schema that contains it."""
    for _ in range(20):
        reference = mapping(schema).get("$ref")
        if not isinstance(reference, str):
            break
        address, _, fragment = reference.partition("#")
        root = chart.named_schemas.get(address) if address else root
        schema = _at(root, fragment.strip("/").split("/")) if fragment.strip("/") else root
    return root, mapping(schema)


def _typed(schema: dict[str, Any] | None) -> bool:
    """Return whether a schema restricts the type of a value, so that the schema has judged it already."""
    return schema is not None and bool(schema.keys() & {"type", "anyOf", "oneOf", "allOf", "enum"})


# --- Renamed keys ---


def _with_suggestion(problem: ValueProblem, old: Chart, new: Chart) -> ValueProblem:
    if problem.kind != "gone" or not problem.keys:
        return problem
    *parent, name = problem.keys
    beside = [key for key in mapping(_at(new.values, parent)) if key not in mapping(_at(old.values, parent))]
    if close := difflib.get_close_matches(str(name), list(map(str, beside)), n=1, cutoff=ALIKE):
        return replace(problem, perhaps=(*parent, close[0]))
    fresh = [keys for keys in _all_keys(new.values) if keys[-1] == name and not _found(old.values, keys)]
    # A name that is new in many places, like `enabled`, is no hint.
    return replace(problem, perhaps=fresh[0]) if len(fresh) == 1 else problem


def _all_keys(value: Any, keys: Keys = ()) -> Iterator[Keys]:
    for name, inner in mapping(value).items():
        yield (*keys, name)
        yield from _all_keys(inner, (*keys, name))


# --- The defaults ---


def defaults(old: Chart, new: Chart) -> Defaults:
    """Return the default values that were added, removed and changed."""
    before, after = dict(_leaves(old.values)), dict(_leaves(new.values))
    return Defaults(
        {dotted(keys): after[keys] for keys in after if keys not in before},
        {dotted(keys): before[keys] for keys in before if keys not in after},
        {dotted(keys): (before[keys], after[keys]) for keys in before if keys in after and before[keys] != after[keys]},
    )


def unset_defaults(changes: Defaults, ours: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the changed defaults that apply because we don't set their keys."""
    set_by_us = {dotted(keys) for keys in _all_keys(ours)}
    return {key: pair for key, pair in changes.changed.items() if key not in set_by_us}


def _leaves(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*keys, str(name)))
    elif keys:
        yield keys, value


def _at(value: Any, keys: Any) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _found(value: Any, keys: Keys) -> bool:
    for key in keys:
        if not isinstance(value, (dict, list)) or (isinstance(value, dict) and key not in value):
            return False
        try:
            value = value[key]  # type: ignore[index]
        except (IndexError, TypeError):
            return False
    return True
