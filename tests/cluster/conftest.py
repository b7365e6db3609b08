"""One live cluster at a time in each process: a fresh one takes a minute and more than a gigabyte."""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.cluster import RETRY, Cluster
from tests.doubles.workplace import Workplace, set_up
from tests.support import app_cases
from tests.support.additions import Adder
from tests.support.cases import EXAMPLES
from tests.support.flux import LOOKS_LIKE_A_NUMBER
from tests.support.given import given
from tests.support.render import Renderer, git

WITH_APPS = "twenty-apps"
OF_APPS = "envoy-onepassword-longhorn"
# Each differs from the others in what brings it up: who keeps the secrets, who serves, how much there is. test_waiting
# brings up one with Envoy Gateway, test_bootstrap_apps Anton; the objects of all examples are judged by the API server.
EVERY = ["minimal", "sops", "everything", WITH_APPS]
# Tests of the same cluster that need none live, between those that do, would end it.
LIVE = "live-"
APART_SECONDS = 0.3


class Slot:
    """Holds at most one cluster: a second one first ends the first."""

    def __init__(self) -> None:
        self._cluster: Cluster | None = None

    def take(self, checkout: Path, folder: Path, *, with_secrets: bool = True, retry: str = RETRY) -> Cluster:
        """Create a cluster in which nothing runs yet."""
        self.free()
        self._cluster = Cluster(checkout, folder, with_secrets=with_secrets, retry=retry)
        return self._cluster

    def free(self) -> None:
        """End the cluster, if there is one."""
        if self._cluster:
            self._cluster.stop()
            self._cluster = None


_slot = Slot()


def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """No cluster stays while other tests run."""
    if not nextitem or not nextitem.path.is_relative_to(Path(__file__).parent):
        _slot.free()


@pytest.fixture(scope="session")
def slot() -> Iterator[Slot]:
    """Where this process keeps its cluster."""
    yield _slot
    _slot.free()


@pytest.fixture(scope="session")
def checkout(template: Path, render: Renderer) -> Callable[[str, Path], Path]:
    """checkout(name, folder) is a cluster in git below folder: an example, or the one with an app of every kind.

    One that keeps its Secrets with SOPS has them, after `task init` and a `task secret:set` for each.
    """

    def make(name: str, folder: Path) -> Path:
        if name != WITH_APPS and EXAMPLES[name].get("secrets_backend") == "sops":
            return with_its_secrets(set_up(folder, render(EXAMPLES[name])))
        home = folder / "home"
        if name == WITH_APPS:
            answers = app_cases.CLUSTERS[OF_APPS]
            every_third = [f"{namespace}/{name}" for namespace, name, _ in app_cases.apps(answers)][::3]
            Adder(template).make_cluster(home, render(answers), answers, only=every_third)
        else:
            shutil.copytree(render(EXAMPLES[name]), home)
        git(home, "init", "--quiet", "--initial-branch", "main")
        git(home, "add", "--all")
        git(home, "commit", "--quiet", "--message", "feat: the cluster")
        return home

    return make


def with_its_secrets(workplace: Workplace) -> Path:
    """Set up a checkout; each given value has the form of its key, and restic's password consists of digits."""
    workplace.succeeds("init")
    secrets = yaml.safe_load(workplace.read("bootstrap/secrets.yaml"))["secrets"]
    keys = {(one["name"], key["name"]) for one in secrets for key in one["keys"] if key["made"] == "given"}
    for name, key in sorted(keys):
        workplace.succeeds("secret:set", f"SECRET={name}", f"KEY={key}", stdin=given(workplace.root, name, key))
    workplace.succeeds("secret:set", "SECRET=backups", "KEY=RESTIC_PASSWORD", stdin=LOOKS_LIKE_A_NUMBER)
    workplace.push()
    return workplace.root


def provide_what_the_apps_take_for_granted(cluster: Cluster) -> None:
    """Graphics cards, the vendor's runtime class, and the volumes of the claims that apps share."""
    for node in cluster.server.everything("v1", "Node"):
        cards = dict.fromkeys(("amd.com/gpu", "gpu.intel.com/i915", "nvidia.com/gpu"), "4")
        cluster.server.set_status(node, {"capacity": cards, "allocatable": cards})
    cluster.server.apply(app_cases.NVIDIA)
    for namespace in sorted({app.namespace for app in cluster.repository.apps}):
        volume = {"apiVersion": "v1", "kind": "PersistentVolume"}
        metadata = {"name": f"{app_cases.CLAIM}-{namespace}"}
        spec = {"accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/var/shared"}}
        cluster.server.apply(volume | {"metadata": metadata, "spec": spec})


@pytest.fixture(scope="session")
def live(
    request: pytest.FixtureRequest,
    slot: Slot,
    checkout: Callable[[str, Path], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Cluster:
    """Provide a cluster that Flux has begun to bring up; its charts arrive one by one, in an order of their own."""
    folder = tmp_path_factory.mktemp(request.param)
    cluster = slot.take(checkout(request.param, folder), folder / "run")
    if request.param == WITH_APPS:
        provide_what_the_apps_take_for_granted(cluster)
    if (key := cluster.checkout / "age.key").exists():
        cluster.give_key(key.read_text())
    sources = [name for _, name in cluster.repository.sources]
    random.Random(request.param).shuffle(sources)  # noqa: S311, an order and no secret
    cluster.source.failing = dict.fromkeys(sources, "MANIFEST_UNKNOWN: manifest unknown")
    cluster.start()
    cluster.wait_until(lambda: cluster.releases, "the first HelmRelease is there")
    for source in sources:
        time.sleep(APART_SECONDS)
        del cluster.source.failing[source]
    return cluster
