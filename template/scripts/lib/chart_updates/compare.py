"""Two versions of a chart beside the values that we give: what we set and nobody reads any more, and new defaults."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jsonschema.exceptions import ValidationError

from lib.chart_updates.chart import Chart
from lib.checks.charts import mapping
from lib.validation.charts import coalesced, errors

Keys = tuple[str | int, ...]
# Alike enough to be named as what a key may be called now.
ALIKE = 0.6


@dataclass(frozen=True)
class Problem:
    """What a new chart does not take of our values. `what` is gone, type or refused; `perhaps` is where it may be."""

    what: str
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
    """Keys as one writes them."""
    text = ""
    for key in keys:
        part = f"[{key}]" if isinstance(key, int) else f'["{key}"]' if "." in key else f".{key}"
        text += part
    return text.removeprefix(".")


# --- Our values ---


def problems(old: Chart, new: Chart, ours: Mapping[str, Any]) -> list[Problem]:
    """What becomes of our values. A schema's word counts more than what the defaults look like."""
    by_schema = list(_refused(old, new, ours))
    known = {problem.keys for problem in by_schema}
    by_looks = [
        problem
        for problem in _walk(ours, old.values, new.values, (), (old, new))
        if not any(problem.keys[: len(keys)] == keys for keys in known if keys)
    ]
    return [_with_a_guess(problem, old, new) for problem in by_schema + by_looks]


def _walk(ours: Mapping[Any, Any], old: Any, new: Any, keys: Keys, charts: tuple[Chart, Chart]) -> Iterator[Problem]:
    before, after = charts
    old, new = mapping(old), mapping(new)
    for name, value in ours.items():
        path = (*keys, name)
        # Every chart has `global`, and null only takes a default away.
        if path == ("global",) or value is None:
            continue
        if name not in new:
            # An empty default takes any key: the chart's users name them.
            is_gone = (name in old and (new or not keys)) or _is_unread(name, old, before, after)
            if is_gone and _in_schema(after, path) is None:
                yield Problem("gone", path, "is gone")
        elif _changed(value, old.get(name), new[name]) and not _typed(_in_schema(after, path)):
            text = f"is a {kind(value)}, its default is a {kind(new[name])} now"
            yield Problem("type", path, text)
        elif isinstance(value, dict) and isinstance(new[name], dict):
            yield from _walk(value, old.get(name), new[name], path, charts)


def _is_unread(name: str, old: Mapping[str, Any], before: Chart, after: Chart) -> bool:
    """Whether a key that has no default was a word of the old chart, and is none of the new one."""
    return name not in old and name in before.words and name not in after.words


def _changed(value: Any, old: Any, new: Any) -> bool:
    """Whether a default has become of another kind than ours, which was as before."""
    kinds = [kind(one) for one in (value, old, new)]
    return new is not None and kinds[0] == kinds[1] != kinds[2]


def kind(value: Any) -> str:
    """What sort of value it is, in YAML's words."""
    if isinstance(value, bool):
        return "boolean"
    names = {dict: "mapping", list: "list", str: "string", int: "number", float: "number"}
    return next((name for type_, name in names.items() if isinstance(value, type_)), "null")


# --- Schemas ---


def _refused(old: Chart, new: Chart, ours: Mapping[str, Any]) -> Iterator[Problem]:
    """What the new schemas refuse, and the old ones did not."""
    before = {_identity(keys, error) for keys, error in _errors(old, ours)}
    for keys, error in _errors(new, ours):
        if _identity(keys, error) in before:
            continue
        path = (*keys, *error.absolute_path)
        if error.validator == "additionalProperties" and isinstance(error.instance, dict):
            known = mapping(mapping(error.schema).get("properties"))
            for name in error.instance.keys() - known.keys():
                if _found(ours, (*path, name)) or not _found(new.values, (*path, name)):
                    yield Problem("gone", (*path, name), "is no key of the chart's schema any more", True)
        elif error.validator == "type":
            wanted = error.validator_value
            names = " or ".join(map(str, wanted if isinstance(wanted, list) else [wanted]))
            said = f"is a {kind(error.instance)}, the schema wants {names}"
            yield Problem("type", path, said, True)
        else:
            said = " ".join(error.message.split())[:200]
            yield Problem("refused", path, f"is refused by the schema: {said}", True)


def _errors(chart: Chart, ours: Mapping[str, Any]) -> Iterator[tuple[Keys, ValidationError]]:
    everything = coalesced(chart.values, ours)
    for keys, schema in chart.own_schemas:
        for error in errors(schema, _at(everything, keys), chart.registry) or []:
            # What Flux fills in later can be of any type.
            if not (isinstance(error.instance, str) and "${" in error.instance):
                yield keys, error


def _identity(keys: Keys, error: ValidationError) -> tuple[Keys, str, str]:
    return (*keys, *error.absolute_path), str(error.validator), error.message


def _in_schema(chart: Chart, path: Keys) -> dict[str, Any] | None:
    """What a chart's schemas say of a key; None where they don't name it."""
    for keys, schema in chart.own_schemas:
        if path[: len(keys)] == keys and (found := _below(chart, schema, schema, path[len(keys) :])) is not None:
            return found
    return None


def _below(chart: Chart, root: Any, schema: Any, path: Keys) -> dict[str, Any] | None:
    root, schema = _followed(chart, root, schema)
    if not path:
        return dict(schema)
    inner = [one for key in ("allOf", "anyOf", "oneOf") for one in schema.get(key) or []]
    for above, option in [(root, schema), *(_followed(chart, root, one) for one in inner)]:
        named = dict(mapping(option.get("properties"))).get(str(path[0]))
        if named is not None and (found := _below(chart, above, named, path[1:])) is not None:
            return found
    return None


def _followed(chart: Chart, root: Any, schema: Any) -> tuple[Any, Mapping[str, Any]]:
    """The schema that references lead to, and the one that it is in."""
    for _ in range(20):
        reference = mapping(schema).get("$ref")
        if not isinstance(reference, str):
            break
        address, _, fragment = reference.partition("#")
        root = chart.named_schemas.get(address) if address else root
        schema = _at(root, fragment.strip("/").split("/")) if fragment.strip("/") else root
    return root, mapping(schema)


def _typed(schema: dict[str, Any] | None) -> bool:
    """Whether a schema says of what type a value is: then it has spoken already."""
    return schema is not None and bool(schema.keys() & {"type", "anyOf", "oneOf", "allOf", "enum"})


# --- What a key may be called now ---


def _with_a_guess(problem: Problem, old: Chart, new: Chart) -> Problem:
    if problem.what != "gone" or not problem.keys:
        return problem
    *parent, name = problem.keys
    beside = [key for key in mapping(_at(new.values, parent)) if key not in mapping(_at(old.values, parent))]
    if close := difflib.get_close_matches(str(name), list(map(str, beside)), n=1, cutoff=ALIKE):
        return replace(problem, perhaps=(*parent, close[0]))
    fresh = [keys for keys in _all_keys(new.values) if keys[-1] == name and not _found(old.values, keys)]
    # A name that came in many places, like `enabled`, tells nothing.
    return replace(problem, perhaps=fresh[0]) if len(fresh) == 1 else problem


def _all_keys(value: Any, keys: Keys = ()) -> Iterator[Keys]:
    for name, inner in mapping(value).items():
        yield (*keys, name)
        yield from _all_keys(inner, (*keys, name))


# --- The defaults ---


def defaults(old: Chart, new: Chart) -> Defaults:
    """The default values that came, went and changed."""
    before, after = dict(_leaves(old.values)), dict(_leaves(new.values))
    return Defaults(
        {dotted(keys): after[keys] for keys in after if keys not in before},
        {dotted(keys): before[keys] for keys in before if keys not in after},
        {dotted(keys): (before[keys], after[keys]) for keys in before if keys in after and before[keys] != after[keys]},
    )


def behind_us(changes: Defaults, ours: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The changed defaults that reach us, because we set nothing there."""
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
