"""Who is told that something is broken: by Flux alone, and by Alertmanager where there is one."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support import flux
from tests.support.needs import needs
from tests.support.render import Renderer, files_in
from tests.support.repository import Object, Repository

pytestmark = needs("flux-build")

TOPIC = "https://ntfy.example.net/anton"
NTFY = {"alerts": "ntfy", "ntfy_topic": TOPIC}
WITHOUT_MONITORING: dict[str, Any] = {"components": []}


def applied_by(cluster: Repository, app: str) -> dict[str, Object]:
    """Return the objects of an app, by kind."""
    return {item["kind"]: item for item in flux.reconcile(cluster)[app]}


def keys_of_the_secret(cluster: Repository) -> tuple[str, list[str]]:
    """Namespace and keys of the Secret that a receiver needs."""
    inventory = cluster.documents("bootstrap/secrets.yaml")[0]["secrets"]
    entry = next(secret for secret in inventory if secret["name"] == "alerts")
    assert entry["app"] in cluster.app
    return entry["namespace"], [key["name"] for key in entry["keys"]]


def selected(value: Any) -> list[str]:
    """Every key of the Secret `alerts` that an object asks for."""
    if isinstance(value, list):
        return [key for inner in value for key in selected(inner)]
    if not isinstance(value, dict):
        return []
    own = [value["key"]] if value.get("name") == "alerts" and "key" in value else []
    return own + [key for inner in value.values() for key in selected(inner)]


def shown_by_ntfy(address: str) -> tuple[str, str]:
    """Return the templates of title and text in an address that carries them."""
    assert address.partition("?")[0] == TOPIC
    query = parse_qs(urlsplit(address).query, strict_parsing=True)
    assert query.keys() == {"tpl", "t", "m"} and query["tpl"] == ["1"]
    return query["t"][0], query["m"][0]


@pytest.mark.parametrize(
    ("answers", "keys"),
    [
        (NTFY, ["token"]),
        ({"alerts": "pushover"}, ["token", "user-key"]),
        ({"alerts": "discord"}, ["address"]),
        ({"alerts": "webhook"}, ["address"]),
    ],
    ids=lambda value: value["alerts"] if isinstance(value, dict) else "",
)
def test_with_monitoring_alertmanager_tells_and_flux_tells_alertmanager(
    render: Renderer, answers: dict[str, Any], keys: list[str]
) -> None:
    cluster = Repository(render(answers), answers)
    assert applied_by(cluster, "flux-alerts")["Provider"]["spec"] == {
        "type": "alertmanager",
        "address": "http://kube-prometheus-stack-alertmanager.monitoring.svc.cluster.local:9093/api/v2/alerts/",
    }
    spec = applied_by(cluster, "alertmanager-config")["AlertmanagerConfig"]["spec"]
    assert [receiver["name"] for receiver in spec["receivers"]] == ["nobody", answers["alerts"]]
    assert spec["route"]["receiver"] == answers["alerts"]
    assert sorted(selected(spec)) == keys
    assert keys_of_the_secret(cluster) == ("monitoring", keys)
    release = applied_by(cluster, "kube-prometheus-stack")["HelmRelease"]
    configuration = release["spec"]["values"]["alertmanager"]["alertmanagerSpec"]["alertmanagerConfiguration"]
    assert configuration == {"name": "alertmanager-config"}


@pytest.mark.parametrize(
    ("answers", "kind", "key"),
    [
        (NTFY, "generic", "headers"),
        ({"alerts": "discord"}, "discord", "address"),
        ({"alerts": "webhook"}, "generic", "address"),
    ],
    ids=lambda value: value["alerts"] if isinstance(value, dict) else "",
)
def test_without_monitoring_flux_tells(render: Renderer, answers: dict[str, Any], kind: str, key: str) -> None:
    answers = answers | WITHOUT_MONITORING
    cluster = Repository(render(answers), answers)
    spec = applied_by(cluster, "flux-alerts")["Provider"]["spec"]
    assert (spec["type"], spec["secretRef"]) == (kind, {"name": "alerts"})
    assert ("address" in spec) == (key != "address"), "an address that is secret stands in the Secret alone"
    assert keys_of_the_secret(cluster) == ("flux-system", [key])
    assert "alertmanager-config" not in cluster.app


def test_ntfy_is_told_what_to_show_of_an_alert(render: Renderer) -> None:
    cluster = Repository(render(NTFY), NTFY)
    receivers = applied_by(cluster, "alertmanager-config")["AlertmanagerConfig"]["spec"]["receivers"]
    (webhook,) = receivers[1]["webhookConfigs"]
    title, text = shown_by_ntfy(webhook["url"])
    assert title == "{{.status}}: {{.groupLabels.alertname}}"
    assert text.startswith('{{range .alerts}}{{printf "%.800s" (or .annotations.description')
    assert text.endswith("}}\n{{end}}"), "a line for each alert"
    assert webhook["maxAlerts"] * 800 < 4096, "ntfy refuses a longer text"


def test_ntfy_is_told_what_to_show_of_an_event_of_flux(render: Renderer) -> None:
    answers = NTFY | WITHOUT_MONITORING
    provider = applied_by(Repository(render(answers), answers), "flux-alerts")["Provider"]
    title, text = shown_by_ntfy(provider["spec"]["address"])
    assert title == "{{.involvedObject.kind}} {{.involvedObject.name}}"
    assert text == '{{printf "%.3000s" .message}}'


def test_a_cluster_that_tells_nobody_has_nothing_of_alerts(render: Renderer) -> None:
    for answers in ({}, WITHOUT_MONITORING):
        root = render(answers)
        assert [path for path in files_in(root) if "alert" in path.name] == []
        cluster = Repository(root, answers)
        assert not {"flux-alerts", "alertmanager-config"} & cluster.app.keys()
        assert "name: alerts" not in (root / "bootstrap/secrets.yaml").read_text()
