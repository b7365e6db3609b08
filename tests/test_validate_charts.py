"""Values are held against the charts that were fetched before, as Helm will do it."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest
import yaml

from talos_flux.charts import known_keys
from talos_flux.charts.at_hand import registries
from talos_flux.charts.chart_values import ChartJudgement, in_one_line
from talos_flux.manifests.flux_tree import Cluster
from tests.doubles import app_template_keys
from tests.support.additions import Adder
from tests.support.cases import EXAMPLES
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
ABOUT = f"name: vendor\nversion: {VERSION}\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("HELM_CACHE_HOME", "HELMFILE_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def as_helm_keeps_it(cache: Path, schema: object = SCHEMA) -> None:
    (cache / "helm/repository").mkdir(parents=True)
    with tarfile.open(cache / f"helm/repository/vendor-{VERSION}.tgz", "w:gz") as archive:
        files = {"Chart.yaml": ABOUT, "values.schema.json": json.dumps(schema), "values.yaml": yaml.safe_dump(DEFAULTS)}
        for name, content in files.items():
            member = tarfile.TarInfo(f"vendor/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))


def as_helmfile_keeps_it(cache: Path) -> None:
    folder = cache / f"helmfile/oci__ghcr_io/example/charts/vendor/{VERSION}/vendor"
    folder.mkdir(parents=True)
    (folder / "Chart.yaml").write_text(ABOUT)
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
    with registries(offline=True) as asked:
        findings = list(ChartJudgement(Cluster(root), asked).findings(None))
    return [str(finding).partition("helmrelease.yaml:")[2] for finding in findings]


@pytest.mark.parametrize("keep", [as_helm_keeps_it, as_helmfile_keeps_it])
def test_what_the_schema_refuses_is_found_at_its_line(keep, cache: Path, cluster: Path) -> None:  # type: ignore[no-untyped-def]
    keep(cache)
    found = said(cluster, "    host: vendor.${DOMAIN}\n    replicas: 5\n    colour: red\n")
    line = (cluster / "kubernetes/apps/media/vendor/app/helmrelease.yaml").read_text().splitlines().index(
        "    replicas: 5"
    ) + 1
    too_many, unknown = sorted(found)
    assert unknown == f"{line + 1}: vendor 2.0.0 refuses colour: it is no key of the chart [chart-values]"
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


def test_a_key_that_only_looks_like_one_is_told_the_right_one(cache: Path, cluster: Path) -> None:
    as_helm_keeps_it(cache)
    assert (
        "refuses replicsa: it is no key of the chart: did you mean replicas?" in said(cluster, "    replicsa: 2\n")[0]
    )


def test_a_chart_that_nobody_fetched_is_not_judged_and_that_is_said(cache: Path, cluster: Path) -> None:
    assert said(cluster, "    colour: red\n") == []
    with registries(offline=True) as asked:
        judgement = ChartJudgement(Cluster(cluster), asked)
        assert list(judgement.findings({"kubernetes/apps/media/vendor/app/helmrelease.yaml"})) == []
    assert in_one_line(judgement.not_judged, "chart") == "1 chart was not judged: not on this computer"
    assert [one.name for one in judgement.not_judged] == ["vendor 2.0.0"]


def test_what_a_secret_can_hold_is_not_missed(cache: Path, cluster: Path) -> None:
    as_helm_keeps_it(cache, SCHEMA | {"required": ["gone"]})
    assert "'gone' is a required property" in said(cluster, "    replicas: 2\n")[0]
    assert said(cluster, "    replicas: 2\n  valuesFrom: [{kind: Secret, name: vendor}]\n") == []


@pytest.mark.parametrize("schema", [{"$ref": "https://example.net/schema.json"}, {"type": "no such type"}])
def test_a_schema_that_can_not_be_used_judges_nothing(schema: object, cache: Path, cluster: Path) -> None:
    as_helm_keeps_it(cache, schema)
    assert ["refuses" in one for one in said(cluster, "    colour: red\n")] == [False]


@pytest.fixture
def notes(template: Path, render: Renderer, tmp_path: Path) -> Path:
    """Provide a cluster with one app of app-template, whose chart nobody fetched."""
    root = tmp_path / "notes"
    shutil.copytree(render({}), root)
    Adder(template).add("app", root / "kubernetes/apps/media/notes", {"app_image": "ghcr.io/example/notes:1.0.0"})
    return root


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    controllers:", "    controllerz:",
         "refuses controllerz: it is no key of the chart: did you mean controllers?"),
        ("        replicas: 1", "        replicsa: 1",
         "refuses controllers.notes.replicsa: it is no key of the chart: did you mean replicas?"),
        ("            image:", "            imgae:",
         "refuses controllers.notes.containers.app.imgae: it is no key of the chart: did you mean image?"),
        ("    controllers:", "    podLabels: {a: b}\n    controllers:", "reads no podLabels"),
        # Words, lists and mappings.
        ("        replicas: 1", "        type: daemonSet",
         "refuses controllers.notes.type: daemonSet is none of its words: did you mean daemonset?"),
        ("    persistence:", "    persistence:\n      x: {type: congigMap, name: a}",
         "refuses persistence.x.type: congigMap is none of its volumes: did you mean configMap?"),
        ("    persistence:", "    persistence:\n      x: {type: secret}",
         "refuses persistence.x: a volume of type secret needs name or identifier"),
        ("    persistence:", "    persistence:\n      x: {type: emptyDir, globalMounts: /data}",
         "refuses persistence.x.globalMounts: it is a list, and not /data"),
        ("    controllers:", "    serviceAccount: {create: false}\n    controllers:",
         "refuses serviceAccount.create: below this name stand its settings, and not False"),
        # A key of another place, and none that is misspelled.
        ("    controllers:", "    resources: {}\n    controllers:", "reads no resources: did you mean rawResources?"),
    ],
)  # fmt: skip
def test_a_key_that_app_template_does_not_have_is_found_without_the_chart(
    old: str, new: str, words: str, cache: Path, notes: Path
) -> None:
    path = notes / "kubernetes/apps/media/notes/app/helmrelease.yaml"
    if old not in path.read_text():
        path.write_text(path.read_text().replace("        containers:", "        replicas: 1\n        containers:"))
    assert ours(notes) == []
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    [found] = ours(notes)
    wrong = next(line for line in new.splitlines() if line not in old)
    line = path.read_text().splitlines().index(wrong) + 1
    assert found.startswith(f"{line}: app-template 5.") and found.rpartition(" [")[0].endswith(words)


def ours(root: Path) -> list[str]:
    with registries(offline=True) as asked:
        findings = list(ChartJudgement(Cluster(root), asked).findings(None))
    return [str(one).partition("notes/app/helmrelease.yaml:")[2] for one in findings if "/notes/" in one.place.path]


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_app_template_has_the_keys_that_this_template_writes(example: str, cache: Path, render: Renderer) -> None:
    with registries(offline=True) as asked:
        judgement = ChartJudgement(Cluster(render(EXAMPLES[example])), asked)
        assert list(map(str, judgement.findings(None))) == []
    assert not any(one.name.startswith("app-template") for one in judgement.not_judged)


def test_the_keys_of_app_template_are_those_of_its_double() -> None:
    """Everything that the double takes, the table has: both are of the same chart."""
    for section in ("controllers", "service", "persistence", "ingress"):
        assert section in known_keys.VALUES
    assert app_template_keys.POD.keys() <= known_keys.POD.keys()
    assert app_template_keys.CONTAINER.keys() <= known_keys.CONTAINER.keys()
    assert app_template_keys.CONTROLLER.keys() <= known_keys.CONTROLLER.keys()
    assert app_template_keys.SERVICE.keys() <= known_keys.SERVICE.keys()
    assert app_template_keys.INGRESS.keys() <= known_keys.INGRESS.keys()
    assert app_template_keys.VALUES.keys() <= known_keys.VALUES.keys()
    for volume in app_template_keys.VOLUMES.values():
        assert volume.keys() <= known_keys.VOLUME.keys()
