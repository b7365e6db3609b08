"""What the generators add keeps every promise of the cluster that it is added to, whatever the answers are."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import one_worker_each
from tests.doubles import app_template, kubelet
from tests.doubles.workplace import environment
from tests.support import app_cases, charts
from tests.support.additions import Adder
from tests.support.apiserver import ApiServer
from tests.support.commands import TALOS_FLUX
from tests.support.needs import needs
from tests.support.render import Renderer, git
from tests.support.repository import Object, Repository, is_kind
from tests.test_manifests import (  # noqa: F401  (the same promises, of a cluster with apps)
    applied,
    test_an_install_is_tried_until_it_succeeds_and_an_upgrade_goes_back_to_what_worked,
    test_every_app_gets_the_settings,
    test_every_object_is_applied_once,
    test_every_object_of_an_app_is_in_its_namespace,
    test_flux_reaches_every_kustomization,
    test_the_api_server_accepts_every_object,
)
from tests.test_render import (  # noqa: F401
    test_every_app_follows_a_tier_and_waits_for_none_slower,
    test_every_chart_reference_resolves_and_every_source_is_used,
    test_every_custom_resource_comes_after_the_app_that_brings_its_kind,
    test_every_dependency_exists_and_none_is_circular,
    test_every_helm_release_is_named_like_its_app_and_states_requests_and_limits,
    test_every_kustomization_agrees_with_its_folder,
    test_every_namespace_lists_all_its_apps_and_nothing_else,
    test_every_yaml_file_parses_without_duplicate_keys,
    test_every_yaml_file_passes_the_clusters_own_yamllint,
    test_no_template_mark_is_left,
)

pytestmark = needs("flux-build", "gitleaks", "kube-apiserver", "kustomize")

# Together they have each backend of ingress, secrets and backups.
WITNESSES = {"nginx-onepassword-s3", "envoy-sops-local-path"}


@pytest.fixture(scope="session", params=one_worker_each(app_cases.CLUSTERS, in_make_test=WITNESSES))
def cluster(
    request: pytest.FixtureRequest, template: Path, render: Renderer, tmp_path_factory: pytest.TempPathFactory
) -> Repository:
    """Provide a cluster with every app of the table."""
    answers = app_cases.CLUSTERS[request.param]
    root = tmp_path_factory.mktemp("apps") / "cluster"
    Adder(template).make_cluster(root, render(answers), answers)
    return Repository(root, answers)


@pytest.fixture(scope="module", autouse=True)
def nvidia(server: ApiServer) -> None:
    """Create the runtime class that comes with the vendor's device plugin."""
    server.apply(app_cases.NVIDIA)


@pytest.fixture(scope="module")
def pods(cluster: Repository, applied: dict[str, list[Object]]) -> dict[str, Object]:  # noqa: F811
    """Provide the pod template of every app that is not one of the template's own, by the app's name."""
    found = {}
    for name in our_apps(cluster):
        releases = [item for item in applied[name] if is_kind(item, "HelmRelease") and "chartRef" in item["spec"]]
        made = [
            item
            for release in releases
            if release["spec"]["chartRef"]["name"] == "app-template"
            for item in app_template.render(name, cluster.app[name].namespace, release["spec"]["values"])
        ]
        for _, template in charts.pod_templates(applied[name] + made):
            found[name] = template
    return found


def our_apps(cluster: Repository) -> list[str]:
    """Return the names of the apps of the table."""
    return [name for _, name, _ in app_cases.apps(cluster.answers)]


def container(pod: Object) -> Any:
    """Its only one."""
    [found] = pod["spec"]["containers"]
    return found


def test_every_app_template_release_is_accepted(cluster: Repository, server: ApiServer) -> None:
    found = [release for release in charts.releases(cluster) if release.chart == "app-template"]
    assert len(found) > 15
    assert [text for release in found for text in charts.objections(server, release, app_template.render)] == []


def test_pod_security_lets_every_pod_in(cluster: Repository, pods: dict[str, Object], server: ApiServer) -> None:
    level = {app_cases.RESTRICTED: "restricted"}
    problems = {}
    for name, pod in pods.items():
        namespace = cluster.app[name].namespace
        if objection := server.objection_to_pod(pod, namespace, level.get(namespace, "baseline")):
            problems[name] = objection
    assert problems == {}


def test_only_who_says_so_runs_as_root_or_writes_its_root_file_system(pods: dict[str, Object]) -> None:
    roots = {name for name, pod in pods.items() if not pod["spec"]["securityContext"].get("runAsNonRoot")}
    assert roots == {"app-template-root", "manifests-root"}
    written = {
        name for name, pod in pods.items() if not container(pod)["securityContext"].get("readOnlyRootFilesystem")
    }
    assert written - roots == {"app-template-writable", "manifests-writable"}
    for name in pods.keys() - written:
        assert "/tmp" in [mount["mountPath"] for mount in container(pods[name])["volumeMounts"]]  # noqa: S108


def test_every_pod_has_requests_limits_and_probes_where_it_has_a_port(
    cluster: Repository, pods: dict[str, Object]
) -> None:
    ports = {name: answers.get("app_port") for _, name, answers in app_cases.apps(cluster.answers)}
    for name, pod in pods.items():
        assert charts.without_resources(pod) == []
        assert {"livenessProbe", "readinessProbe", "startupProbe"} <= container(pod).keys() or not ports[name], name


def test_text_reaches_the_program_as_it_was_written(
    pods: dict[str, Object],
    applied: dict[str, list[Object]],  # noqa: F811
) -> None:
    wanted = {name: text if isinstance(text, str) else json.dumps(text) for name, text in app_cases.TEXTS.items()}
    # The cluster's settings are filled in, and nothing else is.
    wanted["SETTING"] = wanted["SETTING"].replace("vault.${DOMAIN}", "vault.example.com")
    for app in ("app-template-everything", "manifests-everything"):
        env: dict[str, str] = {}
        for entry in container(pods[app])["env"]:
            env[entry["name"]] = kubelet.expand(entry["value"], env)
        assert env == wanted | {"TZ": env["TZ"]}
        args = [kubelet.expand(arg, env) for arg in container(pods[app])["args"]]
        assert args == list(map(str, app_cases.TEXTS.values()))
        [config] = [item["data"] for item in applied[app] if is_kind(item, "ConfigMap")]
        assert config == {"app.yaml": app_cases.CONFIG, ".hidden": "x"}


def test_the_documentation_has_its_six_examples() -> None:
    assert list(app_cases.DOCUMENTED) == [
        "media/jellyfin", "media/postgres", "media/api", "default/ping", "default/podinfo", "default/whoami",
        "default/site",
    ]  # fmt: skip


def test_variables_are_filled_in_where_they_are_meant_to_be(applied: dict[str, list[Object]]) -> None:  # noqa: F811
    [release] = [item for item in applied["no-oci"] if is_kind(item, "HelmRelease")]
    assert release["spec"]["values"]["host"] == "plain.example.com"
    assert release["spec"]["values"]["script"] == "echo ${HOME}\n"


@pytest.mark.full
def test_the_clusters_own_checks_find_nothing(cluster: Repository) -> None:
    git(cluster.root, "init", "--quiet")
    done = subprocess.run(
        [*TALOS_FLUX, "validate"],
        cwd=cluster.root,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    # Above it stands what offline nobody can judge.
    said = done.stdout.splitlines()
    assert done.returncode == 0 and said[-1].startswith("Nothing found in "), done.stdout + done.stderr
