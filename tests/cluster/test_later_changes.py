"""What a commit does in a cluster that runs: it reaches what it is about, nothing else, and soon.

The tests share the cluster that test_every_cluster brought up; each takes back what it did.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.actors import is_ready
from tests.cluster.cluster import AGE_SECRET, NAMESPACE, Cluster, message_of
from tests.cluster.conftest import LIVE
from tests.cluster.state import differences, state
from tests.conftest import one_worker_each
from tests.support.additions import Adder
from tests.support.needs import CLUSTER, needs
from tests.support.render import git

pytestmark = [
    needs(*CLUSTER),
    pytest.mark.full,
    pytest.mark.parametrize("live", one_worker_each(["minimal"], prefix=LIVE), indirect=True),
]

ECHO = "kubernetes/apps/default/echo/app/helmrelease.yaml"
SETTINGS = "kubernetes/flux/meta/settings/cluster-settings.yaml"
SOON = 150  # seconds; whatever waited for the broken one would need ten minutes
SCRIPT = """#!/bin/sh
set -eu
for file in "${DIRECTORY:-/data}"/*; do echo "$$: $(basename "$file") is ${#file} long, ${file%.txt}"; done
"""
DASHBOARD = json.dumps({"templating": "${DS_PROMETHEUS}", "expr": 'rate(x{a=~"$a"}[$__rate_interval])', "$$": "${}"})


@contextmanager
def taken_back(live: Cluster) -> Iterator[None]:
    """Whatever the block commits, and however it ends: afterwards the cluster is as before."""
    live.wait_until_ready()
    before = git(live.checkout, "rev-parse", "HEAD").strip()
    try:
        yield
    finally:
        git(live.checkout, "reset", "--quiet", "--hard", before)
        git(live.checkout, "clean", "--quiet", "--force", "-d")
        live.source.failing.clear()
        git(live.checkout, "commit", "--quiet", "--allow-empty", "--message", "revert: the change")
        live.push()
        live.wait_until_ready()


def replace(live: Cluster, path: str, old: str, new: str) -> None:
    file = live.checkout / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def all_but(live: Cluster, *names: str) -> bool:
    """Whether everything else is Ready at the last commit."""
    others = {name.split()[1].rpartition("/")[2] for name in live.unready()} - set(names)
    return not others


def test_without_an_age_key_nothing_fails_while_nothing_is_encrypted(live: Cluster) -> None:
    assert live.actors.get("v1", "Secret", NAMESPACE, AGE_SECRET) is None
    live.wait_until_ready()


def test_a_change_to_one_app_touches_only_that_app(live: Cluster) -> None:
    with taken_back(live):
        before = state(live)
        replace(live, ECHO, 'HTTP_PORT: "8080"', 'HTTP_PORT: "8081"')
        live.commit()
        live.wait_until_ready()
        after = state(live)
        changed = {key for key in after.keys() | before.keys() if after.get(key) != before.get(key)}
        records = {key for key in changed if key[2].startswith("sh.helm.release.v1.echo.")}
        assert changed - records == {
            ("HelmRelease", "default", "echo"),
            ("Deployment", "default", "echo"),
            ("ConfigMap", "default", "echo-values"),
        }
        assert records


def test_an_added_app_arrives_with_its_texts_as_they_are_and_a_removed_one_goes(live: Cluster, template: Path) -> None:
    with taken_back(live):
        Adder(template).add(
            "app",
            live.checkout / "kubernetes/apps/games/quake",
            {
                "app_image": "ghcr.io/example/quake",
                "app_tag": "1.2.3",
                "app_advanced": True,
                "app_config_files": {"/scripts/run.sh": SCRIPT, "/dashboards/one.json": DASHBOARD},
            },
        )
        live.commit()
        live.wait_until_ready()
        assert is_ready(live.releases["games/quake"])
        maps = [item for item in live.server.everything("v1", "ConfigMap") if item["metadata"]["namespace"] == "games"]
        texts = {text for item in maps for text in item["data"].values()}
        assert {SCRIPT, DASHBOARD} <= texts
    assert "quake" not in live.kustomizations
    live.wait_until(lambda: "games/quake" not in live.releases, "its HelmRelease is gone")
    assert live.actors.get("apps/v1", "Deployment", "games", "quake") is None
    kept = live.actors.get("v1", "Namespace", "", "games")
    assert kept and kept["status"]["phase"] == "Active"


def test_a_chart_that_never_comes_holds_up_only_its_own_app(live: Cluster, template: Path) -> None:
    apps = live.checkout / "kubernetes/apps/games"
    chart = {"app_kind": "chart", "app_chart_url": "oci://ghcr.io/example/charts/never", "app_chart_version": "1.0.0"}
    with taken_back(live):
        live.source.failing["never"] = "MANIFEST_UNKNOWN: manifest unknown"
        Adder(template).add("app", apps / "never", chart)
        replace(live, ECHO, 'HTTP_PORT: "8080"', 'HTTP_PORT: "8081"')
        live.commit()
        live.wait_until(lambda: "games/never" in live.releases, "the app is there")
        live.wait_until(lambda: all_but(live, "never", "cluster-apps"), "all but one app are Ready")
        assert not is_ready(live.kustomizations["never"])
        # A commit that comes while Flux waits for the app lands at once, and so does an app that is new.
        replace(live, ECHO, 'HTTP_PORT: "8081"', 'HTTP_PORT: "8082"')
        Adder(template).add("app", apps / "doom", {"app_image": "ghcr.io/example/doom", "app_tag": "1.2.3"})
        live.commit()
        live.wait_until(lambda: "doom" in live.kustomizations, "the new app is there", SOON)
        live.wait_until(lambda: all_but(live, "never", "cluster-apps"), "all but one app are Ready", SOON)
        assert is_ready(live.releases["games/doom"])
        assert not is_ready(live.kustomizations["never"])


def test_an_app_that_does_not_start_holds_up_no_other_and_its_fix_lands_soon(live: Cluster) -> None:
    with taken_back(live):
        good = 'HTTP_PORT: "8080"'
        bad = "HTTP_PORT: {valueFrom: {secretKeyRef: {name: nowhere, key: port}}}"
        replace(live, ECHO, good, bad)
        live.commit()
        live.wait_until(lambda: all_but(live, "echo", "cluster-apps"), "all but one app are Ready")
        assert not is_ready(live.kustomizations["echo"])
        assert 'secret "nowhere" not found' in live.explain()
        replace(live, ECHO, bad, good)
        live.commit()
        live.wait_until_ready(SOON)


def test_many_apps_that_do_not_start_hold_up_no_other(live: Cluster, template: Path) -> None:
    """A NAS that is off: each of them keeps a place in a Flux controller while it waits, which by default has ten."""
    broken = [f"broken-{number}" for number in range(12)]
    with taken_back(live):
        for name in broken:
            data = {
                "app_image": "ghcr.io/example/x",
                "app_tag": "1.2.3",
                "app_mounts": [{"path": "/x", "claim": "nobody-made-it"}],
            }
            Adder(template).add("app", live.checkout / "kubernetes/apps/games" / name, data)
        live.commit()
        live.wait_until(lambda: all_but(live, "cluster-apps", *broken), "all others are Ready")
        live.wait_until(lambda: live.kustomizations.keys() >= set(broken), "all apps are there")
        replace(live, ECHO, 'HTTP_PORT: "8080"', 'HTTP_PORT: "8081"')
        live.commit()
        live.wait_until(lambda: all_but(live, "cluster-apps", *broken), "all others are Ready", SOON)
        assert not any(is_ready(live.kustomizations[name]) for name in broken)


def test_a_changed_setting_reaches_everything_that_uses_it(live: Cluster) -> None:
    with taken_back(live):
        replace(live, SETTINGS, live.repository.settings["DOMAIN"], "elsewhere.example.net")
        live.commit()
        live.wait_until(lambda: all_but(live) and not differences(live), "everything uses the new domain", SOON)
        assert hosts(live) and all(host.endswith("elsewhere.example.net") for host in hosts(live))


def test_a_setting_needs_no_commit_to_reach_what_uses_it(live: Cluster) -> None:
    """Flux watches the ConfigMap: a Kustomization that read the old one is not left with it until the next interval."""
    with taken_back(live):
        path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/cluster-settings"
        change = {"data": {"DOMAIN": "elsewhere.example.net"}}
        live.server.call("PATCH", path, change, "application/merge-patch+json")
        live.wait_until(
            lambda: all(host.endswith("elsewhere.example.net") for host in hosts(live)), "every host is new", SOON
        )


def hosts(live: Cluster) -> set[str]:
    """Return the host names of every Ingress."""
    found = live.server.everything("networking.k8s.io/v1", "Ingress")
    return {rule["host"] for ingress in found for rule in ingress["spec"].get("rules", [])}


def test_what_flux_says_of_an_app_names_the_commit(live: Cluster) -> None:
    live.wait_until_ready()
    assert live.source.repository[0] in message_of(live.kustomizations["echo"])
