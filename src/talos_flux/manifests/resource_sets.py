"""What a ResourceSet of flux-operator makes: each of its resources, once for each set of inputs.

Its templates are Go's with << and >>, for which slim-sprig has a hundred functions
(controlplaneio-fluxcd/flux-operator, internal/builder/resourceset.go). Here inputs and the few functions that change no
more than a word are filled in; whatever else a template does, and inputs that a provider fetches while it runs, are a
reason why not everything is known.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from talos_flux.manifests.objects import Object
from talos_flux.manifests.patches import below
from talos_flux.repository.files import List, Map, Unreadable, documents

OPERATOR = "fluxcd.controlplane.io"
DISABLED = ("metadata", "annotations", f"{OPERATOR}/reconcile")
ACTION = re.compile(r"<<-?\s*(.*?)\s*-?>>", re.DOTALL)
INPUT = re.compile(r"inputs((?:\.\w+)+)")
FUNCTIONS: Mapping[str, Callable[[str], str]] = {
    "quote": str,
    "squote": str,
    "toString": str,
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
}
QUOTING = {"quote", "squote", "toString"}


@dataclass
class ExpandedSet:
    """The objects that a ResourceSet makes, and why there can be more, without a full stop."""

    objects: list[Object] = field(default_factory=list)
    unknown: str = ""


class _Unknown(Exception):
    """Raised for a template that can't be filled in here."""


def made_by(item: Object, providers: list[Object]) -> ExpandedSet:
    """Return what a ResourceSet makes; `providers` are the ResourceSetInputProviders of the repository."""
    made = ExpandedSet()
    inputs, made.unknown = _inputs(item, providers)
    seen: set[tuple[str, str, str, str]] = set()
    for keys in _templates(item):
        for values in inputs:
            try:
                contents = list(_filled(item, keys, values))
            except _Unknown as reason:
                made.unknown = made.unknown or f"{item} has a template that only flux-operator can fill in: {reason}"
                continue
            for content in contents:
                made_item = Object(item.file, content)
                made_item = replace(made_item, namespace=made_item.declared or item.namespace)
                key = made_item.group, made_item.kind, made_item.namespace, made_item.name
                if made_item.kind and key not in seen and made_item.get(*DISABLED) != "disabled":
                    seen.add(key)
                    made.objects.append(made_item)
    return made


def _inputs(item: Object, providers: list[Object]) -> tuple[list[Mapping[str, Any]], str]:
    """Return the sets of inputs, and why there can be others. Without any a template is filled in once."""
    listed = item.spec.get("inputs")
    inputs: list[Mapping[str, Any]] = [entry for entry in listed or [] if isinstance(entry, Map)]
    sources = item.spec.get("inputsFrom")
    if not isinstance(sources, List) or not sources:
        return inputs or [{}], ""
    strategy = item.get("spec", "inputStrategy", "name")
    unknown = f"{item} combines its inputs" if strategy == "Permute" else ""
    for source in sources:
        name = source.get("name") if isinstance(source, Map) else None
        found = next((one for one in providers if name and (one.namespace, one.name) == (item.namespace, name)), None)
        if found and found.spec.get("type") == "Static":
            values = found.spec.get("defaultValues")
            inputs += [values] if isinstance(values, Map) else []
        else:
            unknown = (
                unknown or f"{item} takes inputs from {f'provider {name}' if name else 'providers by their label'}"
            )
    return ([] if strategy == "Permute" else inputs), unknown


def _templates(item: Object) -> Iterator[tuple[str | int, ...]]:
    """Yield where the templates stand: in resources, a text of many, or those of steps."""
    steps = item.spec.get("steps")
    places: list[tuple[str | int, ...]] = [
        ("spec",),
        *(("spec", "steps", number) for number in range(len(steps) if isinstance(steps, List) else 0)),
    ]
    for keys in places:
        resources = item.get(*keys, "resources")
        yield from ((*keys, "resources", number) for number in range(len(resources) if resources else 0))
        if isinstance(item.get(*keys, "resourcesTemplate"), str):
            yield (*keys, "resourcesTemplate")


def _filled(item: Object, keys: tuple[str | int, ...], values: Mapping[str, Any]) -> Iterator[Map]:
    template = item.get(*keys)
    if isinstance(template, str):
        try:
            read = list(documents(_text(template, values)))
        except Unreadable as reason:
            raise _Unknown(f"what comes out {reason}") from None
        contents = [below(content, item.at(*keys).line) for content in read]
    else:
        contents = [_value(template, values)]
    yield from (content for content in contents if isinstance(content, Map))


def _value(value: Any, values: Mapping[str, Any]) -> Any:
    """Return a value of a template, filled in, with its lines."""
    if isinstance(value, Map):
        filled = Map({_value(key, values): _value(inner, values) for key, inner in value.items()})
        filled.line = value.line
        filled.lines = {_value(key, values): line for key, line in value.lines.items()}
        return filled
    if isinstance(value, List):
        entries = List(_value(inner, values) for inner in value)
        entries.line, entries.lines = value.line, list(value.lines)
        return entries
    if not isinstance(value, str) or "<<" not in value:
        return value
    text = _text(value, values)
    # The operator fills in YAML without quotes and reads it then: what looks like a number is one.
    if any(name in QUOTING for action in ACTION.findall(value) for name in re.findall(r"\|\s*(\w+)", action)):
        return text
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return read if isinstance(read, (bool, int, float)) else text


def _text(text: str, values: Mapping[str, Any]) -> str:
    return ACTION.sub(lambda action: _result(action[1], values), text)


def _result(action: str, values: Mapping[str, Any]) -> str:
    """Return what an action puts out; _Unknown."""
    if action.startswith("/*"):
        return ""
    first, *functions = (part.strip() for part in action.split("|"))
    match = INPUT.fullmatch(first)
    if not match:
        raise _Unknown(f"<< {action} >>")
    value: Any = values
    for key in match[1].strip(".").split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    for function in functions:
        name, _, argument = function.partition(" ")
        if name == "default":
            value = value if value else argument.strip().strip("\"'`")
        elif name in FUNCTIONS and not argument and value is not None:
            value = FUNCTIONS[name](_word(value))
        else:
            raise _Unknown(f"<< {action} >>")
    if value is None or isinstance(value, (Mapping, list)):
        raise _Unknown(f"<< {action} >>")
    return _word(value)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
