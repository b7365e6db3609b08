"""What Flux itself makes of every example, and of a cluster with fifty generated apps."""

import json

import pytest

from tests.cluster.cluster import NAMESPACE, Cluster
from tests.cluster.conftest import EVERY
from tests.cluster.state import differences, helm_releases, state
from tests.support import charts

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.parametrize("live", EVERY, indirect=True)]


def test_everything_becomes_ready_in_whatever_order_the_charts_arrive(live: Cluster) -> None:
    live.wait_until_ready()


def test_an_app_comes_only_after_all_that_it_depends_on(live: Cluster) -> None:
    live.wait_until_ready()
    early = []
    for name, item in live.kustomizations.items():
        for needed in (dependency["name"] for dependency in item["spec"].get("dependsOn", [])):
            created = [found["metadata"]["creationTimestamp"] for found in live.objects(name)]
            # A namespace may be older than everything.
            if name not in ("cluster-meta", "cluster-apps") and min(created) < live.first_ready[needed]:
                early.append(f"{name} of {min(created)} before {needed} was Ready at {live.first_ready[needed]}")
    assert early == []


def test_what_is_applied_is_what_the_files_say_with_every_variable_in_its_place(live: Cluster) -> None:
    live.wait_until_ready()
    assert differences(live) == []


def test_every_object_of_an_app_is_in_its_namespace(live: Cluster) -> None:
    live.wait_until_ready()
    elsewhere = []
    for name, item in live.kustomizations.items():
        namespace = item["spec"].get("targetNamespace", NAMESPACE)
        found = {entry["metadata"].get("namespace", namespace) for entry in live.objects(name)}
        if found - {namespace}:
            elsewhere.append(f"{name}: {sorted(found)}, and not {namespace}")
    assert elsewhere == []


def test_the_values_that_reach_helm_are_those_in_the_files(live: Cluster) -> None:
    live.wait_until_ready()
    stored = helm_releases(live)
    assert {release["version"] for release in stored.values()} == {1}
    for release in charts.releases(live.repository):
        found = stored[release.namespace, release.name]
        assert found["config"] == json.loads(json.dumps(release.values)), release.name
        assert found["chart"]["metadata"]["version"].removeprefix("v") == release.pin.removeprefix("v"), release.name
        assert found["info"]["status"] == "deployed"


def test_reconciling_again_changes_nothing(live: Cluster) -> None:
    live.wait_until_ready()
    before = state(live)
    live.reconcile()
    assert state(live) == before
