"""What the chart app-template would make of the values here: played by a double, judged by the API server."""

from typing import Any

import pytest
import yaml

from tests.doubles import app_template
from tests.doubles.compare_app_template import VALUES
from tests.support import charts
from tests.support.apiserver import ApiServer
from tests.support.needs import needs
from tests.support.repository import Object, Repository, parse

IMAGE = {"image": {"repository": "ghcr.io/example/app", "tag": "1.2.3"}}


def values(**more: Any) -> dict[str, Any]:
    return {"controllers": {"main": {"containers": {"app": dict(IMAGE)}}}, **more}


def rendered(written: str | dict[str, Any]) -> dict[str, Object]:
    """Return the objects of release `web`, as Kind/name: object."""
    items = app_template.render("web", "default", yaml.safe_load(written) if isinstance(written, str) else written)
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in items}


def container(**fields: Any) -> Object:
    """Return the container that these fields make, in a web app with one service."""
    app = values(service={"app": {"ports": {"http": {"port": 80, "targetPort": 8080}}}})
    app["controllers"]["main"]["containers"]["app"] |= fields
    return rendered(app)["Deployment/web"]["spec"]["template"]["spec"]["containers"][0]


@needs("flux-build", "kube-apiserver")
def test_every_app_template_release_of_an_example_is_accepted(example: Repository, server: ApiServer) -> None:
    found = [release for release in charts.releases(example) if release.chart == "app-template"]
    assert {release.name for release in found} >= {"echo"}
    assert [text for release in found for text in charts.objections(server, release, app_template.render)] == []


@needs("flux-build", "kube-apiserver")
@pytest.mark.parametrize("document", parse(VALUES.read_text()), ids=lambda document: document["about"])
def test_what_is_compared_with_the_real_chart_is_valid(document: dict[str, Any], server: ApiServer) -> None:
    written = {key: value for key, value in document.items() if key != "about"}
    items = app_template.render("release", "default", written)
    assert [text for item in items if (text := server.objection_to(item, "default"))] == []


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("controler", {"controler": {}}),
        ("controllers.main.container", {"controllers": {"main": {"container": {}}}}),
        (
            "controllers.main.containers.app.enviroment",
            {"controllers": {"main": {"containers": {"app": IMAGE | {"enviroment": {}}}}}},
        ),
        (
            "controllers.main.containers.app.probes.liveness.periodSeconds",
            {"controllers": {"main": {"containers": {"app": IMAGE | {"probes": {"liveness": {"periodSeconds": 1}}}}}}},
        ),
        ("controllers.main.cronjob", {"controllers": {"main": {"type": "deployment", "cronjob": {}}}}),
        ("defaultPodOptions.serviceAccountName", {"defaultPodOptions": {"serviceAccountName": "web"}}),
        ("service.app.port", {"service": {"app": {"port": 80}}}),
        ("service.app.ports.http.target", {"service": {"app": {"ports": {"http": {"target": 80}}}}}),
        ("ingress.app.ingressClassName", {"ingress": {"app": {"ingressClassName": "internal"}}}),
        ("ingress.app.hosts[0].paths[0].backend", {"ingress": {"app": {"hosts": [{"paths": [{"backend": {}}]}]}}}),
        ("route.app.rules[0].backends", {"route": {"app": {"rules": [{"backends": []}]}}}),
        ("persistence.data.mountPath", {"persistence": {"data": {"mountPath": "/data"}}}),
        (
            "persistence.data.globalMounts[0].mountPath",
            {"persistence": {"data": {"globalMounts": [{"mountPath": ""}]}}},
        ),
        ("persistence.share.size", {"persistence": {"share": {"type": "nfs", "size": "1Gi"}}}),
        ("persistence.data.size", {"persistence": {"data": {"existingClaim": "data", "size": "1Gi"}}}),
        ("serviceMonitor.app.endpoint", {"serviceMonitor": {"app": {"endpoint": []}}}),
    ],
)
def test_an_unknown_key_is_named(path: str, more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a key of the chart") as caught:
        rendered(values() | more)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("message", "more"),
    [
        ("controllers.main.type: job is none of", {"controllers": {"main": {"type": "job"}}}),
        ("persistence.data.type: pvc is none of", {"persistence": {"data": {"type": "pvc"}}}),
        ("controllers: must be a mapping", {"controllers": []}),
        ("ingress.app.hosts: must be a list", {"ingress": {"app": {"hosts": {}}}}),
        ("configMaps.a.data.b: the chart would execute", {"configMaps": {"a": {"data": {"b": "{{ c }}"}}}}),
        ("persistence.data.accessMode: is missing", {"persistence": {"data": {"size": "1Gi"}}}),
        ("service.app.controller: must be one of main", {"service": {"app": {"controller": "web"}}}),
        ("configMaps.a: is referred to", {"persistence": {"a": {"type": "configMap", "identifier": "a"}}}),
        (
            "controllers.web: is referred to",
            {"persistence": {"a": {"type": "emptyDir", "advancedMounts": {"web": {}}}}},
        ),
        ("route.app.rules.backendRefs.identifier: is missing", {"route": {"app": {}}}),
    ],
)
def test_what_the_chart_refuses_is_refused(message: str, more: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        rendered(values() | more)
    assert str(caught.value).startswith(message)


def test_a_pod_has_neither_a_token_nor_links_and_an_account_of_its_own() -> None:
    found = rendered(values())
    pod = found["Deployment/web"]["spec"]["template"]["spec"]
    assert found.keys() == {"ServiceAccount/web", "Deployment/web"}
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (
        "web",
        False,
        False,
    )
    assert found["Deployment/web"]["spec"]["strategy"] == {"type": "Recreate"}


def test_one_of_a_kind_is_named_like_the_release_and_several_by_their_identifiers() -> None:
    port = {"ports": {"http": {"port": 80}}}
    assert "Service/web" in rendered(values(service={"app": port}))
    assert rendered(values(service={"app": port, "lan": port})).keys() >= {"Service/web-app", "Service/web-lan"}
    assert "Service/web" in rendered(values(service={"app": port, "lan": port | {"enabled": False}}))


def test_a_service_selects_exactly_the_pods_of_its_controller() -> None:
    app = {"containers": {"app": IMAGE}}
    service = {"app": {"controller": "one", "ports": {"http": {"port": 80}}}}
    found = rendered({"controllers": {"one": app, "two": app}, "service": service})
    pods = {
        name: item["spec"]["template"]["metadata"]["labels"].items()
        for name, item in found.items()
        if item["kind"] == "Deployment"
    }
    selector = found["Service/web"]["spec"]["selector"].items()
    assert [name for name, labels in pods.items() if selector <= labels] == ["Deployment/web-one"]


def test_a_probe_must_be_enabled_and_is_of_the_service_by_default() -> None:
    assert "livenessProbe" not in container(probes={"liveness": {"type": "HTTP", "path": "/"}})
    probe = container(probes={"liveness": {"enabled": True}})["livenessProbe"]
    assert probe["tcpSocket"] == {"port": 8080}


def test_the_text_of_a_variable_is_what_was_written() -> None:
    made = container(env={"B": 8080, "A": True, "C": {"secretKeyRef": {"name": "web", "key": "c"}}})["env"]
    assert made == [
        {"name": "A", "value": "true"},
        {"name": "B", "value": "8080"},
        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "web", "key": "c"}}},
    ]
    with pytest.raises(ValueError, match="A: write 1000000 in quotes"):
        container(env={"A": 1000000})


def test_a_volume_without_mounts_is_mounted_everywhere_at_its_name() -> None:
    found = rendered(values(persistence={"cache": {"type": "emptyDir"}}))
    pod = found["Deployment/web"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["volumeMounts"] == [{"name": "cache", "mountPath": "/cache"}]


def test_options_of_a_controller_replace_those_of_all_controllers_as_a_whole() -> None:
    app = values(defaultPodOptions={"securityContext": {"runAsNonRoot": True, "runAsUser": 1000}})
    app["controllers"]["main"]["pod"] = {"securityContext": {"fsGroup": 1000}}
    pod = rendered(app)["Deployment/web"]["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"fsGroup": 1000}
