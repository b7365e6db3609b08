"""chart-updates.py finds newer charts, says what they change for our values, and writes versions when asked to."""

import base64
import contextlib
import hashlib
import http.server
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from tests.cluster import registry
from tests.conftest import is_worker
from tests.doubles.workplace import environment
from tests.support import pictures, tools
from tests.support.chart_home import VALUES, ChartHome, made
from tests.support.commands import TALOS_FLUX
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.support.terminal import Terminal

pytestmark = [needs("helm", "registry", "task"), pytest.mark.full]

CHART = {
    "spec": {"chart": "demo", "sourceRef": {"kind": "HelmRepository", "name": "charts", "namespace": "flux-system"}}
}


@pytest.fixture(scope="session")
def address(shared: Path, request: pytest.FixtureRequest) -> str:
    """Provide the address of a registry, one for all processes of this test run."""
    owner = os.getppid() if is_worker(request.config) else os.getpid()
    return registry.running(shared / "chart-registry", owner)


@pytest.fixture
def home(tmp_path: Path, render: Renderer, address: str) -> ChartHome:
    """Provide a cluster without apps."""
    return made(tmp_path, render({}), address)


@contextlib.contextmanager
def serving(handler: Callable[..., http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a web server on loopback; yield its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files, without a word on stderr."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def repository(folder: Path) -> Iterator[str]:
    """Serve the packages in a folder as a chart repository, as `helm repo index` lists them; yield its URL."""
    tools.run("helm", "repo", "index", folder)
    with serving(lambda *words: Quiet(*words, directory=str(folder))) as host:
        yield f"http://{host}"


def update(charts: list[dict[str, Any]], level: str, chart: str = "demo") -> dict[str, Any]:
    """Return the update of a level, which must exist."""
    [found] = [one for one in charts if one["chart"] == chart]
    [wanted] = [one for one in found["updates"] if one["level"] == level]
    return dict(wanted)


def problems(one: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(it["what"], it["key"], it["perhaps"]) for release in one["releases"] for it in release["problems"]]


# --- What is newer ---


def test_the_newest_patch_minor_and_major_are_found_in_a_registry(home: ChartHome) -> None:
    for version in ("1.2.2", "1.2.3", "1.2.4", "1.2.10", "1.3.0", "1.11.1", "2.0.0", "3.0.0-rc.1"):
        home.push(version)
    path = home.add_source("1.2.3")
    home.add_app()
    [found] = home.json(1)
    assert [(one["level"], one["version"]) for one in found["updates"]] == [
        ("patch", "1.2.10"), ("minor", "1.11.1"), ("major", "2.0.0"),
    ]  # fmt: skip
    assert (found["path"], found["line"], found["recommended"]) == (path, 11, "1.11.1")
    assert update([found], "patch")["diff"][-3:] == [
        "-    tag: 1.2.3 # as released",
        "+    tag: 1.2.10 # as released",
        "   url: " + found["source"],
    ]


def test_nothing_newer_is_exit_code_0(home: ChartHome) -> None:
    home.push("1.2.3")
    home.add_source("1.2.3")
    home.add_app()
    assert "1 chart: 1 up to date." in home.ends_with(0)


def test_a_pin_that_is_a_prerelease_gets_prereleases(home: ChartHome) -> None:
    for version in ("1.2.3-rc.1", "1.2.3-rc.2", "1.3.0-beta.1"):
        home.push(version)
    home.add_source("1.2.3-rc.1")
    home.add_app()
    assert [one["version"] for one in home.json(1)[0]["updates"]] == ["1.2.3-rc.2", "1.3.0-beta.1"]


def test_charts_of_an_http_repository_are_found_in_its_index(home: ChartHome) -> None:
    for version in ("1.2.3", "1.2.4"):
        home.package(version)
    home.add_app(spec={"chart": CHART | {"spec": CHART["spec"] | {"version": "v1.2.3"}}})
    with repository(home.charts) as url:
        home.add_repository(url)
        assert home.json(1)[0]["updates"][0]["version"] == "1.2.4"
        home.ends_with(0, "--apply", "patch")
    assert "version: v1.2.4" in home.read("kubernetes/apps/home/demo/app/helmrelease.yaml")


def test_a_registry_that_gave_up_the_v_is_followed(home: ChartHome) -> None:
    home.push("v1.8.3")
    home.push("1.9.0")
    home.add_source("v1.8.3")
    home.add_app()
    home.ends_with(0, "--apply", "MINOR")
    assert "tag: 1.9.0 #" in home.read("kubernetes/flux/meta/repos/demo.yaml")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("tag: 1.2.3", "digest: sha256:" + "0" * 64, "pinned by a digest"),
        ("tag: 1.2.3", 'semver: ">=1.0.0"', "whatever is in the range >=1.0.0"),
        ("tag: 1.2.3", "tag: 1.2", "its version 1.2 is not one full version"),
        ("tag: 1.2.3", "tag: ${VERSION}", "Flux fills its version in: ${VERSION}"),
        ("name: demo\n", "name: other\n", "its OCIRepository demo is not in this repository"),
    ],
)
def test_what_has_no_newer_version_is_said(home: ChartHome, old: str, new: str, words: str) -> None:
    path = home.add_source("1.2.3", "oci://127.0.0.1:1/never/asked")
    home.write(path, home.read(path).replace(old, new))
    home.add_app()
    assert words in home.ends_with(0)


# --- What it changes for us ---


def test_a_key_that_is_gone_needs_care_and_is_named_with_its_line(home: ChartHome) -> None:
    home.push("1.0.0", values=VALUES | {"watch": {"namespaces": [], "labels": {}}})
    home.push("1.1.0", values=VALUES | {"watch": {"labels": {}}})
    home.add_source("1.0.0")
    path = home.add_app(watch={"namespaces": ["home"]})
    said = home.ends_with(2)
    line = home.read(path).splitlines().index("      namespaces:") + 1
    assert f"{path}:{line}: watch.namespaces is gone" in said
    assert "MINOR 1.1.0 needs care" in said


def test_a_key_with_a_new_name_is_found_beside_it_or_under_another_parent(home: ChartHome) -> None:
    old = VALUES | {
        "serviceMonitor": {"enabled": False},
        "persistence": {"storageClass": ""},
        "volume": {"size": "1Gi"},
    }
    new = VALUES | {
        "serviceMonitors": {"enabled": False},
        "persistence": {},
        "volume": {"size": "1Gi", "storageClass": ""},
    }
    new["persistence"] = {"enabled": False}
    home.push("1.0.0", values=old)
    home.push("1.1.0", values=new)
    home.add_source("1.0.0")
    home.add_app(serviceMonitor={"enabled": True}, persistence={"storageClass": "fast"})
    assert problems(update(home.json(2), "minor")) == [
        ("gone", "serviceMonitor", "serviceMonitors"),
        ("gone", "persistence.storageClass", "volume.storageClass"),
    ]


def test_its_picture(home: ChartHome) -> None:
    home.push("1.0.0", values=VALUES | {"serviceMonitor": {"enabled": False}})
    home.push("1.0.3", values=VALUES | {"serviceMonitor": {"enabled": False}})
    home.push("1.1.0", values=VALUES | {"serviceMonitors": {"enabled": False}})
    home.add_source("1.0.0")
    home.add_app(serviceMonitor={"enabled": True})
    environment = home.environment | {"COLUMNS": "120"}
    with Terminal([*TALOS_FLUX, "charts"], home.root, more=environment) as terminal:
        assert terminal.ends() == 2
        said = ("serviceMonitor is gone", "serviceMonitors", "1.0.3")
        pictures.take(terminal, "chart-updates", "task charts:updates", *said)


def test_a_key_that_lost_its_default_but_is_read_is_fine(home: ChartHome) -> None:
    template = "kind: ConfigMap\ndata:\n  level: {{ .Values.log.level | default 1 | quote }}\n"
    home.push("1.0.0", values={"log": {"level": 1, "json": False}}, template=template)
    home.push("1.1.0", values={"log": {"json": False}}, template=template)
    home.push("1.2.0", values={"log": {"json": False}}, template=template.replace(".level | default 1", ".json"))
    home.add_source("1.0.0")
    home.add_app(log={"level": 3})
    assert problems(update(home.json(2), "minor")) == [("gone", "log.level", None)]
    (home.charts / "demo-1.2.0.tgz").unlink()
    assert problems(update(home.json(1, "--offline", "--charts", home.charts), "minor")) == []


def test_a_key_without_default_that_no_word_of_the_chart_is_like_any_more_is_gone(home: ChartHome) -> None:
    home.push(
        "1.0.0", values="# priorityClassName: high\nreplicas: 1\n", template="# {{ .Values.priorityClassName }}\n"
    )
    home.push("1.1.0", values="replicas: 1\n", template="# {{ .Values.replicas }}\n")
    home.add_source("1.0.0")
    home.add_app(priorityClassName="high", ownName={"made": "up"})
    assert problems(update(home.json(2), "minor")) == [("gone", "priorityClassName", None)]


def test_names_that_are_ours_to_choose_are_never_gone(home: ChartHome) -> None:
    for version in ("1.0.0", "1.1.0"):
        home.push(version, values=VALUES | {"nodeSelector": {}, "extra": None})
    home.add_source("1.0.0")
    home.add_app(nodeSelector={"disk": "fast"}, extra={"one": 1}, **{"global": {"imageRegistry": "mirror"}})  # type: ignore[arg-type]
    assert problems(update(home.json(1), "minor")) == []


def schema(**properties: Any) -> dict[str, Any]:
    return {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": properties}


def test_a_type_that_the_new_schema_does_not_take_needs_care(home: ChartHome) -> None:
    home.push("1.0.0", schema=schema(replicas={"type": "integer"}, host={"type": "string"}))
    home.push("1.1.0", schema=schema(replicas={"type": "object"}, host={"type": "string"}))
    home.add_source("1.0.0")
    home.add_app(replicas=2, host="demo.${DOMAIN}")
    assert ("type", "replicas", None) in problems(update(home.json(2), "minor"))


def test_without_a_schema_the_type_is_that_of_the_default(home: ChartHome) -> None:
    home.push("1.0.0", values=VALUES | {"hosts": "a.example.net", "port": 80})
    home.push("1.1.0", values=VALUES | {"hosts": [], "port": 81})
    home.add_source("1.0.0")
    home.add_app(hosts="b.example.net", port=8080)
    [found] = update(home.json(2), "minor")["releases"][0]["problems"]
    assert (found["what"], found["key"]) == ("type", "hosts")
    assert found["text"] == "is a string, its default is a list now"


def test_a_key_that_the_new_schema_requires_needs_care_and_one_it_knows_does_not(home: ChartHome) -> None:
    home.push("1.0.0", values=VALUES | {"colour": "red"})
    home.push("1.1.0", schema=schema(colour={"type": "string"}) | {"required": ["size"]})
    home.add_source("1.0.0")
    home.add_app(colour="blue")
    [found] = update(home.json(2), "minor")["releases"][0]["problems"]
    assert "'size' is a required property" in found["text"]


def test_a_key_that_the_new_schema_has_no_place_for_is_gone(home: ChartHome) -> None:
    properties: dict[str, Any] = {key: {} for key in [*VALUES, "global"]}
    home.push("1.0.0", schema=schema(**properties, own={}) | {"additionalProperties": False})
    home.push("1.1.0", schema=schema(**properties) | {"additionalProperties": False})
    home.add_source("1.0.0")
    home.add_app(own=1)
    assert problems(update(home.json(2), "minor")) == [("gone", "own", None)]


def test_a_part_of_a_schema_that_is_elsewhere_judges_nothing(home: ChartHome) -> None:
    elsewhere = {"$ref": "https://schemas.example.net/all.json"}
    home.push("1.0.0", schema=schema(replicas=elsewhere))
    home.push("1.0.1", schema=schema(replicas=elsewhere))
    home.add_source("1.0.0")
    home.add_app(replicas=2)
    assert "parts of its schema are at other addresses" in home.ends_with(1)


def test_a_schema_that_refers_to_one_in_the_chart_by_its_address_judges(home: ChartHome) -> None:
    for version, type_ in (("1.0.0", "integer"), ("1.0.1", "string")):
        address = f"https://schemas.example.net/{version}.json"
        part = schema(replicas={"type": type_}) | {"$id": address}
        home.push(
            version, schema={"$ref": address}, values={"replicas": "1"}, files={"part.schema.json": json.dumps(part)}
        )
    home.add_source("1.0.0")
    home.add_app(replicas=2)
    assert problems(update(home.json(2), "patch")) == [("type", "replicas", None)]


def test_images_that_change_are_named(home: ChartHome) -> None:
    home.push("1.0.0", appVersion="v1")
    home.push("1.0.1", appVersion="v2")
    home.add_source("1.0.0")
    home.add_app()
    assert "ghcr.io/example/demo v1 → v2" in home.ends_with(1)
    assert update(home.json(1), "patch")["releases"][0]["images"] == {
        "gone": ["ghcr.io/example/demo:v1"],
        "new": ["ghcr.io/example/demo:v2"],
    }


def test_an_image_that_we_set_does_not_change(home: ChartHome) -> None:
    home.push("1.0.0", appVersion="v1")
    home.push("1.0.1", appVersion="v2")
    home.add_source("1.0.0")
    home.add_app(image={"tag": "v7"})
    assert update(home.json(1), "patch")["releases"][0]["images"] == {"gone": [], "new": []}


def test_without_helm_images_are_not_compared_and_the_rest_is(home: ChartHome) -> None:
    home.push("1.0.0")
    home.push("1.0.1")
    home.add_source("1.0.0")
    home.add_app()
    path = [part for part in environment()["PATH"].split(os.pathsep) if not (Path(part) / "helm").exists()]
    assert str(tools.BIN) not in path
    home.extra["PATH"] = os.pathsep.join(path)
    said = home.ends_with(1)
    assert "warning: helm is not installed, so images are not compared" in said
    assert "PATCH 1.0.1" in said


def test_a_chart_that_can_not_be_rendered_with_our_values_needs_care(home: ChartHome) -> None:
    home.push("1.0.0")
    home.push("1.0.1", template='{{ fail "set a password" }}')
    home.add_source("1.0.0")
    home.add_app()
    assert "set a password" in home.ends_with(2)


def test_a_default_that_changes_below_us_is_shown_and_one_that_we_set_is_not(home: ChartHome) -> None:
    home.push("1.0.0", values=VALUES | {"log": "info"})
    home.push("1.0.1", values=VALUES | {"log": "debug", "replicas": 2, "new": 1})
    home.add_source("1.0.0")
    home.add_app(replicas=3)
    said = home.ends_with(1)
    assert "defaults    1 new, 2 changed" in said
    assert "log: info → debug, which you do not set" in said
    assert "replicas" not in said
    assert "-log: info\n" in re.sub(r" +(?=[-+])", "", home.ends_with(1, "--values"))


@pytest.mark.parametrize("limit", ["<1.36.0-0", ">= 1.37", "~1.35.0", "1.30 - 1.35", "<1.30 || >1.40"])
def test_a_limit_for_kubernetes_that_we_are_not_within_needs_care(home: ChartHome, limit: str) -> None:
    home.push("1.0.0")
    home.push("1.0.1", kubeVersion=limit)
    home.add_source("1.0.0")
    home.add_app()
    assert f"Kubernetes  the chart wants {limit}, the cluster has v1.36.4" in home.ends_with(2)


def test_the_changelog_is_the_one_that_the_chart_names(home: ChartHome) -> None:
    changes = '- kind: fixed\n  description: "It \\e[31mworks"\n- plain words\n'
    home.push("1.0.0")
    home.push(
        "1.0.1", annotations={"artifacthub.io/changes": changes}, sources=["https://github.com/example/demo/tree/x"]
    )
    home.push("1.1.0", home="https://demo.example.net")
    home.add_source("1.0.0")
    home.add_app()
    said = home.ends_with(1)
    assert "changelog   https://github.com/example/demo/releases\n" in said
    assert "changelog   https://demo.example.net\n" in said
    assert "says        plain words" in said
    assert "\x1b" not in said


# --- What can't be asked ---


def test_a_source_that_can_not_be_reached_is_named_and_the_others_go_on(home: ChartHome) -> None:
    home.push("1.0.0")
    home.push("1.0.1")
    home.add_source("1.0.0")
    home.add_app()
    home.add_source("1.0.0", "oci://127.0.0.1:1/away", "away")
    home.add_app("away", {"chartRef": {"kind": "OCIRepository", "name": "away", "namespace": "flux-system"}})
    said = home.ends_with(3)
    assert "error: oci://127.0.0.1:1/away: 127.0.0.1:1 can't be reached: " in said
    assert "PATCH 1.0.1" in said
    assert "1 with updates, 1 that could not be found out" in said


class Answers(Quiet):
    """Answers by path: a status and a text."""

    said: tuple[int, str] = (404, "")

    def do_GET(self) -> None:
        self.send_response(self.said[0])
        self.end_headers()
        self.wfile.write(self.said[1].encode())


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (401, "", "wants a login for index.yaml (401): `helm registry login"),
        (404, "", "has no index.yaml"),
        (500, "", "answers 500 for index.yaml"),
        (429, "", "was asked too often (429)"),
        (200, "{[", "/index.yaml is not YAML"),
        (200, "<html>Sign in</html>", "/index.yaml is no list of charts"),
        (200, "entries: {other: []}", "has no chart demo"),
    ],
)
def test_a_repository_that_answers_nonsense_is_named_with_the_reason(
    home: ChartHome, status: int, text: str, words: str
) -> None:
    home.add_app(spec={"chart": CHART | {"spec": CHART["spec"] | {"version": "1.2.3"}}})
    with serving(type("Said", (Answers,), {"said": (status, text)})) as host:
        home.add_repository(f"http://{host}")
        said = home.ends_with(3)
    assert f"error: http://{host} (demo): " in said
    assert words in said


def test_an_index_with_an_address_that_is_none_is_named(home: ChartHome) -> None:
    home.add_app(spec={"chart": CHART | {"spec": CHART["spec"] | {"version": "1.2.3"}}})
    index = "entries: {demo: [{version: 1.2.4, urls: ['http://[::1']}, {version: 1.2.3, urls: ['http://[::1']}]}"
    with serving(type("Said", (Answers,), {"said": (200, index)})) as host:
        home.add_repository(f"http://{host}")
        said = home.ends_with(3)
    assert f"error: http://{host} (demo) 1.2.4 is not compared: http://{host} says an address for demo 1.2.4" in said


@pytest.mark.parametrize("layers", [["a"], "a", [{"mediaType": "text/plain"}]])
def test_a_registry_whose_manifest_is_none_of_a_chart_is_named(home: ChartHome, layers: Any) -> None:
    class Odd(Private):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            tags = {"tags": ["1.0.0", "1.0.1"]}
            self.answer(200, tags if path.endswith("/list") else {"schemaVersion": 2, "layers": layers})

    home.add_app()
    with serving(Odd) as host:
        home.add_source("1.0.0", f"oci://{host}/private/demo")
        assert "1.0.1 is not compared: private/demo:1.0.1 is no Helm chart" in home.ends_with(3)


def test_a_chart_that_is_not_in_a_registry_is_named(home: ChartHome) -> None:
    home.add_source("1.2.3")
    home.add_app()
    assert f"has no chart {home.path}/demo" in home.ends_with(3)


def test_a_pinned_version_that_is_gone_is_said_and_nothing_is_applied(home: ChartHome) -> None:
    home.push("1.0.1")
    path = home.add_source("1.0.0")
    before = home.read(path)
    home.add_app()
    assert "is not compared: the pinned version can't be had" in home.ends_with(3, "--apply", "PATCH")
    assert home.read(path) == before


class Private(Quiet):
    """A registry with one chart, for who has a token, which is for who has a password."""

    archives: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        host = self.headers["Host"]
        given = self.headers.get("Authorization", "")
        if path == "/token":
            basic = "Basic " + base64.b64encode(b"reader:s3cret").decode()
            if given == basic and "scope=repository%3Aprivate%2Fdemo%3Apull" in query:
                return self.answer(200, {"token": "t0ken"})
            return self.answer(401, {})
        if given != "Bearer t0ken":
            challenge = f'Bearer realm="http://{host}/token",service="test",scope="repository:private/demo:pull"'
            return self.answer(401, {}, ("WWW-Authenticate", challenge))
        return self.answer(*self.content(path, query))

    def content(self, path: str, query: str) -> tuple[Any, ...]:
        digests = {f"sha256:{hashlib.sha256(content).hexdigest()}": content for content in self.archives.values()}
        last = path.rpartition("/")[2]
        if path.endswith("/tags/list") and "last=" not in query:
            first = {"tags": list(self.archives)[:1]}
            return 200, first, ("Link", '</v2/private/demo/tags/list?n=1&last=1.0.0>; rel="next"')
        if path.endswith("/tags/list"):
            return 200, {"tags": list(self.archives)[1:]}
        if "/manifests/" in path and last in self.archives:
            digest = f"sha256:{hashlib.sha256(self.archives[last]).hexdigest()}"
            layer = {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": digest}
            return 200, {"schemaVersion": 2, "layers": [layer]}
        return (200, digests[last]) if last in digests else (404, {})

    def answer(self, status: int, content: Any, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content if isinstance(content, bytes) else json.dumps(content).encode())


def test_a_private_registry_is_asked_with_the_login_that_helm_or_docker_keeps(home: ChartHome) -> None:
    archives = {version: home.package(version).read_bytes() for version in ("1.0.0", "1.0.1")}
    home.add_app()
    with serving(type("Mine", (Private,), {"archives": archives})) as host:
        home.add_source("1.0.0", f"oci://{host}/private/demo")
        assert "wants a login for chart private/demo (401)" in home.ends_with(3)
        login = {"auths": {host: {"auth": base64.b64encode(b"reader:s3cret").decode()}}}
        for place in ("docker/config.json", "helm-config/registry/config.json"):
            (home.scratch / place).parent.mkdir(parents=True)
            (home.scratch / place).write_text(json.dumps(login))
            assert home.json(1)[0]["updates"][0]["version"] == "1.0.1"
            (home.scratch / place).unlink()
        (home.scratch / "docker/config.json").write_text("{")
        assert "docker/config.json can't be read as Docker's list of logins" in home.ends_with(3)


def test_a_token_that_has_run_out_meanwhile_is_asked_for_anew(home: ChartHome) -> None:
    """A registry's token lasts a minute unless it says more, and many charts take longer."""
    archives = {version: home.package(version).read_bytes() for version in ("1.0.0", "1.0.1")}
    home.add_app()
    tokens: list[str] = []

    class Hasty(Private):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if path == "/token":
                tokens.append(f"t{len(tokens)}")
                return self.answer(200, {"token": tokens[-1]})
            if tokens and self.headers.get("Authorization") == f"Bearer {tokens[-1]}":
                tokens.append("nobody has this one")
                return self.answer(*self.content(path, query))
            challenge = f'Bearer realm="http://{self.headers["Host"]}/token",service="test"'
            return self.answer(401, {}, ("WWW-Authenticate", challenge))

    Hasty.archives = archives
    with serving(Hasty) as host:
        home.add_source("1.0.0", f"oci://{host}/private/demo")
        assert home.json(1)[0]["updates"][0]["version"] == "1.0.1"


def test_a_registry_that_sends_another_content_is_not_believed(home: ChartHome) -> None:
    archives = {version: home.package(version).read_bytes() for version in ("1.0.0", "1.0.1")}
    home.add_app()

    class Liar(Private):
        def answer(self, status: int, content: Any, *headers: tuple[str, str]) -> None:
            super().answer(status, content + b"more" if isinstance(content, bytes) else content, *headers)

        def do_GET(self) -> None:
            self.answer(*self.content(*self.path.partition("?")[::2]))

    Liar.archives = archives
    with serving(Liar) as host:
        home.add_source("1.0.0", f"oci://{host}/private/demo")
        assert "sends another content for private/demo:1.0.1 than its digest says" in home.ends_with(3)


def test_a_file_that_can_not_be_read_is_named(home: ChartHome) -> None:
    home.push("1.0.0")
    home.add_source("1.0.0")
    home.add_app()
    home.write("kubernetes/flux/meta/repos/broken.yaml", "a: [\n")
    assert "error: kubernetes/flux/meta/repos/broken.yaml:2 is no YAML" in home.ends_with(3)


# --- Without a network ---


def test_offline_is_what_the_caches_have(home: ChartHome) -> None:
    home.add_source("1.0.0", "oci://ghcr.io/example/charts/demo")
    home.add_app()
    assert "demo is in no cache" in home.ends_with(3, "--offline")
    kept = home.scratch / "helm-cache/repository"
    kept.mkdir(parents=True)
    for version in ("1.0.0", "1.0.1"):
        shutil.move(home.package(version), kept)
    unpacked = home.scratch / "helmfile/oci__ghcr_io/example/charts/demo/1.1.0"
    unpacked.mkdir(parents=True)
    shutil.unpack_archive(home.package("1.1.0"), unpacked, "gztar")
    assert [one["version"] for one in home.json(1, "--offline")[0]["updates"]] == ["1.0.1", "1.1.0"]
    elsewhere = home.scratch / "helmfile/oci__ghcr_io/another/demo/3.0.0"
    shutil.copytree(unpacked, elsewhere)
    assert len(home.json(1, "--offline")[0]["updates"]) == 2


# --- apply ---


def two_sources(home: ChartHome) -> None:
    """Two releases share a source with a patch and a minor version, another has a patch that needs care."""
    for version in ("1.0.0", "1.0.1", "1.1.0"):
        home.push(version)
    home.add_source("1.0.0")
    home.add_app("one")
    home.add_app("two")
    home.push("1.0.0", name="other", values=VALUES | {"mode": {"fast": True, "safe": 1}})
    home.push("1.0.1", name="other", values=VALUES | {"mode": {"safe": 1}})
    home.add_source('"1.0.0"', name="other")
    home.add_app(
        "other",
        {"chartRef": {"kind": "OCIRepository", "name": "other", "namespace": "flux-system"}},
        mode={"fast": False},
    )
    home.commit()


def test_apply_changes_one_line_once_and_names_everybody_who_gets_it(home: ChartHome) -> None:
    two_sources(home)
    said = home.ends_with(2, "--apply", "PATCH")
    assert "kubernetes/flux/meta/repos/demo.yaml:11: 1.0.0 → 1.0.1 (home/one, home/two)" in said
    assert "warning: other 1.0.1 is left out: it needs care." in said
    lines = [line for line in home.git("diff", "--unified=0").splitlines() if re.match(r"[-+] ", line)]
    assert lines == ["-    tag: 1.0.0 # as released", "+    tag: 1.0.1 # as released"]
    before = home.git("diff")
    assert "Nothing to apply up to PATCH." in home.ends_with(2, "--apply", "PATCH")
    assert home.git("diff") == before


def test_apply_takes_what_needs_care_only_when_it_is_named(home: ChartHome) -> None:
    two_sources(home)
    home.ends_with(2, "--apply", "MINOR")
    assert 'tag: "1.0.0" #' in home.read("kubernetes/flux/meta/repos/other.yaml")
    assert "tag: 1.1.0 #" in home.read("kubernetes/flux/meta/repos/demo.yaml")
    home.ends_with(0, "home/other", "--apply", "MINOR")
    assert 'tag: "1.0.1" #' in home.read("kubernetes/flux/meta/repos/other.yaml")


def test_a_minor_version_that_needs_care_leaves_the_patch(home: ChartHome) -> None:
    for version in ("1.0.0", "1.0.1"):
        home.push(version)
    home.push("1.1.0", kubeVersion=">=1.99")
    home.push("2.0.0")
    path = home.add_source("1.0.0")
    home.add_app()
    home.ends_with(2, "--apply", "MINOR")
    assert "tag: 1.0.1 #" in home.read(path)


def test_what_is_not_committed_stays(home: ChartHome) -> None:
    for version in ("1.0.0", "1.0.1"):
        home.push(version)
    path = home.add_source("1.0.0")
    home.add_app()
    home.commit()
    home.write(path, home.read(path).replace("interval: 15m", "interval: 7m").replace("\n", "\r\n"))
    home.ends_with(0, "--apply", "PATCH")
    text = (home.root / path).read_bytes().decode()
    assert "  interval: 7m\r\n" in text
    assert "    tag: 1.0.1 # as released\r\n" in text


def test_flux_operator_and_its_instance_change_together(home: ChartHome) -> None:
    for name, versions in (("flux-operator", ("1.0.0", "1.0.1")), ("flux-instance", ("1.0.0",))):
        for version in versions:
            home.push(version, name=name)
        home.add_source("1.0.0", name=name)
        home.add_app(name, {"chartRef": {"kind": "OCIRepository", "name": name, "namespace": "flux-system"}})
    assert "flux-operator 1.0.1 is left out: flux-instance and flux-operator change together." in home.ends_with(
        1, "--apply", "PATCH"
    )


def test_looking_changes_nothing(home: ChartHome) -> None:
    two_sources(home)
    home.ends_with(2)
    home.ends_with(2, "--values")
    assert home.git("status", "--porcelain") == ""
    assert not [path for path in home.scratch.iterdir() if path.name.startswith(("helm-", "docker", "helmfile"))]


# --- The command line ---


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["home/on"], "home/on is no HelmRelease that Flux applies; did you mean home/one?"),
        (["--apply", "MAJOR"], "invalid value for '--apply': 'MAJOR' is not one of 'patch', 'minor'."),
        (["--timeout", "soon"], "invalid value for '--timeout': soon is no number of seconds from 0.1 to 600."),
        (["--charts", "nowhere"], "--charts nowhere is no folder."),
        (["--colour"], "no such option '--colour'."),
    ],
)
def test_bad_words_are_refused_in_one_sentence(home: ChartHome, words: list[str], sentence: str) -> None:
    home.add_source("1.0.0", "oci://127.0.0.1:1/never/asked")
    home.add_app("one")
    said = home.ends_with(3, *words)
    assert said.startswith(f"error: {sentence}")
    assert said.count("\n") == 1


def test_an_app_is_looked_at_alone_also_by_its_name(home: ChartHome) -> None:
    two_sources(home)
    assert [one["chart"] for one in home.json(2, "other")] == ["other"]
    assert [one["chart"] for one in home.json(1, "home/two")] == ["demo"]


def test_json_says_what_people_are_told(home: ChartHome) -> None:
    two_sources(home)
    demo, other = home.json(2)
    assert demo["state"], other["state"] == ("update", "care")
    assert [release["name"] for release in demo["releases"]] == ["home/one", "home/two"]
    assert other["releases"][0]["values"] == {"mode": {"fast": False}}
    assert yaml.safe_dump(demo)


def test_only_a_failure_fails_where_that_is_asked_for(home: ChartHome) -> None:
    two_sources(home)
    home.ends_with(0, "--fail-on=failure")
    home.ends_with(0, "home/one", "--fail-on=care")
    home.add_source("1.0.0", "oci://127.0.0.1:1/away")
    home.ends_with(3, "--fail-on=failure")
