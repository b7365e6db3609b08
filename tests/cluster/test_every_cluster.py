"""What Flux itself makes of examples, and of a cluster with twenty generated apps."""

import json
import re
import subprocess

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.conftest import EVERY, LIVE
from tests.cluster.state import differences, helm_releases, state
from tests.conftest import one_worker_each
from tests.support import charts, crds
from tests.support.commands import TALOS_FLUX
from tests.support.needs import CLUSTER, needs
from tests.support.repository import Object

pytestmark = [
    needs(*CLUSTER, "sops", "age-keygen", "task"),
    pytest.mark.full,
    pytest.mark.parametrize("live", one_worker_each(EVERY, prefix=LIVE), indirect=True),
]


def test_everything_becomes_ready_in_whatever_order_the_charts_arrive(live: Cluster) -> None:
    live.wait_until_ready()


def test_no_app_is_tried_before_what_it_needs_is_there(live: Cluster) -> None:
    """A missing dependsOn heals itself by the next try, so that it shows only in what was logged."""
    live.wait_until_ready()
    of_kustomizations = [error for error in live.errors_on_the_way or () if error["controller"] == "kustomization"]
    # Flux ends its own waiting when something newer comes (CancelHealthCheckOnNewRevision): nothing is missing then.
    failed = [error for error in of_kustomizations if error["error"] != "context canceled"]
    early = [error for error in failed if not is_only_found_late(live, error)]
    assert [f"{error['name']}: {error['error']}" for error in early] == []


def is_only_found_late(live: Cluster, error: Object) -> bool:
    """Whether a kind was missed whose app was Ready already: clients find a new kind a moment after it is served."""
    missed = re.search(r'no matches for kind ".*" in version "([^/]+)/', error["error"])
    provider = crds.PROVIDERS.get(missed[1], "") if missed else ""
    return live.first_ready.get(provider, "never") <= error["ts"]


def test_an_app_comes_only_after_all_that_it_depends_on(live: Cluster) -> None:
    live.wait_until_ready()
    early = []
    for app in live.repository.apps:
        name = app.kustomization["metadata"]["name"]
        for needed in app.depends_on:
            created = [found["metadata"]["creationTimestamp"] for found in live.objects(name)]
            if min(created) < live.first_ready[needed]:
                early.append(f"{name} of {min(created)} before {needed} was Ready at {live.first_ready[needed]}")
    assert early == []


def test_what_is_applied_is_what_the_files_say_with_every_variable_in_its_place(live: Cluster) -> None:
    live.wait_until_ready()
    assert differences(live) == []


def test_every_object_of_an_app_is_in_the_namespace_of_its_folder(live: Cluster) -> None:
    live.wait_until_ready()
    elsewhere = []
    for name, app in live.repository.app.items():
        found = {entry["metadata"].get("namespace", app.namespace) for entry in live.objects(name)}
        if found - {app.namespace}:
            elsewhere.append(f"{name}: {sorted(found)}, and not {app.namespace}")
    assert elsewhere == []


def test_the_values_that_reach_helm_are_those_in_the_files(live: Cluster) -> None:
    live.wait_until_ready()
    stored = helm_releases(live)
    for release in charts.releases(live.repository):
        found = stored[release.namespace, release.name]
        assert found["config"] == json.loads(json.dumps(release.values)), release.name
        assert found["chart"]["metadata"]["version"].removeprefix("v") == release.pin.removeprefix("v"), release.name
        assert found["info"]["status"] == "deployed"


def test_a_healthy_cluster_is_called_so_and_nothing_else_is_said(live: Cluster) -> None:
    live.wait_until_ready()
    (live.checkout / "kubeconfig").write_text(live.server.kubeconfig())

    def says(script: str) -> tuple[int, str, str]:
        command = [*TALOS_FLUX, script]
        done = subprocess.run(command, cwd=live.checkout, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    # Its machines are not there, and so etcd can't be asked.
    unseen = "? etcd can't be asked: talos/clusterconfig/talosconfig is missing, `task configure` makes it.\n"
    well = (3, f"{unseen}✓ nothing wrong in what could be seen\n", "")
    # Addresses come a moment after the releases that give them.
    live.wait_until(lambda: says("health") == well, "the cluster is called healthy", seconds=30)
    code, told, wrong = says("deployments")
    assert (code, told.splitlines()[-1], wrong) == (0, "✓ everything is well", "")
    code, rows, wrong = says("monitor")
    assert (code, wrong) == (0, "")
    assert [row for row in rows.splitlines() if not re.search(" ready | in progress ", row)] == []


def test_reconciling_again_changes_nothing(live: Cluster) -> None:
    live.wait_until_ready()
    before = state(live)
    live.reconcile()
    assert state(live) == before
