"""What charts make by their templates: their Services with the ports, and pods that need more than baseline.

Read from the charts' sources: grafana 10 (grafana-community/helm-charts), kube-prometheus-stack,
prometheus-node-exporter and prometheus-smartctl-exporter (prometheus-community/helm-charts), longhorn 1.11
(longhorn/charts) and spegel. A chart that is not here is not judged.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from talos_flux.manifests.pod_security import BASELINE, PRIVILEGED
from talos_flux.manifests.releases import Release, mapping

Path = tuple[str, ...]
STACK = "kube-prometheus-stack"
# Values with which Services have more ports than their chart gives them.
ADDS_PORTS = {"additionalPorts", "extraExposePorts", "ports"}


class ChartService(NamedTuple):
    """A Service of a release, with its ports by number and name; none where values add others."""

    name: str
    ports: frozenset[str] | None


class ChartPod(NamedTuple):
    """What a pod of a chart has that fewer levels allow: the level that it needs, and what it has."""

    needs: str
    text: str


def services_of(release: Release) -> Iterator[ChartService]:
    """Yield the Services of a release, as far as its chart is known and the files tell its values."""
    if not release.is_whole or release.get("namespaceOverride"):
        return
    if release.chart == "grafana":
        yield _service(release, (), _full_name(release, (), "grafana"), "80", "service")
    elif release.chart == "longhorn":
        yield ChartService("longhorn-frontend", frozenset({"80", "http"}))
    elif release.chart == STACK:
        name = _full_name(release, (), STACK)[:26].rstrip("-")
        for part, port in (("prometheus", "9090"), ("alertmanager", "9093")):
            if release.get(part, "enabled") is not False:
                yield _service(release, (part,), f"{name}-{part}", port, "http-web", "reloader-web", "8080", "grpc")
        if release.get("grafana", "enabled") is not False and not release.get("grafana", "namespaceOverride"):
            # Since 10.0 the stack calls its port otherwise than the chart of Grafana alone.
            yield _service(release, ("grafana",), _full_name(release, ("grafana",), "grafana"), "80", "service",
                           "http-web")  # fmt: skip


def _service(release: Release, above: Path, name: str, port: str, *others: str) -> ChartService:
    service = mapping(release.get(*above, "service"))
    if set(service) & ADDS_PORTS or set(mapping(release.get(*above))) & ADDS_PORTS or "$" in str(service.get("port")):
        return ChartService(name, None)
    names = {str(service["portName"])} if service.get("portName") else set()
    return ChartService(name, frozenset({str(service.get("port") or port), *others, *names}))


def _full_name(release: Release, above: Path, chart: str) -> str:
    """Return the name as the helper `fullname` makes it, which most charts have from `helm create`."""
    if override := release.get(*above, "fullnameOverride"):
        return str(override)
    name = str(release.get(*above, "nameOverride") or chart)
    return release.name if name in release.name else f"{release.name}-{name}"


@dataclass(frozen=True)
class _Needs:
    """Where values switch a pod of a chart on, unless said otherwise, and what it needs."""

    chart: str
    is_there: Callable[[Release], Any]
    pod: ChartPod


def _has(release: Release, *keys: str, default: bool = True) -> bool:
    value = release.get(*keys)
    return value is not False if default else value is True


NODE_EXPORTER = ChartPod(PRIVILEGED, "hostNetwork, hostPID and hostPath of its node exporter")
CHOWN = ChartPod(BASELINE, "runAsUser 0 of its init container init-chown-data")
NEEDS = (
    _Needs(STACK, lambda one: _has(one, "nodeExporter", "enabled"), NODE_EXPORTER),
    _Needs("prometheus-node-exporter", lambda one: True, NODE_EXPORTER),
    _Needs("prometheus-smartctl-exporter", lambda one: True, ChartPod(PRIVILEGED, "hostPath of /dev")),
    _Needs("longhorn", lambda one: True, ChartPod(PRIVILEGED, "privileged and hostPath of longhorn-manager")),
    _Needs("spegel", lambda one: True, ChartPod(PRIVILEGED, "hostPath")),
    # charts/gha-runner-scale-set/templates/_helpers.tpl: the container dind is privileged.
    _Needs("gha-runner-scale-set", lambda one: one.get("containerMode", "type") == "dind",
           ChartPod(PRIVILEGED, "privileged of its container dind")),
    _Needs("grafana", lambda one: _has(one, "persistence", "enabled", default=False)
           and _has(one, "initChownData", "enabled"), CHOWN),
    _Needs(STACK, lambda one: _has(one, "grafana", "enabled")
           and _has(one, "grafana", "persistence", "enabled", default=False)
           and _has(one, "grafana", "initChownData", "enabled"), CHOWN),
)  # fmt: skip


def pods_of(release: Release) -> Iterator[ChartPod]:
    """Yield the pods of a release that need more than restricted allows, where the files tell its values."""
    if release.is_whole:
        yield from (each.pod for each in NEEDS if each.chart == release.chart and each.is_there(release))
