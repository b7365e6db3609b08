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
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import validator_for
from jsonschema_specifications import REGISTRY
from referencing import Registry
from referencing.exceptions import Unresolvable

from lib.apps import Loader
from lib.checks.charts import chart_of, mapping, version_of
from lib.checks.flux import Cluster
from lib.checks.rules import Finding, Rule, Severity

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
    known = cluster.find("ConfigMap", "flux-system", "cluster-settings")
    settings = mapping(known.get("data")) if known else {}
    for _, release in cluster.releases:
        values = release.get("spec", "values")
        if not isinstance(values, dict) or (chosen is not None and release.file.path not in chosen):
            continue
        name, version = chart_of(cluster, release), version_of(cluster, release)
        if (chart := cached(name, version)) is None:
            continue
        merged = filled(coalesced(chart.values, values), settings)
        for keys, reason in refusals(chart, merged):
            written = release.get("spec", "values", *keys)
            if isinstance(written, str) and "${" in written:
                continue  # what Flux fills in can be of any type
            place = release.at("spec", "values", *keys)
            yield Finding(VALUES, place, f"{name} {version} refuses {'.'.join(map(str, keys)) or 'values'}: {reason}")


def cached(name: str, version: str) -> Chart | None:
    """A chart from the caches of helm and helmfile; None where they have none, or one without a schema."""
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
    """Where a tool keeps what it fetched; a variable of its own can say another place."""
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
    """What the schema refuses: the keys and the reason."""
    for error in errors(chart.schema, values) or []:
        yield tuple(error.absolute_path), " ".join(error.message.split())[:200]


def errors(schema: dict[str, Any], values: Any, registry: Registry[Any] = REGISTRY) -> list[ValidationError] | None:
    """What a schema refuses; None for one that is none, or that points to what the registry has not."""
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
        # A registry of our own fetches nothing: by default every address in a schema is fetched.
        return list(kind(schema, registry=registry).iter_errors(values))
    except (SchemaError, Unresolvable):
        return None
