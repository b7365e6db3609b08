"""The values of HelmReleases against the schema that their chart brings, where the chart was fetched before."""

import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for
from referencing.exceptions import Unresolvable

from lib.apps import Loader
from lib.checks.flux import Cluster
from lib.checks.objects import SOURCES, Object
from lib.checks.rules import Finding, Rule, Severity
from lib.cluster import CLUSTER_SETTINGS, load

VALUES = Rule(
    "chart-values",
    Severity.ERROR,
    "Helm refuses values that the chart's own schema refuses.",
    "Correct the value; `helm show values` shows what the chart takes.",
)


class Chart(NamedTuple):
    """A chart's default values and the schema of all values."""

    values: dict[str, Any]
    schema: dict[str, Any]


def charts(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """HelmReleases whose chart is in the cache of helm or helmfile."""
    settings = (load(CLUSTER_SETTINGS) or {}).get("data", {}) if CLUSTER_SETTINGS.exists() else {}
    for _, release in cluster.releases:
        values = release.get("spec", "values")
        if not isinstance(values, dict) or (chosen is not None and release.file.path not in chosen):
            continue
        name, version = chart_of(cluster, release)
        if (chart := cached(name, version)) is None:
            continue
        merged = filled(coalesced(chart.values, values), settings)
        for keys, reason in refusals(chart, merged):
            written = release.get("spec", "values", *keys)
            if isinstance(written, str) and "${" in written:
                continue  # what Flux fills in can be of any type
            place = release.at("spec", "values", *keys)
            yield Finding(VALUES, place, f"{name} {version} refuses {'.'.join(map(str, keys)) or 'values'}: {reason}")


def chart_of(cluster: Cluster, release: Object) -> tuple[str, str]:
    """The name and the version of a release's chart; empty where the files don't tell."""
    if isinstance(chart := release.get("spec", "chart", "spec"), dict):
        return str(chart.get("chart", "")), str(chart.get("version", ""))
    wanted = release.get("spec", "chartRef", "name"), release.get("spec", "chartRef", "namespace") or release.namespace
    for item in cluster.applied:
        if item.is_a("OCIRepository", SOURCES) and (item.name, item.namespace) == wanted:
            return str(item.spec.get("url", "")).rpartition("/")[2], str(item.get("spec", "ref", "tag") or "")
    return "", ""


def cached(name: str, version: str) -> Chart | None:
    """A chart from the caches of helm and helmfile; None where they have none, or one without a schema."""
    if not re.fullmatch(r"[\w.-]+", name) or not re.fullmatch(r"v?\d[\w.+-]*", version):
        return None
    archive = _cache("HELM_CACHE_HOME", "helm") / "repository" / f"{name}-{version}.tgz"
    if archive.is_file():
        with tarfile.open(archive) as packed:
            texts = {file: _member(packed, f"{name}/{file}") for file in ("values.schema.json", "values.yaml")}
        return _chart(texts)
    for folder in _cache("HELMFILE_CACHE_HOME", "helmfile").glob(f"**/{name}/{version}/{name}"):
        files = ("values.schema.json", "values.yaml")
        return _chart({file: (folder / file).read_text() if (folder / file).is_file() else "" for file in files})
    return None


def _cache(variable: str, folder: str) -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(variable) or base / folder)


def _member(packed: tarfile.TarFile, name: str) -> str:
    try:
        content = packed.extractfile(name)
    except KeyError:
        return ""
    return content.read().decode() if content else ""


def _chart(texts: Mapping[str, str]) -> Chart | None:
    if not texts["values.schema.json"]:
        return None
    defaults = yaml.load(texts["values.yaml"] or "{}", Loader)  # noqa: S506, a safe loader
    return Chart(defaults or {}, json.loads(texts["values.schema.json"]))


def coalesced(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values over a chart's own, as Helm puts them together: null takes a default away."""
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


def filled(value: Any, settings: Mapping[str, str]) -> Any:
    """Values after the settings that Flux fills in; what is no setting stays as it is."""
    if isinstance(value, dict):
        return {key: filled(inner, settings) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, settings) for inner in value]
    if isinstance(value, str) and "$" in value:
        known = re.sub(r"(?<!\$)\$\{(\w+)\}", lambda name: str(settings.get(name[1], name[0])), value)
        return known.replace("$$", "$")
    return value


def refusals(chart: Chart, values: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What the schema refuses: the keys and the reason. A schema that points to other addresses judges nothing."""
    kind = validator_for(chart.schema)
    try:
        kind.check_schema(chart.schema)
        errors = list(kind(chart.schema).iter_errors(values))
    except (SchemaError, Unresolvable):
        return
    for error in errors:
        yield tuple(error.absolute_path), " ".join(error.message.split())[:200]
