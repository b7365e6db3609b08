"""Render a chart with our values by helm: the images that run, and whether a key has any effect."""

import json
import re
import tempfile
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from talos_flux.charts.archive import Chart
from talos_flux.charts.compare import Keys
from talos_flux.manifests.releases import Release
from talos_flux.process import ToolError, has, run

# Any key `image`, also in operators' settings and in manifests inside a ConfigMap: those are pulled sooner or later.
IMAGE = re.compile(r"^\s*-?\s*[\"']?image[\"']?:\s*[\"']?([^\s\"'{}]+)[\"']?\s*$", re.MULTILINE)
# Charts test for these (.Capabilities.APIVersions), and fail or omit objects without them.
API_VERSIONS = (
    "monitoring.coreos.com/v1", "monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PodMonitor",
    "monitoring.coreos.com/v1/PrometheusRule", "gateway.networking.k8s.io/v1",
    "gateway.networking.k8s.io/v1/HTTPRoute", "cert-manager.io/v1", "cert-manager.io/v1/Certificate",
)  # fmt: skip
SECONDS = 60


def is_installed() -> bool:
    """Return whether helm is installed."""
    return has("helm")


def render(chart: Chart, release: Release, values: Mapping[str, Any], kubernetes: str) -> str:
    """Return the manifests of a release; ToolError with helm's message. Post-renderers and valuesFrom are ignored."""
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
                "--skip-schema-validation",  # compare.py does that, and reports the line
                *(f"--api-versions={version}" for version in API_VERSIONS), "--values", scratch / "values.json",
                timeout=SECONDS, extra=homes,
            )  # fmt: skip
        except ToolError as failed:
            message = failed.stderr.replace(str(scratch), "").removeprefix("Error: ")
            message = message.partition("Use --debug flag")[0]
            raise ToolError(["helm", "template"], message) from None


def images(manifests: str) -> set[str]:
    """Return every image in the manifests."""
    return set(IMAGE.findall(manifests))


def does_anything(chart: Chart, release: Release, values: Mapping[str, Any], keys: Keys, kubernetes: str) -> bool:
    """Return whether a chart renders differently without a key of ours; False when helm can't tell.

    A chart that generates passwords or certificates renders differently each time, which tells nothing.
    """
    less = deepcopy(dict(values))
    inner: Any = less
    try:
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
        with_it, again = (render(chart, release, values, kubernetes) for _ in range(2))
        return with_it == again and render(chart, release, less, kubernetes) != with_it
    except (ToolError, KeyError, IndexError, TypeError):
        return False
