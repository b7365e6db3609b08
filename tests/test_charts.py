"""The real charts accept the values of the examples, and the API server accepts what they render."""

from collections.abc import Callable
from pathlib import Path

from tests.conftest import NOT_RENDERED
from tests.support import charts
from tests.support.apiserver import ApiServer
from tests.support.needs import needs
from tests.support.repository import Repository

pytestmark = needs("flux-build", "helm", "kube-apiserver", "kustomize")


def test_every_chart_that_can_be_had_works_with_the_values_as_written(
    example: Repository, server: ApiServer, shared: Path, record_property: Callable[[str, object], None]
) -> None:
    found = charts.releases(example)
    problems = []
    for release in found:
        if release.chart in charts.MODULE_CHARTS:
            chart = charts.from_module(release.chart, shared / "charts")
            problems += charts.objections(server, release, chart)
    missing = {f"{release.chart} {release.pin}" for release in found if release.chart not in charts.MODULE_CHARTS}
    record_property(NOT_RENDERED, sorted(missing))
    assert not problems, "\n".join(problems)
