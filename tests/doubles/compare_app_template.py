"""Compare the double of app-template with the real chart, run by hand by who has that:

    python -m tests.doubles.compare_app_template CHART_FOLDER

The folder is the chart with its library in charts/common, as `helm pull --untar` leaves it. Every set of
app_template_values.yaml, and every HelmRelease of the examples that has this chart, is rendered by helm and by the
double. Each difference is printed, and is exit code 1. Helm judges the values by the chart's schema too, whose parts
are looked up in the folder instead of the network.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.doubles import app_template
from tests.support import app_cases, charts
from tests.support.additions import Adder
from tests.support.cases import EXAMPLES
from tests.support.render import Renderer, snapshot
from tests.support.repository import Object, Repository, parse

VALUES = Path(__file__).with_name("app_template_values.yaml")
GATEWAYS = ("gateway.networking.k8s.io/v1/HTTPRoute", "gateway.networking.k8s.io/v1/GRPCRoute")


def releases(scratch: Path) -> Iterator[charts.Release]:
    """Yield what is compared."""
    for document in parse(VALUES.read_text()):
        values = {key: value for key, value in document.items() if key != "about"}
        yield charts.Release("release", "default", "", "app-template", document["about"], values, (), GATEWAYS)
    template = snapshot(scratch / "template")
    render = Renderer(template, scratch / "renders")
    clusters = [Repository(render(answers), answers) for answers in EXAMPLES.values()]
    for name, answers in app_cases.CLUSTERS.items():
        Adder(template).make_cluster(scratch / name, render(answers), answers)
        clusters.append(Repository(scratch / name, answers))
    seen = set()
    for cluster in clusters:
        for release in charts.releases(cluster):
            if release.chart == "app-template" and release.key not in seen:
                seen.add(release.key)
                yield release


def local(chart: Path, scratch: Path) -> Path:
    """Copy the chart, and make its schemas refer to its own files."""
    copy = shutil.copytree(chart, scratch / "chart", ignore_dangling_symlinks=True)
    for schema in copy.rglob("*.json"):
        text = re.sub(r'https://[^"]*/charts/library/common/', f"file://{copy}/charts/common/", schema.read_text())
        schema.write_text(text)
    return copy


def comparable(value: Any, key: str = "") -> Any:
    """Return a value without what may differ: nulls, the chart's version, checksums, and a text's final newline.

    The last text of a ConfigMap loses that newline in helm's hands, as the file that it stands in ends there.
    """
    if isinstance(value, dict):
        return {name: comparable(child, name) for name, child in sorted(value.items()) if child is not None}
    if isinstance(value, list):
        return [comparable(child) for child in value]
    if key == "helm.sh/chart" or key.startswith("checksum/"):
        return key
    return value.removesuffix("\n") if isinstance(value, str) else value


def differences(one: Any, other: Any, where: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key), other.get(key), f"{where}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{where}[{index}]")
    elif one != other or type(one) is not type(other):
        yield f"{where}: helm {one!r}, double {other!r}"


def by_name(items: list[Object]) -> dict[str, Any]:
    return {f"{item['kind']}/{item['metadata']['name']}": comparable(item) for item in items}


def main(folder: Path) -> int:
    found = compared = 0
    with tempfile.TemporaryDirectory(prefix="app-template-") as name:
        chart = local(folder.resolve(), Path(name))
        for release in releases(Path(name)):
            compared += 1
            for problem in compare(release, chart):
                found += 1
                print(f"{release.name}, {release.pin}: {problem}")
    print(f"{compared} sets of values, {found} differences from {charts.version_of(folder)}")
    return 1 if found else 0


def compare(release: charts.Release, chart: Path) -> Iterator[str]:
    try:
        real = by_name(charts.render(release, chart))
        double = by_name(app_template.render(release.name, release.namespace, release.values))
    except (RuntimeError, ValueError, yaml.YAMLError) as error:
        yield str(error)
        return
    yield from differences(real, double, "")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1], "Chart.yaml").is_file():
        sys.exit("usage: python -m tests.doubles.compare_app_template CHART_FOLDER")
    sys.exit(main(Path(sys.argv[1])))
