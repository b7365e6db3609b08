"""Which versions of a chart are newer and fit, where the charts lie in a folder: no registry is asked."""

from pathlib import Path

import pytest

from tests.support import tools
from tests.support.chart_home import ChartHome, made
from tests.support.needs import needs
from tests.support.render import Renderer

pytestmark = needs("helm")

LIMITS = [
    "*", ">=1.25.0-0", ">= 1.25", "1.36", "1.36.x", "1.x", "^1.30", "^1.36.5", "~1.36", "~1.36.5", "~1", "!=1.36.4",
    "!=1.36", ">1.36", ">1", ">1.35", "<=1.36", "<=1.36.3", "<1.36.4-0", "<1.37-0", ">=1.20,<1.36", ">=1.20 <1.40",
    ">= 1.20, < 1.40", "1.30 - 1.36", "=1.36.4", "v1.36.4", "=>1.36", "=<1.36.4", "^0.2", "^0", "<1.20 || >=1.36.0",
]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, render: Renderer) -> ChartHome:
    """Provide a cluster without apps, and no registry."""
    return made(tmp_path, render({}), "127.0.0.1:1")


def test_limits_are_read_as_helm_reads_them(home: ChartHome) -> None:
    for number, limit in enumerate(LIMITS):
        name = f"demo{number}"
        home.package("1.0.0", name=name)
        home.package("1.0.1", name=name, kubeVersion=limit)
        home.add_source("1.0.0", f"oci://127.0.0.1:1/{name}", name)
        home.add_app(name, {"chartRef": {"kind": "OCIRepository", "name": name, "namespace": "flux-system"}})
    charts = home.json(2, "--offline", "--charts", home.charts)
    ours = {one["chart"]: one["updates"][0]["kubernetesLimit"] is None for one in charts}
    helms = {f"demo{number}": helm_takes(home.charts / f"demo{number}-1.0.1.tgz") for number in range(len(LIMITS))}
    assert {LIMITS[int(name[4:])]: ours[name] for name in helms} == {
        LIMITS[int(name[4:])]: helms[name] for name in helms
    }


def helm_takes(chart: Path) -> bool:
    try:
        tools.run("helm", "template", "demo", chart, "--kube-version=v1.36.4")
    except RuntimeError as error:
        assert "kubeVersion" in str(error), error
        return False
    return True


def test_a_folder_of_charts_takes_the_place_of_a_registry(home: ChartHome) -> None:
    for version in ("1.0.0", "1.0.1"):
        home.package(version)
    home.add_source("1.0.0", "oci://ghcr.io/example/charts/demo")
    home.add_app()
    assert home.json(1, "--offline", "--charts", home.charts)[0]["recommended"] == "1.0.1"
