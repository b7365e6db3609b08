"""Values as a chart gets them: its defaults below ours, variables filled in, held against a schema."""

import os
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import validator_for
from jsonschema_specifications import REGISTRY
from referencing import Registry
from referencing.exceptions import Unresolvable

from talos_flux import envsubst
from talos_flux.manifests.post_build import VariableSet


def cache_folder(variable: str, folder: str) -> Path:
    """Return a tool's cache folder, from its own variable or XDG_CACHE_HOME."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(variable) or base / folder)


def coalesced(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values merged over a chart's defaults as Helm does: null removes a default."""
    result = deepcopy(dict(defaults))
    for key, value in values.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = coalesced(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result


def substituted(value: Any, variables: VariableSet) -> Any:
    """Return values after Flux's substitution; a variable without a known value stays as it is."""
    if isinstance(value, dict):
        return {key: substituted(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [substituted(inner, variables) for inner in value]
    if isinstance(value, str) and "$" in value:
        return envsubst.substitute(value, variables.values, are_all=variables.are_all)
    return value


def errors(schema: dict[str, Any], values: Any, registry: Registry[Any] = REGISTRY) -> list[ValidationError] | None:
    """Return what a schema refuses; None when it is invalid, or refers to what the registry does not have."""
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
        # With an explicit registry nothing is fetched; by default every address in a schema is.
        return list(kind(schema, registry=registry).iter_errors(values))
    except (SchemaError, Unresolvable):
        return None
