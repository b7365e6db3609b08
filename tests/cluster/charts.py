"""Charts as helm-controller takes them: the authors' own where a Go module carries it, else a stub."""

import gzip
import io
import json
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from tests.doubles.app_template_keys import VALUES
from tests.support import charts, crds, tools
from tests.support.repository import Object
from tests.tools.records.component import components

STUBS = Path(__file__).parent / "stubs"


@dataclass(frozen=True)
class Stub:
    """What a chart brings beside its values: workloads as (kind, name), the release's name where that is "".

    `groups` are the API groups whose CRDs it brings, `objects` what its own controller needs, as templates.
    """

    workloads: tuple[tuple[str, str], ...] = (("Deployment", ""),)
    groups: tuple[str, ...] = ()
    objects: tuple[Object, ...] = ()


@cache
def stubs() -> dict[str, Stub]:
    """Return what the records say of the charts that no Go module carries, by the last part of their address.

    One without a word is a Deployment.
    """
    found = {}
    for component in components():
        if component.chart:
            said = component.stub
            workloads = said.get("workloads", [{"kind": "Deployment"}])
            found[component.chart.url.rpartition("/")[2]] = Stub(
                tuple((workload["kind"], workload.get("name", "")) for workload in workloads),
                component.brings.groups,
                tuple(said.get("objects", ())),
            )
    return found


# A chart's CRDs that its authors add when they release it.
WITHOUT_CRDS = {"external-secrets": ("external-secrets.io", "generators.external-secrets.io")}


@cache
def archive(name: str, version: str) -> bytes:
    """Return the chart in that version, as `helm package` writes it."""
    if name in charts.MODULE_CHARTS:
        return _packaged(name, version)
    files = {
        "Chart.yaml": yaml.safe_dump({"apiVersion": "v2", "name": name, "version": version.removeprefix("v")}),
        **(_app_template() if name == "app-template" else _stub(stubs().get(name, Stub()))),
    }
    return packed({f"{name}/{path}": text.encode() for path, text in files.items()})


def _packaged(name: str, version: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="chart-") as scratch:
        folder = Path(scratch)
        chart = charts.from_module(name, folder)
        for path, text in _definitions(WITHOUT_CRDS.get(name, ())).items():
            (chart / path).parent.mkdir(exist_ok=True)
            (chart / path).write_text(text)
        tools.run("helm", "package", chart, "--version", version, "--destination", folder)
        return next(folder.glob("*.tgz")).read_bytes()


def _app_template() -> dict[str, str]:
    schema = {"type": "object", "additionalProperties": False, "properties": {key: {} for key in [*VALUES, "global"]}}
    return {
        "values.yaml": "{}\n",
        "values.schema.json": json.dumps(schema),
        "templates/all.yaml": (STUBS / "app-template.yaml.tpl").read_text(),
    }


def _stub(stub: Stub) -> dict[str, str]:
    workloads = [{"kind": kind, "name": name} for kind, name in stub.workloads]
    return {
        "values.yaml": yaml.safe_dump({"stub": {"workloads": workloads, "objects": list(stub.objects)}}),
        "templates/all.yaml": (STUBS / "chart.yaml.tpl").read_text(),
        **_definitions(stub.groups),
    }


def _definitions(groups: tuple[str, ...]) -> dict[str, str]:
    """Return the CRDs of API groups as files of a chart."""
    definitions = [item for item in crds.definitions() if item["spec"]["group"] in groups]
    return {f"crds/{item['metadata']['name']}.yaml": json.dumps(item) for item in definitions}


def packed(files: dict[str, bytes]) -> bytes:
    """Return a tar.gz of these files under these names; equal files make equal bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), compresslevel=1, mtime=0)
