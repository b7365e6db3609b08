"""Three controllers get a worker, which then runs the apps alone, and goes again.

Each step is a `task update` of the answers. Machines follow their Talos configuration as Talos makes them follow.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.actors import is_ready
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import Slot
from tests.cluster.state import helm_releases
from tests.support.needs import CLUSTER, needs
from tests.support.render import Renderer
from tests.support.repository import Object
from tests.support.years import Years, home_with_apps

pytestmark = [needs(*CLUSTER), pytest.mark.full, pytest.mark.xdist_group("workers")]

CONTROLLERS = {"k8s-1", "k8s-2", "k8s-3"}
WORKER = {"name": "k8s-4", "address": "192.168.1.97", "disk": "/dev/sda", "interface": "eno1", "controller": False}
JELLYFIN = "kubernetes/apps/media/jellyfin"


@pytest.fixture(scope="module")
def years(render: Renderer, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Years:
    """Provide three controllers with Longhorn and an app."""
    folder = tmp_path_factory.mktemp("workers")
    home = home_with_apps(folder / "before", render({"storage": "longhorn", "components": []}), template, [JELLYFIN])
    return Years(folder, home.root, template)


@pytest.fixture(scope="module")
def live(years: Years, slot: Slot) -> Cluster:
    cluster = slot.take(years.root, years.folder / "run")
    cluster.start()
    cluster.wait_until_ready()
    return cluster


@pytest.fixture(scope="module")
def follow(years: Years, live: Cluster) -> Callable[..., str]:
    """Change answers, commit, apply the machines' configurations, and wait for Flux; what the update said."""

    def follow(**answers: Any) -> str:
        words = [word for name, value in answers.items() for word in ("--data", f"{name}={json.dumps(value)}")]
        said = years.update(*words)
        live.commit()
        live.register_machines()
        live.wait_until_ready()
        return said

    return follow


def nodes_of(years: Years) -> list[Object]:
    """Return the recorded answer."""
    found: list[Object] = yaml.safe_load(years.text(".copier-answers.yml"))["nodes"]
    return found


def taints(live: Cluster) -> dict[str, tuple[str, ...]]:
    """Return what each node's taints keep away."""
    return {
        node["metadata"]["name"]: tuple(taint["key"] for taint in node["spec"].get("taints", []))
        for node in live.server.everything("v1", "Node")
    }


def announcing(live: Cluster) -> set[str]:
    """Return the nodes that answer for load balancer addresses: the API server knows whom a selector means."""
    [policy] = live.server.everything("cilium.io/v2alpha1", "CiliumL2AnnouncementPolicy")
    [expression] = policy["spec"]["nodeSelector"]["matchExpressions"]
    assert expression["operator"] == "DoesNotExist"
    found = live.server.call("GET", f"/api/v1/nodes?labelSelector=!{expression['key']}")
    return {node["metadata"]["name"] for node in found["items"]}


def copies(live: Cluster) -> set[int]:
    """Return on how many nodes Longhorn keeps a volume, in each place that its release says so."""
    values = helm_releases(live)["storage", "longhorn"]["config"]
    settings = values["defaultSettings"]["defaultReplicaCount"]
    return {int(values["persistence"]["defaultClassReplicaCount"]), *map(int, settings.values())}


def running_on(live: Cluster, namespace: str, name: str) -> set[str]:
    """Return the nodes of an app's pods that run."""
    return {
        pod["spec"]["nodeName"]
        for pod in live.server.everything("v1", "Pod")
        if pod["metadata"]["namespace"] == namespace
        and pod["metadata"]["name"].startswith(name)
        and not pod["metadata"].get("deletionTimestamp")
        and pod["status"].get("phase") == "Running"
    }


def restart_pods(live: Cluster, namespace: str, name: str) -> None:
    """Delete an app's pods, as a drain does: a taint alone moves none."""
    for pod in live.server.everything("v1", "Pod"):
        if pod["metadata"]["namespace"] == namespace and pod["metadata"]["name"].startswith(name):
            live.server.call("DELETE", f"{live.server.path_of(pod)}/{pod['metadata']['name']}")


def test_three_controllers_run_apps_keep_three_copies_and_answer_for_addresses(live: Cluster) -> None:
    assert taints(live) == dict.fromkeys(CONTROLLERS, ())
    assert (copies(live), announcing(live)) == ({3}, CONTROLLERS)
    assert running_on(live, "storage", "longhorn-") >= CONTROLLERS


def test_a_first_worker_takes_nothing_from_the_controllers(
    live: Cluster, years: Years, follow: Callable[..., str]
) -> None:
    before = {pod["metadata"]["uid"] for pod in live.server.everything("v1", "Pod")}
    said = follow(nodes=[*nodes_of(years), WORKER])
    assert "nodes that run apps: k8s-1, k8s-2, k8s-3 becomes k8s-1, k8s-2, k8s-3, k8s-4\n" in said
    assert "copies" not in said
    assert taints(live) == dict.fromkeys(CONTROLLERS | {"k8s-4"}, ())
    assert (copies(live), announcing(live)) == ({3}, CONTROLLERS | {"k8s-4"})
    live.wait_until(lambda: "k8s-4" in running_on(live, "storage", "longhorn-"), "Longhorn runs on the worker")
    assert before <= {pod["metadata"]["uid"] for pod in live.server.everything("v1", "Pod")}


def test_controllers_give_up_the_apps_only_when_that_is_the_answer(live: Cluster, follow: Callable[..., str]) -> None:
    said = follow(controllers_run_apps=False)
    assert "copies of a Longhorn volume: 3 becomes 1\n" in said
    assert taints(live) == dict.fromkeys(CONTROLLERS, ("node-role.kubernetes.io/control-plane",)) | {"k8s-4": ()}
    assert (copies(live), announcing(live)) == ({1}, {"k8s-4"})
    restart_pods(live, "media", "jellyfin")
    live.wait_until(lambda: running_on(live, "media", "jellyfin") == {"k8s-4"}, "the app runs on the worker")


def test_when_the_only_worker_goes_the_controllers_run_everything_again(
    live: Cluster, years: Years, follow: Callable[..., str]
) -> None:
    said = follow(nodes=[node for node in nodes_of(years) if node["name"] != WORKER["name"]])
    assert "copies of a Longhorn volume: 1 becomes 3\n" in said
    assert taints(live) == dict.fromkeys(CONTROLLERS, ())
    assert (copies(live), announcing(live)) == ({3}, CONTROLLERS)
    live.wait_until(lambda: running_on(live, "media", "jellyfin") & CONTROLLERS, "the app runs on a controller")
    assert is_ready(live.releases["media/jellyfin"])
