"""Validate the values of HelmReleases against the schema of their chart, if the chart is cached."""

import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import validator_for
from jsonschema_specifications import REGISTRY
from referencing import Registry
from referencing.exceptions import Unresolvable

from talos_flux import envsubst
from talos_flux.check.rule import Finding, Rule, Severity
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.post_build import VariableSet, variables_in
from talos_flux.manifests.releases import chart_of, version_of
from talos_flux.repository.apps import Loader

VALUES = Rule(
    "chart-values",
    Severity.ERROR,
    "Helm refuses values that the chart's own schema refuses.",
    "Correct the value; `helm show values` shows what the chart takes.",
)


class ChartSchema(NamedTuple):
    """A chart's default values, and the schema of all values."""

    values: dict[str, Any]
    schema: dict[str, Any]


def charts(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """Yield what the schemas refuse, for HelmReleases whose chart is in the cache of helm or helmfile."""
    for kustomization, release in cluster.releases:
        values = release.get("spec", "values")
        if not isinstance(values, dict) or (chosen is not None and release.file.path not in chosen):
            continue
        name, version = chart_of(cluster, release), version_of(cluster, release)
        if (chart := cached(name, version)) is None:
            continue
        merged = substituted(coalesced(chart.values, values), variables_in(cluster).of(kustomization))
        for keys, reason in refusals(chart, merged):
            written = release.get("spec", "values", *keys)
            if isinstance(written, str) and "${" in written:
                continue  # what Flux substitutes can have any type
            place = release.at("spec", "values", *keys)
            yield Finding(VALUES, place, f"{name} {version} refuses {'.'.join(map(str, keys)) or 'values'}: {reason}")


def cached(name: str, version: str) -> ChartSchema | None:
    """Return a chart from the caches of helm and helmfile; None when it is in neither, or has no schema."""
    if not re.fullmatch(r"[\w.-]+", name) or not re.fullmatch(r"v?\d[\w.+-]*", version):
        return None
    archive = cache_folder("HELM_CACHE_HOME", "helm") / "repository" / f"{name}-{version}.tgz"
    if archive.is_file():
        with tarfile.open(archive) as packed:
            texts = {file: _member(packed, f"{name}/{file}") for file in ("values.schema.json", "values.yaml")}
        return _chart(texts)
    for folder in cache_folder("HELMFILE_CACHE_HOME", "helmfile").glob(f"**/{name}/{version}/{name}"):
        files = ("values.schema.json", "values.yaml")
        return _chart({file: (folder / file).read_text() if (folder / file).is_file() else "" for file in files})
    return None


def cache_folder(variable: str, folder: str) -> Path:
    """Return a tool's cache folder, from its own variable or XDG_CACHE_HOME."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(variable) or base / folder)


def _member(packed: tarfile.TarFile, name: str) -> str:
    try:
        content = packed.extractfile(name)
    except KeyError:
        return ""
    return content.read().decode() if content else ""


def _chart(texts: Mapping[str, str]) -> ChartSchema | None:
    if not texts["values.schema.json"]:
        return None
    defaults = yaml.load(texts["values.yaml"] or "{}", Loader)  # noqa: S506, a safe loader
    return ChartSchema(defaults or {}, json.loads(texts["values.schema.json"]))


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


def refusals(chart: ChartSchema, values: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the keys and the reason of what the schema refuses."""
    for error in errors(chart.schema, values) or []:
        yield tuple(error.absolute_path), " ".join(error.message.split())[:200]


def errors(schema: dict[str, Any], values: Any, registry: Registry[Any] = REGISTRY) -> list[ValidationError] | None:
    """Return what a schema refuses; None when it is invalid, or refers to what the registry does not have."""
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
        # With an explicit registry nothing is fetched; by default every address in a schema is.
        return list(kind(schema, registry=registry).iter_errors(values))
    except (SchemaError, Unresolvable):
        return None
