"""Values are held against the schema of a chart that was fetched before, as Helm will do it."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest
import yaml

from talos_flux.charts import value_schemas
from talos_flux.manifests.flux_tree import Cluster
from tests.support.additions import Adder
from tests.support.render import Renderer

pytestmark = pytest.mark.slow

SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["given"],
    "properties": {
        "given": {"type": "string"},
        "replicas": {"type": "integer", "maximum": 3},
        "host": {"type": "string", "pattern": "^[a-z0-9.-]+$"},
        "gone": {"type": "string"},
    },
    "additionalProperties": False,
}
DEFAULTS = {"given": "by default", "replicas": 1}
VERSION = "2.0.0"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("HELM_CACHE_HOME", "HELMFILE_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def as_helm_keeps_it(cache: Path, schema: object = SCHEMA) -> None:
    (cache / "helm/repository").mkdir(parents=True)
    with tarfile.open(cache / f"helm/repository/vendor-{VERSION}.tgz", "w:gz") as archive:
        for name, content in (("values.schema.json", json.dumps(schema)), ("values.yaml", yaml.safe_dump(DEFAULTS))):
            member = tarfile.TarInfo(f"vendor/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))


def as_helmfile_keeps_it(cache: Path) -> None:
    folder = cache / f"helmfile/oci__ghcr_io/example/charts/vendor/{VERSION}/vendor"
    folder.mkdir(parents=True)
    (folder / "values.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "values.yaml").write_text(yaml.safe_dump(DEFAULTS))


@pytest.fixture
def cluster(template: Path, render: Renderer, tmp_path: Path) -> Path:
    """Provide a cluster with one release of the chart."""
    root = tmp_path / "cluster"
    shutil.copytree(render({}), root)
    data = {"app_kind": "chart", "app_chart_url": "oci://ghcr.io/example/charts/vendor", "app_chart_version": VERSION}
    Adder(template).add("app", root / "kubernetes/apps/media/vendor", data)
    return root


def said(root: Path, values: str) -> list[str]:
    release = root / "kubernetes/apps/media/vendor/app/helmrelease.yaml"
    head = release.read_text().split("  values:")[0]
    release.write_text(f"{head}  values:\n{values}")
    return [str(finding).partition("helmrelease.yaml:")[2] for finding in value_schemas.charts(Cluster(root), None)]


@pytest.mark.parametrize("keep", [as_helm_keeps_it, as_helmfile_keeps_it])
def test_what_the_schema_refuses_is_found_at_its_line(keep, cache: Path, cluster: Path) -> None:  # type: ignore[no-untyped-def]
    keep(cache)
    found = said(cluster, "    host: vendor.${DOMAIN}\n    replicas: 5\n    colour: red\n")
    line = (cluster / "kubernetes/apps/media/vendor/app/helmrelease.yaml").read_text().splitlines().index(
        "    replicas: 5"
    ) + 1
    unknown, too_many = sorted(found)
    assert unknown.startswith(f"{line - 2}: vendor 2.0.0 refuses values: Additional properties are not allowed")
    assert too_many == f"{line}: vendor 2.0.0 refuses replicas: 5 is greater than the maximum of 3 [chart-values]"


def test_defaults_count_and_null_takes_them_away(cache: Path, cluster: Path) -> None:
    as_helm_keeps_it(cache)
    assert said(cluster, "    replicas: 2\n") == []
    assert "'given' is a required property" in said(cluster, "    given: null\n")[0]


def test_what_flux_fills_in_is_judged_as_filled_in(cache: Path, cluster: Path) -> None:
    as_helm_keeps_it(cache)
    assert said(cluster, "    host: vendor.${DOMAIN}\n") == []
    assert said(cluster, "    host: ${SOMETHING_SECRET}\n") == []
    assert "does not match" in said(cluster, "    host: Vendor.example.com\n")[0]


def test_a_chart_that_nobody_fetched_is_not_judged(cache: Path, cluster: Path) -> None:
    assert said(cluster, "    colour: red\n") == []


@pytest.mark.parametrize("schema", [{"$ref": "https://example.net/schema.json"}, {"type": "no such type"}])
def test_a_schema_that_can_not_be_used_judges_nothing(schema: object, cache: Path, cluster: Path) -> None:
    as_helm_keeps_it(cache, schema)
    assert said(cluster, "    colour: red\n") == []
