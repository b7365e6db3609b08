"""Mistakes that schemas don't see: each keeps its app from being Ready, and the report names the cause."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.conftest import Slot

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.xdist_group("defects")]


@dataclass(frozen=True)
class Defect:
    """An app like echo with a mistake: in which file which text becomes which, and what the report then says."""

    app: str
    file: str
    old: str
    new: str
    report: str


DEFECTS = (
    Defect("wrong-path", "ks.yaml", "/wrong-path/app\n", "/wrong-path/ap\n", "/wrong-path/ap: no such file"),
    Defect("no-dependency", "ks.yaml", "dependsOn:\n", "dependsOn:\n    - name: nobody\n", 'nobody" not found'),
    Defect("circle", "ks.yaml", "dependsOn:\n", "dependsOn:\n    - name: half\n", "'flux-system/half' is not ready"),
    Defect("half", "ks.yaml", "dependsOn:\n", "dependsOn:\n    - name: circle\n", "'flux-system/circle' is not ready"),
    Defect("no-source", "app/helmrelease.yaml", "name: app-template\n", "name: no-template\n", "no-template"),
    Defect(
        "bad-patch",
        "app/kustomization.yaml",
        "resources:\n",
        "patches:\n"
        "  - target:\n      kind: HelmRelease\n    patch: '[{op: replace, path: /spec/not/there, value: 1}]'\n"
        "resources:\n",
        "/spec/not/there",
    ),
    Defect(
        "no-kind",
        "app/helmrelease.yaml",
        "apiVersion:",
        "apiVersion: nobody.example.net/v1\nkind: Nothing\nmetadata:\n  name: nothing\n---\napiVersion:",
        'no matches for kind "Nothing" in version "nobody.example.net/v1"',
    ),
    Defect("no-variable", "app/helmrelease.yaml", "  values:\n", "  values:\n    global: ${NOWHERE}\n", "NOWHERE"),
    Defect(
        "bad-value", "app/helmrelease.yaml", "  values:\n", "  values:\n    ingresss: {}\n", "'ingresss' not allowed"
    ),
    Defect(
        "not-listed", "../kustomization.yaml", "  - ./not-listed/ks.yaml\n", "", "not there: Kustomization not-listed"
    ),
)


@pytest.fixture(scope="module")
def report(slot: Slot, checkout: Callable[[str, Path], Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a failing test prints of a cluster with all of them."""
    folder = tmp_path_factory.mktemp("defects")
    root = checkout("minimal", folder)
    for defect in DEFECTS:
        make(root / "kubernetes/apps/default", defect)
    cluster = slot.take(root, folder / "run")
    cluster.start()
    cluster.commit()
    bad = {f"Kustomization {defect.app}" for defect in DEFECTS} - {"Kustomization not-listed"}
    bad |= {"Kustomization cluster-apps", "HelmRelease default/no-source", "HelmRelease default/bad-value"}
    cluster.wait_until(lambda: "echo" in cluster.kustomizations, "the apps are there")
    cluster.wait_until(lambda: cluster.unready().keys() == bad, "everything else is Ready")
    with pytest.raises(AssertionError) as failure:
        cluster.wait_until_ready(seconds=1)
    return str(failure.value)


def make(namespace: Path, defect: Defect) -> None:
    """A copy of echo by another name, with the mistake."""
    folder = namespace / defect.app
    shutil.copytree(namespace / "echo", folder)
    for path in folder.rglob("*.yaml"):
        path.write_text(path.read_text().replace("echo", defect.app).replace(f"mendhak/http-https-{defect.app}", "x/y"))
    listing = namespace / "kustomization.yaml"
    listing.write_text(f"{listing.read_text()}  - ./{defect.app}/ks.yaml\n")
    text = (folder / defect.file).read_text()
    assert defect.old in text
    (folder / defect.file).write_text(text.replace(defect.old, defect.new, 1))


@pytest.mark.parametrize("defect", DEFECTS, ids=[defect.app for defect in DEFECTS])
def test_the_report_names_the_cause(defect: Defect, report: str) -> None:
    blocks = re.split(r"\n(?=\S)", report)
    about = [block for block in blocks if re.search(rf"[ /]{defect.app}\b", block.partition("\n")[0])]
    assert defect.report in "\n".join(about)


def test_the_report_shows_what_the_controller_logged(report: str) -> None:
    assert re.search(r"^    log: Reconciliation failed .*no matches for kind", report, re.MULTILINE)
