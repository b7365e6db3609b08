"""A cluster that is well, as the API shows it: nodes, the control plane's pods and what every app needs."""

import json
from collections.abc import Iterable
from typing import Any

from tests.pins import pinned
from tests.support.apiserver import ApiError, ApiServer
from tests.support.repository import Object


def minor(version: str, later: int = 0) -> str:
    """Return the minor version of a version such as v1.14.2, or one that comes so many later, v1.15."""
    major, number, _ = version.split(".")
    return f"{major}.{int(number) + later}"


TALOS, KUBERNETES = pinned()["pin_talos"], pinned()["pin_kubernetes"]
STATIC = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
DEPLOYMENTS = (
    ("kube-system", "coredns"),
    ("kube-system", "cilium-operator"),
    ("flux-system", "source-controller"),
    ("flux-system", "kustomize-controller"),
    ("flux-system", "helm-controller"),
)
OLD_TALOS, OLD_KUBERNETES = f"{minor(TALOS, -1)}.9", f"{minor(KUBERNETES, -1)}.9"
NEVER = "2026-01-01T00:00:00Z"


def ready(is_ready: bool = True, **more: Any) -> Object:
    """Return a status with the condition Ready."""
    return {"conditions": [{"type": "Ready", "status": str(is_ready), "lastTransitionTime": NEVER}], **more}


class Wellness:
    """Makes objects on a server, and their statuses as kubelets and controllers would."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    def bring(self, controllers: Iterable[str], workers: Iterable[str] = ()) -> None:
        """Everything is well."""
        self.server.has_namespace("flux-system")
        for name in (*controllers, *workers):
            self.node(name)
        for name in controllers:
            for component in STATIC:
                self.pod("kube-system", f"{component}-{name}", name)
        for namespace, name in DEPLOYMENTS:
            self.deployment(namespace, name)
        self.daemon_set("kube-system", "cilium", 3)

    def node(self, name: str, *, is_ready: bool = True, talos: str = TALOS, kubernetes: str = KUBERNETES) -> None:
        """Create a node, whose kubelet says what it runs."""
        item = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        self.server.apply(item, "kubelet")
        info = {"osImage": f"Talos ({talos})", "kubeletVersion": kubernetes}
        whole = dict.fromkeys(
            ("machineID", "systemUUID", "bootID", "kernelVersion", "containerRuntimeVersion", "kubeProxyVersion",
             "operatingSystem", "architecture"), "",
        )  # fmt: skip
        self.server.set_status(item, ready(is_ready, nodeInfo=whole | info))

    def pod(self, namespace: str, name: str, node: str, status: Object | None = None) -> None:
        """Create a pod, which is ready unless its status says otherwise."""
        self.server.has_namespace(namespace)
        item = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}}
        spec = {"containers": [{"name": "app", "image": "example.net/app"}], "nodeName": node}
        try:
            self.server.call("POST", self.server.path_of(item), item | {"spec": spec})
        except ApiError as error:
            if error.status != 409:
                raise
        self.server.set_status(item, status or ready(phase="Running", startTime=NEVER))

    def deployment(self, namespace: str, name: str, *, of: int = 1, pods: int | None = None) -> None:
        """Create a Deployment of so many replicas, of which so many are ready."""
        self._workload("Deployment", namespace, name, {"replicas": of})
        count = of if pods is None else pods
        self._status(
            "Deployment", namespace, name, {"replicas": of, "readyReplicas": count, "availableReplicas": count}
        )

    def daemon_set(self, namespace: str, name: str, of: int, *, pods: int | None = None) -> None:
        """Create a DaemonSet for so many nodes, with so many pods ready."""
        self._workload("DaemonSet", namespace, name, {})
        count = of if pods is None else pods
        wanted = {"currentNumberScheduled": of, "desiredNumberScheduled": of, "numberMisscheduled": 0}
        self._status("DaemonSet", namespace, name, wanted | {"numberReady": count})

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Remove an object at once."""
        item = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}
        self.server.call("DELETE", f"{self.server.path_of(item)}/{name}", {"gracePeriodSeconds": 0})

    def _workload(self, kind: str, namespace: str, name: str, spec: Object) -> None:
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "example.net/a"}]}}
        self.server.apply(
            {
                "apiVersion": "apps/v1",
                "kind": kind,
                "metadata": {"name": name, "namespace": namespace},
                "spec": spec | {"selector": {"matchLabels": labels}, "template": template},
            }
        )

    def _status(self, kind: str, namespace: str, name: str, status: Object) -> None:
        item = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}
        # As merge-patch has it, so that a count that is 0 replaces the one before.
        self.server.set_status(item, json.loads(json.dumps({"observedGeneration": 99, **status})))
