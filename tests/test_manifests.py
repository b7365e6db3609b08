"""A real API server with the real CRDs and Talos' pod security accepts everything that Flux would apply."""

from pathlib import Path

import pytest

from tests.support import flux
from tests.support.apiserver import ApiServer
from tests.support.needs import needs
from tests.support.repository import FLUX_KUSTOMIZATION, Object, Repository, is_kind, parse

pytestmark = needs("flux-build", "kube-apiserver")

_accepted: set[str] = set()


@pytest.fixture(scope="module")
def applied(cluster: Repository) -> dict[str, list[Object]]:
    """Provide what each Flux Kustomization of the cluster applies."""
    return flux.reconcile(cluster)


def helm_releases(applied: dict[str, list[Object]]) -> list[Object]:
    return [item for items in applied.values() for item in items if is_kind(item, "HelmRelease")]


def test_the_api_server_accepts_every_object(applied: dict[str, list[Object]], server: ApiServer) -> None:
    problems = []
    for name, items in applied.items():
        for item in items:
            key = repr(item)
            if key not in _accepted:
                if objection := server.objection_to(item):
                    problems.append(f"{name}: {item['kind']}/{item['metadata']['name']}: {objection}")
                else:
                    _accepted.add(key)
    assert not problems, "\n".join(problems)


def test_flux_reaches_every_kustomization(cluster: Repository, applied: dict[str, list[Object]]) -> None:
    assert applied.keys() == {"cluster-meta", "cluster-apps", *cluster.app}
    built = {str(Path(item["spec"]["path"])) for items in applied.values() for item in items if is_flux(item)}
    written = {str(path.parent) for path in cluster.files if path.name == "kustomization.yaml"}
    namespaces = {str(folder.relative_to(cluster.root)) for folder in cluster.namespaces}
    assert {path for path in written if path.startswith("kubernetes/")} - built - namespaces == set()


def is_flux(item: Object) -> bool:
    return is_kind(item, "Kustomization", FLUX_KUSTOMIZATION)


def test_every_object_of_an_app_is_in_its_namespace(
    cluster: Repository, applied: dict[str, list[Object]], server: ApiServer
) -> None:
    problems = []
    for name, app in cluster.app.items():
        for item in applied[name]:
            namespace = item["metadata"].get("namespace")
            # kustomize gives a namespace to kinds that it does not know, and the API server ignores it where none is.
            is_fine = namespace == app.namespace or (not namespace and "/namespaces/" not in server.path_of(item))
            if not is_fine:
                problems.append(f"{name}: {item['kind']}/{item['metadata']['name']} is in {namespace}")
    assert not problems, "\n".join(problems)


def test_every_object_is_applied_once(applied: dict[str, list[Object]]) -> None:
    names = [
        (item["apiVersion"].split("/")[0], item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
        for items in applied.values()
        for item in items
    ]
    assert sorted(names, key=str) == sorted(set(names), key=str)


def test_every_app_gets_the_settings(applied: dict[str, list[Object]]) -> None:
    apps = [item for item in applied["cluster-apps"] if is_flux(item)]
    settings = {"kind": "ConfigMap", "name": "cluster-settings"}
    without = [
        app["metadata"]["name"]
        for app in apps
        if not any(
            settings.items() <= reference.items()
            for reference in app["spec"].get("postBuild", {}).get("substituteFrom", [])
        )
    ]
    assert without == []


def test_an_install_is_tried_until_it_succeeds_and_an_upgrade_goes_back_to_what_worked(
    applied: dict[str, list[Object]],
) -> None:
    wanted = {
        "install": ("CreateReplace", "RetryOnFailure", None),
        "upgrade": ("CreateReplace", "RemediateOnFailure", 3),
    }
    problems = []
    for release in helm_releases(applied):
        for action, of_action in wanted.items():
            spec = release["spec"].get(action, {})
            strategy = spec.get("strategy", {}).get("name")
            retries = spec.get("remediation", {}).get("retries")
            if (spec.get("crds"), strategy, retries) != of_action:
                problems.append(f"{release['metadata']['name']}: {action}: {spec}")
    assert not problems, "\n".join(problems)


def test_substitution_is_as_strict_as_flux() -> None:
    variables = {"DOMAIN": "example.net", "EMPTY": ""}
    good = {
        "a.${DOMAIN}": "a.example.net",
        "a${EMPTY}": "a",
        "${NOT:=default}": "default",
        "${DOMAIN^^}": "EXAMPLE.NET",
        "$${HOME} $HOME $(x) $$1": "${HOME} $HOME $(x) $1",
    }
    assert {text: flux.substitute(text, variables) for text in good} == good
    for bad in ("${NOPE}", "${}", "${1}", "${DOMAIN"):
        with pytest.raises(ValueError):
            flux.substitute(bad, variables)


def test_the_server_knows_talos_pod_security(server: ApiServer) -> None:
    pod = {"spec": {"hostNetwork": True, "containers": [{"name": "main", "image": "main"}]}}
    assert "baseline" in server.objection_to_pod(pod, "anywhere", "")
    assert server.objection_to_pod(pod, "anywhere", "privileged") == ""
    assert server.objection_to_pod(pod, "kube-system", "") == ""


def test_the_server_refuses_what_no_schema_knows(server: ApiServer) -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}, dta: {}}"
    assert "dta" in server.objection_to(parse(text)[0])
