"""What a text of an object is once Flux has filled in its variables: a number or a boolean, too.

Kustomize writes the object anew, without quotes where YAML needs none, then Flux puts the values into that text, and
then it is read as YAML: of `"${VLAN}"` remains `${VLAN}`, and that becomes the number 30.

Source: github.com/fluxcd/pkg/kustomize v1.35, kustomize_varsub.go, with resolve.go and emitterc.go of
go.yaml.in/yaml/v2, which sigs.k8s.io/yaml reads and writes with.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from talos_flux import envsubst
from talos_flux.manifests.post_build import VariableSet
from talos_flux.repository.apps import Loader

# What a plain scalar can't begin with, hold or end with.
_NOT_PLAIN = re.compile(r"[-?:](?:\s|$)|[#,\[\]{}&*!|>'\"%@`]|\s|---|\.\.\.")
_NOT_IN_PLAIN = re.compile(r":(?:\s|$)|\s#|\s$")
_NOT_PRINTED = re.compile(r"[^\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

_TRUE = {"y", "yes", "true", "on"}
_FALSE = {"n", "no", "false", "off"}
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# JSON has neither.
_NO_NUMBER = re.compile(r"\.(?:nan|NaN|NAN)|[-+]?\.(?:inf|Inf|INF)")


# What to do where a value has to stay a text: https://fluxcd.io/flux/components/kustomize/kustomizations/
QUOTES = """Write ${quote}${NAME}${quote}, and quote: '"' among the values of postBuild.substitute."""


class Filled(NamedTuple):
    """What Flux makes of a text: the text, and what YAML takes that for, unless there is a problem with it."""

    text: str
    value: Any
    problem: str = ""


def filled_in(text: str, variables: VariableSet) -> Filled | None:
    """Return what Flux makes of a text of an object; None where no file tells.

    That is also where Flux can't parse it, or a variable is not defined, which are findings of their own.
    """
    if "\n" in text or _NOT_PRINTED.search(text):
        # Written as a block, which no value can end.
        filled = _substituted(text, variables)
        return None if filled is None else Filled(filled, filled)
    quote = "'" if _needs_quotes(text) else ""
    filled = _substituted(text.replace("'", "''") if quote else text, variables)
    return None if filled is None else _read(f"{quote}{filled}{quote}")


def _substituted(text: str, variables: VariableSet) -> str | None:
    try:
        return envsubst.filled(text, variables.values, are_all=variables.are_all)
    except envsubst.MalformedVariable:
        return None


def _needs_quotes(text: str) -> bool:
    return bool(_NOT_PLAIN.match(text) or _NOT_IN_PLAIN.search(text))


@lru_cache(maxsize=4096)
def _read(text: str) -> Filled:
    """Return what the value of a field is of which this is written."""
    try:
        node = yaml.compose(f"key: {text}", Loader)
    except yaml.YAMLError as error:
        return Filled(text, None, " ".join(str(getattr(error, "problem", None) or error).split()))
    value = node.value[0][1] if isinstance(node, yaml.MappingNode) and len(node.value) == 1 else None
    if value is None:
        return Filled(text, None, "it is more than one value")
    if not isinstance(value, yaml.ScalarNode):
        return Filled(text, {} if isinstance(value, yaml.MappingNode) else [])
    if value.style or text.lstrip().startswith("!"):
        return Filled(text, value.value)
    if _NO_NUMBER.fullmatch(value.value):
        return Filled(text, None, "JSON has no such number")
    return Filled(text, _resolved(value.value))


def _resolved(text: str) -> str | int | float | bool | None:
    """Return a scalar without quotes as Go's YAML 1.1 takes it: 004 is a number, a date is none."""
    in_any_case = text.lower() if text in (text.lower(), text.upper(), text.capitalize()) else ""
    if text in ("", "~") or in_any_case == "null":
        return None
    if in_any_case in _TRUE | _FALSE:
        return in_any_case in _TRUE
    digits = text if text[0] == "." else text.replace("_", "")
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(digits):
        return int(digits, 8 if re.match(r"[-+]?0[0-7]", digits) else 0)
    return float(digits) if _FLOAT.fullmatch(digits) else text
