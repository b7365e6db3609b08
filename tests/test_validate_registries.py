"""`task validate` asks registries for what it lacks: charts to judge values by, and whether versions are there."""

import contextlib
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import registry
from tests.support import processes, tools
from tests.support.chart_home import ChartHome, made
from tests.support.commands import TALOS_FLUX
from tests.support.needs import needs
from tests.support.proxy import Proxy
from tests.support.render import Renderer

pytestmark = [needs("helm", "registry"), pytest.mark.full]

SCHEMA = {"type": "object", "properties": {"replicas": {"type": "integer", "maximum": 3}}}
SOURCE = "kubernetes/flux/meta/repos/demo.yaml"
RULES = {"chart-values", "chart-missing", "chart-key-unread", "image-missing"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("registry")
    yield registry.running(folder, os.getpid())
    processes.stop(folder)


@pytest.fixture
def proxy(address: str) -> Iterator[Proxy]:
    """Provide what stands before the registry, and can be broken."""
    proxy = Proxy(int(address.rpartition(":")[2]))
    yield proxy
    proxy.close()


@pytest.fixture
def home(tmp_path: Path, render: Renderer, address: str, proxy: Proxy) -> ChartHome:
    """Provide a cluster with one app, whose chart has a schema."""
    home = made(tmp_path, render({}), address)
    home.extra = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "TALOS_FLUX_OFFLINE": ""}
    home.push("1.0.0", schema=SCHEMA)
    home.add_source("1.0.0", url=f"oci://127.0.0.1:{proxy.port}/{home.path}/demo")
    return home


def run(home: ChartHome, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TALOS_FLUX, "validate", *words],
        cwd=home.root,
        env=os.environ | home.environment | home.extra,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def validated(home: ChartHome, *words: str) -> list[dict[str, Any]]:
    """Return what `validate` says of charts and images."""
    done = run(home, "--json", *words)
    assert "Traceback" not in done.stderr, done.stderr
    return [one for one in json.loads(done.stdout) if one["rule"] in RULES]


def test_values_are_judged_by_a_chart_that_was_fetched_for_it(home: ChartHome) -> None:
    path = home.add_app(replicas=5)
    [found] = validated(home)
    line = home.read(path).splitlines().index("    replicas: 5") + 1
    assert (found["rule"], found["path"], found["line"]) == ("chart-values", path, line)
    assert found["text"] == "demo 1.0.0 refuses replicas: 5 is greater than the maximum of 3"


def test_a_key_that_no_template_of_the_chart_reads_is_a_warning_at_its_line(home: ChartHome) -> None:
    path = home.add_app(args=["--quiet"], imgae={"tag": "1.0.0"})
    [found] = validated(home)
    line = home.read(path).splitlines().index("    imgae:") + 1
    assert (found["rule"], found["severity"], found["path"], found["line"]) == (
        "chart-key-unread",
        "warning",
        path,
        line,
    )
    assert found["text"] == "demo 1.0.0 reads no imgae: did you mean image?"
    assert [one["text"] for one in validated(home, "--offline")] == [found["text"]]


def test_a_key_that_is_meant_to_be_there_is_waived(home: ChartHome) -> None:
    path = home.add_app(mine={"tag": "1.0.0"})
    home.write(path, home.read(path).replace("mine:", "mine: # allow chart-key-unread: another chart reads it"))
    assert validated(home) == []


def test_a_chart_is_fetched_once_and_judges_offline_from_then_on(home: ChartHome, proxy: Proxy) -> None:
    home.add_app(replicas=5)
    assert [one["severity"] for one in validated(home, "--offline")] == ["unjudged"]
    assert [one["severity"] for one in validated(home)] == ["error"]
    proxy.broken()
    assert [one["severity"] for one in validated(home, "--offline")] == ["error"]
    assert [one["severity"] for one in validated(home)] == ["error"]


def test_a_version_that_its_registry_does_not_have_is_an_error_at_its_line(home: ChartHome) -> None:
    home.add_app()
    home.write(SOURCE, home.read(SOURCE).replace("1.0.0", "99.0.0"))
    [found] = validated(home)
    assert (found["rule"], found["severity"], found["path"]) == ("chart-missing", "error", SOURCE)
    assert "tag: 99.0.0" in home.read(SOURCE).splitlines()[found["line"] - 1]
    assert found["text"].endswith(f"has no version 99.0.0 of {home.path}/demo")
    # Whoever pushed it since commits without asking.
    assert [one["severity"] for one in validated(home, "--offline")] == ["unjudged"]


def test_a_registry_that_does_not_answer_is_no_error_and_named(home: ChartHome, proxy: Proxy) -> None:
    home.add_app(replicas=5)
    proxy.broken()
    [found] = validated(home)
    assert (found["severity"], found["text"].partition(":")[0]) == ("unjudged", "demo 1.0.0")
    assert f"127.0.0.1:{proxy.port}" in found["text"]


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a web server on loopback; yield its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


WORKLOAD = """\
---
apiVersion: {api}
kind: {kind}
metadata:
  name: demo
spec:
{spec}
"""
POD = """\
containers:
  - name: main
    image: {image}
"""


def pushed(home: ChartHome, proxy: Proxy, tag: str) -> str:
    """Push an image, which to a registry is what a chart is; return its name without the tag."""
    home.push(tag, name="image")
    return f"127.0.0.1:{proxy.port}/{home.path}/image"


def add_workload(home: ChartHome, kind: str, api: str, keys: int, image: str) -> str:
    """Add a workload beside the app, whose pod template is so many levels deep; return its path."""
    pod = POD.format(image=image)
    names = {1: [], 2: ["template", "spec"], 4: ["jobTemplate", "spec", "template", "spec"]}[keys]
    spec = "".join(f"{'  ' * (level + 1)}{name}:\n" for level, name in enumerate(names))
    spec += "".join(f"{'  ' * (len(names) + 1)}{line}\n" for line in pod.splitlines())
    path = "kubernetes/apps/home/demo/app/workload.yaml"
    home.write(path, WORKLOAD.format(api=api, kind=kind, spec=spec))
    return path


@pytest.mark.parametrize(
    ("kind", "api", "keys"), [("Deployment", "apps/v1", 2), ("CronJob", "batch/v1", 4), ("Pod", "v1", 1)]
)
def test_an_image_that_is_not_there_is_an_error_at_its_line(
    kind: str, api: str, keys: int, home: ChartHome, proxy: Proxy
) -> None:
    home.add_app()
    name = pushed(home, proxy, "1.0.0")
    add_workload(home, kind, api, keys, f"{name}:1.0.0")
    assert validated(home) == []
    path = add_workload(home, kind, api, keys, f"{name}:4141")
    [found] = validated(home)
    assert (found["rule"], found["severity"], found["path"]) == ("image-missing", "error", path)
    assert "image:" in home.read(path).splitlines()[found["line"] - 1]
    assert found["text"] == f"{name}:4141 is not there: 127.0.0.1:{proxy.port} has no 4141 of {home.path}/image"
    # Offline nobody knows, and what a registry did have is not asked again.
    assert [one["severity"] for one in validated(home, "--offline")] == ["unjudged"]
    add_workload(home, kind, api, keys, f"{name}:1.0.0")
    proxy.broken()
    assert validated(home) == []


def test_images_of_app_template_are_looked_for_by_tag_and_by_digest(home: ChartHome, proxy: Proxy) -> None:
    name = pushed(home, proxy, "1.0.0")
    home.push("5.0.0", name="app-template")
    home.add_source("5.0.0", url=f"oci://127.0.0.1:{proxy.port}/{home.path}/app-template")
    digest = "sha256:" + "0" * 64
    path = home.add_app(
        controllers={
            "demo": {
                "initContainers": {"first": {"image": {"repository": name, "tag": "1.0.0"}}},
                "containers": {
                    "main": {"image": {"repository": name, "tag": 4141}},
                    "side": {"image": {"repository": name, "tag": f"1.0.0@{digest}"}},
                },
            }
        }
    )
    found = [one for one in validated(home) if one["rule"] == "image-missing"]
    lines = home.read(path).splitlines()
    assert [lines[one["line"] - 1].strip() for one in found] == ["tag: 4141", f"tag: 1.0.0@{digest}"]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_only_a_registry_that_says_so_makes_an_image_missing(status: int, home: ChartHome) -> None:
    home.add_app()

    class Refuses(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"errors": [{"code": "DENIED"}]}')

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(Refuses) as address:
        add_workload(home, "Deployment", "apps/v1", 2, f"{address}/me/private:1.0.0")
        [found] = validated(home)
    assert (found["rule"], found["severity"]) == ("image-missing", "unjudged")
    assert found["text"].startswith(f"{address}/me/private:1.0.0: {address} ")


def test_what_was_not_judged_is_one_line(home: ChartHome, proxy: Proxy) -> None:
    home.add_app()
    add_workload(home, "Deployment", "apps/v1", 2, f"127.0.0.1:{proxy.port}/me/image:1.0.0")
    proxy.broken()
    done = run(home)
    [line] = [line for line in done.stdout.splitlines() if "could not judge" in line]
    assert line.startswith("2 rules could not judge everything (chart-values, image-missing): 1 chart was not judged")
    assert f"1 image was not judged: no answer from 127.0.0.1:{proxy.port}" in line


@pytest.mark.parametrize(("version", "rules"), [("1.2.3", ["chart-key-unread"]), ("99.0.0", ["chart-missing"])])
def test_charts_of_an_http_repository_are_judged_as_well(version: str, rules: list[str], home: ChartHome) -> None:
    home.package("1.2.3")
    tools.run("helm", "repo", "index", home.charts)
    reference = {"kind": "HelmRepository", "name": "charts", "namespace": "flux-system"}
    spec = {"chart": {"spec": {"chart": "demo", "version": version, "sourceRef": reference}}}
    path = home.add_app(spec=spec, imgae={"tag": "1.0.0"})

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *words: Any) -> None:
            super().__init__(*words, directory=str(home.charts))

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(Quiet) as address:
        home.add_repository(f"http://{address}")
        found = validated(home)
    assert [(one["rule"], one["path"]) for one in found] == [(rule, path) for rule in rules]
