"""A cluster as homes have it after some years: the hundredth app goes in as the first did."""

import shutil
from pathlib import Path

import pytest

from tests.support import tools
from tests.support.additions import Adder
from tests.support.app_cases import CHART, IMAGE
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.support.repository import Repository, parse

pytestmark = [needs("kustomize"), pytest.mark.full]


def test_a_hundred_apps_are_added_in_a_row(template: Path, render: Renderer, tmp_path: Path) -> None:
    root = tmp_path / "cluster"
    shutil.copytree(render({}), root)
    before = {app.name for app in Repository(root, {}).apps}
    adder = Adder(template)
    added = {}
    for number in range(100):
        namespace, name = f"group-{number % 7}", f"app-{number * 37 % 100:02}"  # not in alphabetical order
        # Every fifth is a chart, in two versions.
        data = CHART | {"app_chart_version": f"2.{number % 2}.0"} if number % 5 == 0 else IMAGE | {"app_port": 8080}
        adder.add("app", root / "kubernetes/apps" / namespace / name, data)
        added[name] = namespace
    cluster = Repository(root, {})
    assert {app.name: app.namespace for app in cluster.apps if app.name not in before} == added
    sources = sorted(path.stem for path in (root / "kubernetes/flux/meta/repos").glob("vendor*"))
    assert sources == ["vendor", "vendor-app-85"]  # the first user of the other version
    for folder in cluster.namespaces:
        listed = parse((folder / "kustomization.yaml").read_text())[0]["resources"]
        apps = sorted(path.parent.name for path in folder.glob("*/ks.yaml"))
        assert listed == ["./namespace.yaml", *(f"./{app}/ks.yaml" for app in apps)]
        built = parse(tools.run("kustomize", "build", folder))
        assert len(built) == len(listed)
