"""Whatever answers in the place of the API, a tool ends with a report or with one sentence, and in time."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from talos_flux.cli.deployments import KINDS as DEPLOYMENT_KINDS
from talos_flux.cli.health import KINDS
from talos_flux.diagnose import runner
from talos_flux.diagnose.flux.dependency_graph import Graph
from talos_flux.diagnose.flux.rows import rows
from talos_flux.diagnose.probes.api_server import api
from talos_flux.diagnose.probes.certificates import certificates, secrets
from talos_flux.diagnose.probes.flux_health import controllers, flux
from talos_flux.diagnose.probes.network import network
from talos_flux.diagnose.probes.nodes import nodes
from talos_flux.diagnose.probes.pods import pods
from talos_flux.diagnose.probes.storage import storage
from talos_flux.diagnose.report import Report
from talos_flux.errors import UserError, printable
from talos_flux.kube import client, snapshot
from talos_flux.kube.snapshot import Snapshot

Answer = Callable[[BaseHTTPRequestHandler], None]
# In seconds: what is played without an end, and what nobody waits for.
DEADLINE, HANG = 0.5, 30


def body(content: bytes | object, code: int = 200, kind: str = "application/json", **headers: str) -> Answer:
    """Answer every request with a body, JSON of whatever is no bytes."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        sent = {"Content-Type": kind, "Content-Length": str(len(data))} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        for name, value in sent.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    return answer


def status(code: int) -> Answer:
    """Refuse as Kubernetes does."""
    return body({"kind": "Status", "apiVersion": "v1", "message": f"\x1b[2Jcode {code}", "code": code}, code)


def of_items(*items: object, **metadata: str) -> Answer:
    return body({"kind": "List", "metadata": dict(metadata, resourceVersion="1"), "items": list(items)})


def an_object(**parts: Any) -> Answer:
    """Return the answer that every kind has one object with such parts."""
    metadata: dict[str, object] = {"name": "odd", "namespace": "media", "creationTimestamp": "2026-01-01T00:00:00Z"}
    more = parts.pop("metadata", {})
    assert isinstance(more, dict)
    return of_items({"metadata": metadata | more, **parts})


def never_ending(request: BaseHTTPRequestHandler) -> None:
    """Send a body that goes on for ever, byte by byte."""
    request.send_response(200)
    request.end_headers()
    started = time.monotonic()
    while time.monotonic() - started < HANG:
        request.wfile.write(b" ")
        time.sleep(0.05)


def silent(request: BaseHTTPRequestHandler) -> None:
    """Answer nothing for longer than anybody waits."""
    time.sleep(4 * DEADLINE)


def cut_short(request: BaseHTTPRequestHandler) -> None:
    """Announce more than is sent."""
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'{"items": [')


def closed(request: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""


def no_http(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"220 mail.example.net ESMTP\r\n")


DEEP = b'{"metadata": {}, "items": [' + b'{"a":' * 100_000
ANSWERS: dict[str, Answer] = {
    **{f"{code} as a page": body(b"<html>busy</html>", code, "text/html") for code in (400, 405, 500, 502, 503, 504)},
    **{f"{code} as Kubernetes": status(code) for code in (400, 401, 403, 404, 409, 410, 429, 500, 503)},
    "a redirect": body(b"", 302, "text/html", Location="https://login.example.net/"),
    "a redirect to itself": body(b"", 307, "text/html", Location="/"),
    "a redirect to nowhere": body(b"", 301, "text/html"),
    "a web page": body(b"<html>It works!</html>", 200, "text/html"),
    "nothing": body(b""),
    "a word": body("ok"),
    "null": body(None),
    "a list": body([]),
    "an empty object": body({}),
    "no items": body({"metadata": {}}),
    "items that are null": body({"metadata": {}, "items": None}),
    "items that are a mapping": body({"metadata": {}, "items": {"a": {}}}),
    "items that are words": of_items("a", "b"),
    "an item that is null": of_items(None),
    "an item without anything": of_items({}),
    "metadata that is null": body({"metadata": None, "items": []}),
    "an item whose metadata is a word": of_items({"metadata": "odd"}),
    "an item whose name is a number": of_items({"metadata": {"name": 1}}),
    "deep JSON": body(DEEP),
    "JSON without an end": body(b'{"items": [{"metadata": '),
    "no UTF-8": body(b'{"metadata": {"\xff": 1}, "items": []}'),
    "a body that says it is compressed": body(b"no gzip", Content_Encoding="gzip"),
    "a list that always goes on": of_items(**{"continue": "again"}),
    "a body that never ends": never_ending,
    "silence": silent,
    "less than announced": cut_short,
    "a closed connection": closed,
    "another protocol": no_http,
    "a status that is a word": an_object(status="well"),
    "a spec that is a list": an_object(spec=["a"]),
    "conditions that are words": an_object(status={"conditions": ["Ready"]}),
    "a condition that is null": an_object(status={"conditions": [None]}),
    "conditions that are a mapping": an_object(status={"conditions": {"Ready": "True"}}),
    "a time that is none": an_object(
        metadata={"creationTimestamp": "yesterday", "deletionTimestamp": "tomorrow"}, status={"phase": "Running"}
    ),
    "labels that are a list": an_object(metadata={"labels": ["a"]}, spec={"selector": {"matchLabels": {"a": "b"}}}),
    "counts that are words": an_object(spec={"replicas": "three"}, status={"readyReplicas": "two"}),
    "containers that are words": an_object(status={"phase": "Running", "containerStatuses": ["app"]}),
    "a history of words": an_object(status={"history": ["v1"], "conditions": []}),
    "text that steers the terminal": an_object(
        status={"phase": "Failed", "message": "\x1b[2J\x9b31m\rowned\x07", "conditions": []}
    ),
}


# One of each kind; make test-all plays them all.
IN_MAKE_TEST = {"502 as a page", "401 as Kubernetes", "a body that never ends", "an item that is null", "deep JSON"}


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer(self)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        served.daemon_threads, served.block_on_close = True, False
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a kubeconfig, and end requests and lists soon."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr(client, "SECONDS", DEADLINE)
    monkeypatch.setattr(client, "LIST_SECONDS", 2 * DEADLINE)
    monkeypatch.setattr(snapshot, "LIST_SECONDS", 2 * DEADLINE)
    return tmp_path / "kubeconfig"


def written(path: Path, address: str) -> None:
    name = {"name": "a"}
    context = {"cluster": "a", "user": "a"}
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1", "kind": "Config", "current-context": "a", "contexts": [name | {"context": context}],
                "clusters": [name | {"cluster": {"server": address}}], "users": [name | {"user": {}}],
            }
        )
    )  # fmt: skip


def health(taken: Snapshot) -> Report:
    """Judge as `talos-flux health` does, etcd and keys aside."""
    parts = [look(taken) for look in (network, storage, certificates, secrets)]
    return Report([api(taken), nodes(taken, ["k8s-1"]), *parts, flux(Graph.of(taken), ""), pods(taken)])


def deployments(taken: Snapshot) -> Report:
    """Judge as `talos-flux deployments` does."""
    graph = Graph.of(taken)
    rows(graph, "")
    return Report([controllers(taken), flux(graph, "", taken)])


@pytest.mark.slow
@pytest.mark.parametrize("tool", [(KINDS, health), (DEPLOYMENT_KINDS, deployments)], ids=["health", "deployments"])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in IN_MAKE_TEST else [pytest.mark.full]) for name in ANSWERS]
)
def test_it_ends_in_time_with_a_report_or_one_sentence(
    name: str, tool: tuple[Any, Any], kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds, examine = tool
    ended: list[str] = []

    def look() -> None:
        try:
            runner.run(kinds, examine, context=None, watch=False, interval=1, as_json=False)
            ended.append("")
        except UserError as refusal:
            ended.append(str(refusal))

    with serving(ANSWERS[name]) as address:
        written(kubeconfig, address)
        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        thread.join(HANG)
    assert ended, "it hangs, or ended with a traceback"
    [sentence] = ended
    assert "\n" not in sentence and sentence[-1:] in ("", "."), sentence
    output = capsys.readouterr()
    assert "Traceback" not in output.err
    assert printable(output.out) == output.out


def test_an_error_that_is_its_own_cause_is_told_once() -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__context__, second.__context__ = second, first
    assert list(client.causes(first)) == [first, second]


def test_every_kind_of_answer_is_tried_with_both_tools() -> None:
    assert 2 * len(ANSWERS) >= 80
    assert asyncio.iscoroutinefunction(snapshot.listed)
