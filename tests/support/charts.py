"""The real charts with the values of a cluster's HelmReleases, rendered by helm and judged by the API server."""

import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support import crds, flux, modules, tools
from tests.support.apiserver import ApiServer
from tests.support.repository import Object, Repository, chart_source, is_kind, parse
from tests.tools.catalogue import KUBERNETES
from tests.tools.locks import locked
from tests.tools.records.component import components

POD_SECURITY = "pod-security.kubernetes.io/enforce"

# A chart's folder, or what stands in for it: render(name, namespace, values).
Chart = Path | Callable[[str, str, dict[str, Any]], list[Object]]


# By the chart's name, which is the last part of its address.
MODULE_CHARTS = {
    component.chart.url.rpartition("/")[2]: component.chart.module
    for component in components()
    if component.chart and component.chart.module
}


@dataclass(frozen=True)
class Release:
    """A HelmRelease as Flux would hand it to helm. `level` is the pod security of its namespace."""

    name: str
    namespace: str
    level: str
    chart: str
    pin: str
    values: dict[str, Any]
    patches: tuple[Object, ...]
    api_versions: tuple[str, ...]

    @property
    def key(self) -> str:
        """Equal for releases that helm renders alike."""
        return json.dumps(
            [self.name, self.namespace, self.level, self.chart, self.values, self.patches, self.api_versions]
        )


def releases(repository: Repository) -> list[Release]:
    """Every HelmRelease of a cluster, substituted and patched as Flux does it."""
    applied = [item for items in flux.reconcile(repository).values() for item in items]
    levels = {
        item["metadata"]["name"]: item["metadata"].get("labels", {}).get(POD_SECURITY, "")
        for item in applied
        if is_kind(item, "Namespace")
    }
    found = []
    for item in applied:
        if is_kind(item, "HelmRelease"):
            namespace = item["metadata"]["namespace"]
            chart, pin = _chart_and_pin(repository, item)
            renderers = item["spec"].get("postRenderers", [])
            found.append(
                Release(
                    name=item["spec"].get("releaseName", item["metadata"]["name"]),
                    namespace=namespace,
                    level=levels.get(namespace, ""),
                    chart=chart,
                    pin=pin,
                    values=_values(item, applied),
                    patches=tuple(p for r in renderers for p in r.get("kustomize", {}).get("patches", [])),
                    api_versions=_api_versions(repository),
                )
            )
    return found


def _chart_and_pin(repository: Repository, release: Object) -> tuple[str, str]:
    source = repository.sources[chart_source(release)]
    if source["kind"] == "OCIRepository":
        return source["spec"]["url"].rsplit("/", 1)[1], source["spec"]["ref"]["tag"]
    return release["spec"]["chart"]["spec"]["chart"], release["spec"]["chart"]["spec"]["version"]


def _values(release: Object, applied: list[Object]) -> dict[str, Any]:
    """Return the release's values, merged over those of its ConfigMaps."""
    merged: dict[str, Any] = {}
    for reference in release["spec"].get("valuesFrom", []):
        for item in applied:
            place = item["metadata"].get("namespace"), item["metadata"]["name"]
            if item["kind"] == reference["kind"] and place == (release["metadata"]["namespace"], reference["name"]):
                merged = _merge(merged, parse(item["data"][reference.get("valuesKey", "values.yaml")])[0])
    return _merge(merged, release["spec"].get("values", {}))


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _merge(below[key], above[key])
        for key in below.keys() & above.keys()
        if isinstance(below[key], dict) and isinstance(above[key], dict)
    }
    return below | above | both


def _api_versions(repository: Repository) -> tuple[str, ...]:
    """Return the API versions beyond Kubernetes' own that this cluster serves, as charts ask for them."""
    served = set()
    for definition in crds.definitions():
        group, kind = definition["spec"]["group"], definition["spec"]["names"]["kind"]
        if crds.PROVIDERS.get(group) in repository.app:
            for version in definition["spec"]["versions"]:
                served |= {f"{group}/{version['name']}", f"{group}/{version['name']}/{kind}"}
    return tuple(sorted(served))


def from_module(name: str, folder: Path) -> Path:
    """Return a writable copy of a chart below `folder`, ready to render; raise ValueError if an edit does not fit."""
    chart = MODULE_CHARTS[name]
    target = folder / name
    with locked(target):
        if not target.exists():
            draft = folder / f"{name}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(modules.folder(chart.path) / chart.folder, draft, copy_function=shutil.copyfile)
            for path in [draft, *(path for path in draft.rglob("*") if path.is_dir())]:
                path.chmod(0o755)
            (draft / "Chart.lock").unlink(missing_ok=True)
            for old, new in chart.renames.items():
                (draft / old).rename(draft / new)
            for file, edits in chart.edits.items():
                for edit in edits:
                    text = (draft / file).read_text()
                    if edit["old"] not in text:
                        raise ValueError(f"{file} of {chart.path} does not contain {edit['old']!r}")
                    (draft / file).write_text(text.replace(edit["old"], edit["new"]))
            draft.rename(target)
    return target


def from_folder(folder: Path, scratch: Path) -> dict[str, Path]:
    """Return the charts fetched by hand: folders or archives named <chart>-<version>, by the chart's name."""
    found = {}
    for path in sorted(folder.iterdir()):
        name = re.fullmatch(r"(.+?)-v?\d.*", path.name.removesuffix(".tgz"))
        if name and path.is_dir():
            found[name[1]] = path
        elif name and path.suffix == ".tgz":
            with tarfile.open(path) as archive:
                archive.extractall(scratch / path.stem, filter="data")
            found[name[1]] = next((scratch / path.stem).iterdir())
    return found


def version_of(chart: Path) -> str:
    return str(parse((chart / "Chart.yaml").read_text())[0]["version"])


def render(release: Release, chart: Chart) -> list[Object]:
    """Return what helm and the release's post-renderers make of a chart; raise RuntimeError with helm's words.

    A double takes helm's place, and says ValueError.
    """
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        scratch = Path(name)
        if isinstance(chart, Path):
            (scratch / "values.yaml").write_text(yaml.safe_dump(release.values))
            options = [f"--api-versions={version}" for version in release.api_versions]
            options += [f"--namespace={release.namespace}", f"--kube-version={KUBERNETES}", "--skip-tests", "--values"]
            text = tools.run("helm", "template", release.name, chart, *options, scratch / "values.yaml")
        else:
            text = yaml.safe_dump_all(chart(release.name, release.namespace, release.values))
        if release.patches:
            (scratch / "all.yaml").write_text(text)
            kustomization = {"resources": ["all.yaml"], "patches": list(release.patches)}
            (scratch / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
            text = tools.run("kustomize", "build", scratch)
        return [item for document in parse(text) for item in document.get("items", [document])]


def pod_templates(items: Sequence[Object]) -> Iterator[tuple[str, Object]]:
    """Every pod that the objects would start, as (Kind/name, pod template)."""
    for item in items:
        where = f"{item['kind']}/{item['metadata']['name']}"
        if item["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            yield where, item["spec"]["template"]
        elif item["kind"] == "CronJob":
            yield where, item["spec"]["jobTemplate"]["spec"]["template"]
        elif item["kind"] == "Pod":
            yield where, item


def without_resources(template: Object) -> list[str]:
    """Names of the containers, init containers included, that lack requests or limits."""
    containers = template["spec"].get("initContainers", []) + template["spec"]["containers"]
    return [
        container["name"]
        for container in containers
        if not (container.get("resources") or {}).get("requests") or not container["resources"].get("limits")
    ]


_judged: dict[str, list[str]] = {}


def objections(server: ApiServer, release: Release, chart: Chart) -> list[str]:
    """Everything that is wrong with a release, one line each; releases that render alike are judged once."""
    key = f"{chart} {release.key}"
    if key not in _judged:
        _judged[key] = [f"{release.namespace}/{release.name}: {text}" for text in _objections(server, release, chart)]
    return _judged[key]


def _objections(server: ApiServer, release: Release, chart: Chart) -> Iterator[str]:
    try:
        items = render(release, chart)
    except (RuntimeError, ValueError, yaml.YAMLError) as error:
        yield str(error)
        return
    for item in items:
        if is_kind(item, "CustomResourceDefinition"):
            continue
        if objection := server.objection_to(item, release.namespace):
            yield f"{item['kind']}/{item['metadata']['name']}: {objection}"
    classes = {item["metadata"]["name"] for item in items if is_kind(item, "PriorityClass")}
    for where, template in pod_templates(items):
        # The server is only asked: it has no class that the chart brings with its pods.
        if template["spec"].get("priorityClassName") in classes:
            del template["spec"]["priorityClassName"]
        if objection := server.objection_to_pod(template, release.namespace, release.level):
            yield f"{where}: {objection}"
        for container in without_resources(template):
            yield f"{where}: container {container} has no requests or no limits"
