"""`task diff` renders both sides with real charts from a real registry, by flate."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import registry
from tests.support import forge, pictures, processes
from tests.support.chart_home import DEPLOYMENT, VALUES, ChartHome, made
from tests.support.commands import TALOS_FLUX
from tests.support.needs import needs
from tests.support.proxy import Proxy, certificate_of_loopback
from tests.support.render import Renderer
from tests.support.terminal import Terminal

pytestmark = [needs("flate", "helm", "registry"), pytest.mark.full]

CLAIM = (
    "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: films}\nspec: {accessModes: [ReadWriteOnce]}\n"
)
LISTING = "---\nresources:\n  - ./helmrelease.yaml\n  - ./pvc.yaml\n"
APP = "kubernetes/apps/home/demo/app"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("diff-registry")
    yield registry.running(folder, os.getpid())
    processes.stop(folder)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_of_loopback(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def with_tls(address: str, certificate: Path) -> Iterator[str]:
    """Provide the address at which the registry speaks TLS: flate takes no other."""
    proxy = Proxy(int(address.rpartition(":")[2]), certificate=certificate)
    yield f"127.0.0.1:{proxy.port}"
    proxy.close()


@pytest.fixture
def home(tmp_path: Path, render: Renderer, address: str, with_tls: str, certificate: Path) -> ChartHome:
    """Provide an app with a claim, whose chart has two versions; committed as what Flux follows."""
    home = made(tmp_path, render({}), address)
    home.extra = {"SSL_CERT_FILE": str(certificate), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    home.push("1.0.0")
    renamed = {"arguments" if name == "args" else name: value for name, value in VALUES.items()}
    home.push("1.1.0", values=renamed, template=DEPLOYMENT.replace(".Values.args", ".Values.arguments"))
    home.add_source("1.0.0", url=f"oci://{with_tls}/{home.path}/demo")
    home.add_app(args=["--quiet"])
    home.write(f"{APP}/pvc.yaml", CLAIM)
    home.write(f"{APP}/kustomization.yaml", LISTING)
    home.commit()
    return home


def run(home: ChartHome, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TALOS_FLUX, "diff", "HEAD", *words],
        cwd=home.root,
        env=os.environ | home.environment | home.extra | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def told(home: ChartHome, code: int = 0) -> dict[str, Any]:
    done = run(home, "--format=json")
    assert done.returncode == code, done.stdout + done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def test_without_a_change_nothing_changes(home: ChartHome) -> None:
    done = run(home)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing changes in the cluster since " in done.stdout


def test_another_value_is_shown_where_it_arrives_and_its_pods_restart(home: ChartHome) -> None:
    home.add_app(args=["--loud"])
    [app] = told(home)["apps"]
    assert app["name"] == "home/demo"
    objects = {one["kind"]: one for one in app["objects"]}
    assert objects["Deployment"]["fields"] == [
        {"path": "spec.template.spec.containers[main].args[0]", "before": "--quiet", "after": "--loud"}
    ]
    assert app["restarts"] == [{"object": "Deployment home/demo", "reason": "spec.containers[main].args[0]"}]


def test_another_version_of_a_chart_is_judged_with_our_values(home: ChartHome) -> None:
    source = "kubernetes/flux/meta/repos/demo.yaml"
    home.write(source, home.read(source).replace("1.0.0", "1.1.0"))
    data = told(home)
    [chart] = data["charts"]
    assert (chart["from"], chart["to"], chart["releases"]) == ("1.0.0", "1.1.0", ["home/demo"])
    assert chart["problems"] == ["home/demo: args is gone; perhaps arguments now"]
    assert not data["needsNothing"] and data["care"] == ["demo 1.1.0: home/demo: args is gone; perhaps arguments now"]


def test_renovates_check_passes_where_nothing_needs_care_and_fails_where_something_does(home: ChartHome) -> None:
    source = "kubernetes/flux/meta/repos/demo.yaml"
    home.push("1.0.1")
    before = home.read(source)
    home.write(source, before.replace("1.0.0", "1.0.1"))
    safe = run(home, "--fail-on=care")
    assert (safe.returncode, "Needs care" in safe.stderr) == (0, False), safe.stdout + safe.stderr
    assert "demo 1.0.0 → 1.0.1: your values fit" in safe.stdout
    home.write(source, before.replace("1.0.0", "1.1.0"))
    renamed = run(home, "--fail-on=care")
    assert renamed.returncode == 2, renamed.stdout + renamed.stderr
    assert "warning: Needs care: demo 1.1.0: home/demo: args is gone; perhaps arguments now." in renamed.stderr
    # Without the word it is shown alone, and what nobody knows fails in any case.
    assert run(home).returncode == 0
    home.write(source, before.replace("1.0.0", "9.9.9"))
    assert run(home, "--fail-on=care").returncode == 1


def test_a_chart_that_says_that_something_breaks_needs_care(home: ChartHome) -> None:
    source = "kubernetes/flux/meta/repos/demo.yaml"
    home.push("1.0.2", annotations={"artifacthub.io/changes": "- kind: removed\n  description: the old port\n"})
    home.write(source, home.read(source).replace("1.0.0", "1.0.2"))
    done = run(home, "--fail-on=care")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Needs care: demo 1.0.2 says: removed: the old port." in done.stderr


def test_a_claim_that_is_listed_no_more_is_deleted_for_good(home: ChartHome) -> None:
    home.write(f"{APP}/kustomization.yaml", LISTING.replace("  - ./pvc.yaml\n", ""))
    data = told(home)
    assert [one["object"] for one in data["lost"]] == ["PersistentVolumeClaim home/films"]
    assert "warning: PersistentVolumeClaim home/films is deleted for good" in run(home).stderr


def test_an_app_that_goes_takes_all_its_objects_along(home: ChartHome) -> None:
    shutil.rmtree(home.root / "kubernetes/apps/home/demo")
    home.write("kubernetes/apps/home/kustomization.yaml", "---\nresources: []\n")
    removed = {
        (app["name"], one["kind"]) for app in told(home)["apps"] for one in app["objects"] if one["what"] == "removed"
    }
    assert {
        ("home/demo", kind) for kind in ("Deployment", "HelmRelease", "Kustomization", "PersistentVolumeClaim")
    } <= removed


def test_a_version_that_no_registry_has_is_not_taken_for_a_removal(home: ChartHome) -> None:
    source = "kubernetes/flux/meta/repos/demo.yaml"
    home.write(source, home.read(source).replace("1.0.0", "9.9.9"))
    data = told(home, code=1)
    assert "HelmRelease home/demo" in data["unknown"] and "9.9.9" in data["unknown"]["HelmRelease home/demo"]
    assert not [one for app in data["apps"] for one in app["objects"] if one["what"] == "removed"]


@pytest.mark.parametrize("revision", ["no-such-branch", "--orphan", "HEAD^{tree}"])
def test_a_revision_that_is_none_is_refused_by_name(home: ChartHome, revision: str) -> None:
    done = subprocess.run(
        [*TALOS_FLUX, "diff", "--", revision], cwd=home.root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "→ Rendering both sides, charts included\n")
    assert f"error: {revision} is no commit of this repository" in done.stderr


def test_neither_the_index_nor_the_work_tree_is_touched(home: ChartHome) -> None:
    home.add_app(args=["--loud"])
    home.git("add", f"{APP}/helmrelease.yaml")
    before = home.git("status", "--porcelain", "--untracked-files=all")
    run(home)
    assert home.git("status", "--porcelain", "--untracked-files=all") == before
    assert home.git("worktree", "list").count("\n") == 1


def test_ci_writes_it_into_the_pull_request_once_and_the_token_reaches_no_program(
    home: ChartHome, tmp_path: Path
) -> None:
    home.add_app(args=["--loud"])
    with forge.serving(tmp_path / "served", "github") as host:
        for _ in range(2):
            done = run(home, "--comment", **host.environment)
            assert done.returncode == 0, done.stdout + done.stderr
        [comment] = host.comments
    assert "| home/demo | " in comment["body"] and "- --quiet\n+ --loud" in comment["body"]
    assert forge.TOKEN not in done.stdout + done.stderr + comment["body"]


def test_its_picture(home: ChartHome) -> None:
    source = "kubernetes/flux/meta/repos/demo.yaml"
    home.write(source, home.read(source).replace("1.0.0", "1.1.0"))
    home.write(f"{APP}/kustomization.yaml", LISTING.replace("  - ./pvc.yaml\n", ""))
    environment = home.environment | home.extra | {"COLUMNS": "120"}
    with Terminal([*TALOS_FLUX, "diff", "HEAD", "--fields"], home.root, more=environment) as terminal:
        assert terminal.ends() == 0
        said = ("spec.ref.tag", "demo 1.0.0 → 1.1.0: needs care", "args is gone; perhaps arguments now")
        pictures.take(terminal, "diff", "task diff", *said, "films is deleted for good")
