"""`task validate` asks registries for what it lacks: charts to judge values by, and whether versions are there."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import registry
from tests.support import processes
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


def validated(home: ChartHome, *words: str) -> list[dict[str, Any]]:
    """Return what `validate` says of charts and images."""
    done = subprocess.run(
        [*TALOS_FLUX, "validate", "--json", *words],
        cwd=home.root,
        env=os.environ | home.environment | home.extra,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
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
    assert [one["severity"] for one in validated(home, "--offline")] == ["error"]


def test_a_registry_that_does_not_answer_is_no_error_and_named(home: ChartHome, proxy: Proxy) -> None:
    home.add_app(replicas=5)
    proxy.broken()
    [found] = validated(home)
    assert (found["severity"], found["text"].partition(":")[0]) == ("unjudged", "demo 1.0.0")
    assert f"127.0.0.1:{proxy.port}" in found["text"]
