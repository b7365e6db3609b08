"""What helm makes of a chart with our values: the images that run, and whether a key still does anything."""

import json
import re
import tempfile
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from lib.chart_updates.chart import Chart
from lib.chart_updates.compare import Keys
from lib.checks.charts import Release
from lib.process import ToolFailed, has, run

# Also in the settings of operators, and in manifests inside a ConfigMap: what is called so is pulled sooner or later.
IMAGE = re.compile(r"^\s*-?\s*[\"']?image[\"']?:\s*[\"']?([^\s\"'{}]+)[\"']?\s*$", re.MULTILINE)
# Charts ask whether the cluster has these, and fail or leave something out where it does not.
API_VERSIONS = (
    "monitoring.coreos.com/v1", "monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PodMonitor",
    "monitoring.coreos.com/v1/PrometheusRule", "gateway.networking.k8s.io/v1",
    "gateway.networking.k8s.io/v1/HTTPRoute", "cert-manager.io/v1", "cert-manager.io/v1/Certificate",
)  # fmt: skip
SECONDS = 60


def is_there() -> bool:
    """Whether helm is installed."""
    return has("helm")


def render(chart: Chart, release: Release, values: Mapping[str, Any], kubernetes: str) -> str:
    """The manifests of a release; ToolFailed with helm's words. Post-renderers and valuesFrom have no part in it."""
    with tempfile.TemporaryDirectory(prefix="chart-") as name:
        scratch = Path(name)
        origin = chart.origin
        if isinstance(origin, bytes):
            (scratch / "chart.tgz").write_bytes(origin)
            origin = scratch / "chart.tgz"
        (scratch / "values.json").write_text(json.dumps(values, default=str))
        homes = {f"HELM_{kind}_HOME": str(scratch / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        try:
            return run(
                "helm", "template", release.name, origin,
                f"--namespace={release.namespace}", f"--kube-version={kubernetes}", "--skip-tests",
                "--skip-schema-validation",  # compare.py does that, and says at which line
                *(f"--api-versions={version}" for version in API_VERSIONS), "--values", scratch / "values.json",
                timeout=SECONDS, extra=homes,
            )  # fmt: skip
        except ToolFailed as failed:
            said = failed.said.replace(str(scratch), "").removeprefix("Error: ")
            said = said.partition("Use --debug flag")[0]
            raise ToolFailed(["helm", "template"], said) from None


def images(manifests: str) -> set[str]:
    """Every image that manifests name."""
    return set(IMAGE.findall(manifests))


def does_anything(chart: Chart, release: Release, values: Mapping[str, Any], keys: Keys, kubernetes: str) -> bool:
    """Whether a chart makes something else without a key of ours; no where helm can't tell.

    A chart that makes up passwords or certificates differs from itself, which tells nothing.
    """
    less = deepcopy(dict(values))
    inner: Any = less
    try:
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
        with_it, again = (render(chart, release, values, kubernetes) for _ in range(2))
        return with_it == again and render(chart, release, less, kubernetes) != with_it
    except (ToolFailed, KeyError, IndexError, TypeError):
        return False
