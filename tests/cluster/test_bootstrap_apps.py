"""`task bootstrap:apps` against a cluster with fake machines and charts from a registry; then Flux takes over.

The tests build on each other: interrupted, resumed, repeated, adopted.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import charts, registry
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import Slot
from tests.cluster.state import WORKLOADS, helm_releases, key, state
from tests.doubles.workplace import ANSWERS, Workplace, set_up
from tests.support import processes
from tests.support.given import given
from tests.support.needs import CLUSTER, needs
from tests.support.render import Renderer
from tests.support.repository import Object, parse

pytestmark = [
    needs(*CLUSTER, "helmfile", "helm", "registry", "task", "sops", "age-keygen"),
    pytest.mark.full,
    pytest.mark.xdist_group("bootstrap-apps"),
]

HELM_CONTROLLER = "helm.toolkit.fluxcd.io/"


@dataclass
class Home:
    workplace: Workplace
    cluster: Cluster

    @property
    def apps(self) -> list[tuple[str, str]]:
        """Namespace and name of what is installed before Flux, in order."""
        listed = self.cluster.repository.documents("bootstrap/apps.yaml")[0]["apps"]
        return [tuple(path.split("/")) for path in listed]

    def status(self, place: tuple[str, str]) -> str:
        """Return the status that helm reports for a release."""
        return str(helm_releases(self.cluster)[place]["info"]["status"])

    def began(self, place: tuple[str, str]) -> str:
        """When helm last began with a release; empty when it never did."""
        release = helm_releases(self.cluster).get(place)
        return str(release["info"]["last_deployed"]) if release else ""


@pytest.fixture(scope="module")
def home(slot: Slot, render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Machines that have joined, and a checkout with every secret, whose first charts a registry on loopback has."""
    folder = tmp_path_factory.mktemp("bootstrap-apps")
    workplace = set_up(folder, render(ANSWERS))
    workplace.succeeds("init")
    for name, field in (("op-credentials", "1password-credentials.json"), ("onepassword-token", "token")):
        workplace.succeeds("secret:set", f"SECRET={name}", f"KEY={field}", stdin=given(workplace.root, name, field))
    cluster = slot.take(workplace.root, folder / "run", with_secrets=False)
    home = Home(workplace, cluster)
    try:
        with_charts_from(registry.running(folder / "registry", os.getpid()), home, folder)
        shutil.copy(cluster.folder / "kubeconfig", workplace.root / "kubeconfig")
        cluster.play()
        yield home
    finally:
        processes.stop(folder / "registry")


def with_charts_from(address: str, home: Home, folder: Path) -> None:
    """Push the charts to the registry, and name it in their sources."""
    for _, name in home.apps:
        file = f"kubernetes/flux/meta/repos/{name}.yaml"
        spec = home.cluster.repository.documents(file)[0]["spec"]
        path, _, chart = spec["url"].removeprefix("oci://").rpartition("/")
        archive = charts.archive(chart, spec["ref"]["tag"])
        registry.push(address, path, archive, folder)
        home.workplace.write(file, home.workplace.read(file).replace("oci://", f"oci://{address}/"))
    # Nobody has a certificate for loopback.
    helmfile = "bootstrap/helmfile.yaml.gotmpl"
    text = home.workplace.read(helmfile).replace("helmDefaults:\n", "helmDefaults:\n  plainHttp: true\n")
    home.workplace.write(helmfile, text)
    home.workplace.push()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_installation_that_was_interrupted_goes_on(how: signal.Signals, home: Home) -> None:
    """Cilium's pods can't start, so the interruption comes while helm waits for them."""
    cilium = home.apps[1]
    before = home.began(cilium)
    home.cluster.actors.held.add("Pod")
    with home.workplace.running("bootstrap:apps", "--", "--timeout=1") as task:
        home.cluster.wait_until(lambda: home.began(cilium) > before or task.poll() is not None, "helm waits")
        assert task.poll() is None, task.communicate()[0]
        os.killpg(task.pid, how)
        said, _ = task.communicate(timeout=60)
    assert task.returncode != 0
    assert "Traceback" not in said
    assert home.status(cilium) != "deployed"


def test_the_next_installation_completes_it(home: Home) -> None:
    home.cluster.actors.held.clear()
    home.workplace.succeeds("bootstrap:apps", "--", "--timeout=1")
    assert {place: home.status(place) for place in home.apps} == dict.fromkeys(home.apps, "deployed")


def test_installing_again_changes_nothing(home: Home) -> None:
    before, running = helm_releases(home.cluster), state(home.cluster, WORKLOADS)
    home.workplace.succeeds("bootstrap:apps", "--", "--timeout=1")
    after = helm_releases(home.cluster)
    for place in home.apps:
        assert objects(after[place]) == objects(before[place]), place
    assert state(home.cluster, WORKLOADS) == running


def test_flux_adopts_each_release_with_one_upgrade_that_changes_nothing(home: Home) -> None:
    before, running = helm_releases(home.cluster), state(home.cluster, WORKLOADS)
    home.cluster.start()
    home.cluster.wait_until_ready()
    after = helm_releases(home.cluster)
    for place in home.apps:
        assert after[place]["version"] == before[place]["version"] + 1, place
        assert after[place]["config"] == before[place]["config"], place
        assert objects(after[place]) == objects(before[place]), place
    assert {item: now for item, now in state(home.cluster, WORKLOADS).items() if item in running} == running


def test_a_release_that_flux_has_taken_over_is_left_to_it(home: Home) -> None:
    namespace, name = home.apps[1]
    version = helm_releases(home.cluster)[namespace, name]["version"]
    record = f"/api/v1/namespaces/{namespace}/secrets/sh.helm.release.v1.{name}.v{version}"
    pending = {"metadata": {"labels": {"status": "pending-upgrade"}}}
    home.cluster.server.call("PATCH", record, pending, "application/merge-patch+json")
    done = home.workplace.task("bootstrap:apps", "--", "--timeout=1")
    # Helm refuses, as it should: Flux may be at it, and unlocks it when it is not.
    assert done.returncode != 0
    assert "begins anew" not in done.stdout
    assert home.cluster.server.call("GET", record)


def objects(release: Object) -> list[Object]:
    """Return a release's objects as helm-controller's post-renderer writes them, without the labels that mark them."""
    found: list[Object] = [without_nulls(item) for item in parse(release["manifest"])]
    for item in found:
        labels = item["metadata"].pop("labels", {})
        if kept := {name: text for name, text in labels.items() if not name.startswith(HELM_CONTROLLER)}:
            item["metadata"]["labels"] = kept
    return sorted(found, key=key)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(part) for name, part in value.items() if part is not None}
    return [without_nulls(part) for part in value] if isinstance(value, list) else value
