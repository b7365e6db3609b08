"""One live cluster at a time in each process: a fresh one takes a minute and a gigabyte."""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.conftest import one_worker_each
from tests.support import app_cases
from tests.support.additions import Adder
from tests.support.cases import EXAMPLES
from tests.support.render import Renderer, git

WITH_APPS = "fifty-apps"
OF_APPS = "nginx-onepassword-local-path"
EVERY = one_worker_each([*EXAMPLES, WITH_APPS])
APART_SECONDS = 0.3


@pytest.fixture(scope="session")
def checkout(template: Path, render: Renderer) -> Callable[[str, Path], Path]:
    """checkout(name, folder) is a cluster in git: an example, or the one with an app of every kind."""

    def make(name: str, folder: Path) -> Path:
        if name == WITH_APPS:
            answers = app_cases.CLUSTERS[OF_APPS]
            Adder(template).make_cluster(folder, render(answers), answers)
        else:
            shutil.copytree(render(EXAMPLES[name]), folder)
        git(folder, "init", "--quiet", "--initial-branch", "main")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "feat: the cluster")
        return folder

    return make


def provide_what_the_apps_take_for_granted(cluster: Cluster) -> None:
    """Graphics cards, the vendor's runtime class, and a claim that somebody else made."""
    for node in cluster.server.everything("v1", "Node"):
        cards = dict.fromkeys(("amd.com/gpu", "gpu.intel.com/i915", "nvidia.com/gpu"), "4")
        cluster.server.set_status(node, {"capacity": cards, "allocatable": cards})
    metadata = {"name": "nvidia"}
    runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": metadata, "handler": "nvidia"}
    cluster.server.apply(runtime)
    for namespace in sorted({app.namespace for app in cluster.repository.apps}):
        cluster.server.has_namespace(namespace)
        metadata = {"name": "somebody-elses", "namespace": namespace}
        spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
        cluster.server.apply(claim | {"spec": spec | {"storageClassName": "local-path"}})


@pytest.fixture(scope="session")
def live(
    request: pytest.FixtureRequest, checkout: Callable[[str, Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A cluster that Flux has begun to bring up; its charts arrive one by one, in an order of their own."""
    folder = tmp_path_factory.mktemp(request.param)
    cluster = Cluster(checkout(request.param, folder / "home"), folder / "run")
    try:
        if request.param == WITH_APPS:
            provide_what_the_apps_take_for_granted(cluster)
        sources = [name for _, name in cluster.repository.sources]
        random.Random(request.param).shuffle(sources)  # noqa: S311, an order and no secret
        cluster.source.failing = dict.fromkeys(sources, "MANIFEST_UNKNOWN: manifest unknown")
        cluster.start()
        cluster.wait_until(lambda: cluster.releases, "the first HelmRelease is there", seconds=60)
        for source in sources:
            time.sleep(APART_SECONDS)
            del cluster.source.failing[source]
        yield cluster
    finally:
        cluster.stop()
