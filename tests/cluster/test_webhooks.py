"""Flux believes a push that the Git host signs as it does, and nothing else: judged by its notification-controller."""

import hashlib
import hmac
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cluster import receiver
from tests.cluster.cluster import KUSTOMIZATIONS, NAMESPACE
from tests.support import processes
from tests.support.apiserver import ApiServer
from tests.support.cases import EXAMPLES
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.support.repository import Object, Repository
from tests.tools.records import git_hosts
from tests.tools.records.git_hosts import Webhook

pytestmark = [
    needs("kube-apiserver", "notification-controller"), pytest.mark.full, pytest.mark.xdist_group("webhooks"),
]  # fmt: skip

TOKEN = "0f" * 32
PUSH = json.dumps({"ref": "refs/heads/main", "after": "5d64b71392b1e00a3ad893db02d381d58262c2d6"}).encode()
ASKED = "reconcile.fluxcd.io/requestedAt"
REFUSED = (400, False)
WEBHOOKS = git_hosts.webhooks()
OUTSIDE = {"external_access": "direct", "external_dns_target": "home.example.net"}
# What the Receiver names. Nobody looks at them but who counts how often Flux is asked to.
SOURCES: list[Object] = [
    {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "flux-system", "namespace": NAMESPACE},
        "spec": {"interval": "5m", "url": "https://git.example.net/home/cluster.git"},
    },
    {
        "apiVersion": KUSTOMIZATIONS[0],
        "kind": KUSTOMIZATIONS[1],
        "metadata": {"name": "flux-system", "namespace": NAMESPACE},
        "spec": {"interval": "5m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
    },
]


@dataclass(frozen=True)
class Host:
    """A Git host that has the webhook's address, and its secret."""

    server: ApiServer
    port: int
    path: str
    webhook: Webhook

    def calls(
        self, headers: dict[str, str] | None = None, *, token: str = TOKEN, signed: bytes = PUSH, sent: bytes = PUSH
    ) -> tuple[int, bool]:
        """Return the status, and whether Flux was asked to look at the repository."""
        before = self.asked()
        given = self.webhook.headers if headers is None else headers
        digest = hmac.new(token.encode(), signed, hashlib.sha256).hexdigest()
        filled = {name: value.format(hmac=digest, token=token) for name, value in given.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", self.path, sent, {"Content-Type": "application/json", **filled})
        status = connection.getresponse().status
        connection.close()
        return status, self.asked() != before

    def asked(self) -> list[Any]:
        found = [self.server.call("GET", f"{self.server.path_of(each)}/flux-system") for each in SOURCES]
        return [each["metadata"].get("annotations", {}).get(ASKED) for each in found]


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, int]]:
    """Provide the API server with what the Receivers name, and the port for webhooks."""
    folder = tmp_path_factory.mktemp("webhooks") / "run"
    server, port = receiver.running(folder)
    server.has_namespace(NAMESPACE)
    for each in SOURCES:
        server.apply(each)
    yield server, port
    processes.stop(folder)


@pytest.fixture(params=WEBHOOKS)
def host(request: pytest.FixtureRequest, flux: tuple[ApiServer, int], render: Renderer) -> Host:
    """Provide each host, with the Receiver of a cluster that it calls."""
    server, port = flux
    name = f"flux-webhook-{request.param}"
    answers = EXAMPLES["minimal"] | OUTSIDE | {"webhook_provider": request.param}
    cluster = Repository(render(answers), answers)
    [found] = cluster.documents("kubernetes/apps/flux-system/flux-webhook/app/receiver.yaml")
    found["metadata"] = {"name": name, "namespace": NAMESPACE}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": found["metadata"] | {"name": "flux-webhook"}}
    server.apply(secret | {"stringData": {"token": TOKEN}})
    server.apply(found, fieldValidation="Strict")

    def path() -> str:
        conditions = server.call("GET", f"{server.path_of(found)}/{name}").get("status", {})
        ready = any((each["type"], each["status"]) == ("Ready", "True") for each in conditions.get("conditions", []))
        return str(conditions["webhookPath"]) if ready else ""

    processes.wait_until(path)
    return Host(server, port, path(), WEBHOOKS[request.param])


def test_a_push_is_believed(host: Host) -> None:
    assert host.calls() == (200, True)


def test_what_another_secret_signs_is_refused(host: Host) -> None:
    assert host.calls(token="f0" * 32) == REFUSED


def test_what_nobody_signs_is_refused(host: Host) -> None:
    unsigned = {name: value for name, value in host.webhook.headers.items() if "{" not in value}
    assert unsigned.keys() != host.webhook.headers.keys()
    assert host.calls(unsigned) == REFUSED


def test_a_body_that_was_changed_on_the_way_is_refused_where_it_is_signed(host: Host) -> None:
    signs_the_body = any("{hmac}" in value for value in host.webhook.headers.values())
    assert host.calls(sent=PUSH.replace(b"main", b"evil")) == (REFUSED if signs_the_body else (200, True))


def test_other_events_are_refused_where_the_host_names_them(host: Host) -> None:
    headers = host.webhook.headers
    other = {name: "issues" if value in host.webhook.events else value for name, value in headers.items()}
    assert bool(host.webhook.events) == (other != headers)
    assert host.calls(other) == (REFUSED if host.webhook.events else (200, True))


def test_only_the_path_with_the_secret_in_it_is_served(host: Host) -> None:
    elsewhere = Host(host.server, host.port, f"/hook/{'0' * 64}", host.webhook)
    assert elsewhere.calls() == (404, False)
