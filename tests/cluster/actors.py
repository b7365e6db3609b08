"""The controllers that are not there: what they would do, and not before the release that brings them is Ready.

kstatus calls an object without a status current. Without these, whatever waits for a Certificate or a Gateway would
pass by itself; `held` shows that it does wait.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.controlplane import COMPLETE
from tests.cluster.source import now
from tests.support import apiserver, crds
from tests.support.apiserver import ApiError, ApiServer
from tests.support.repository import Object, walk

RELEASES = ("helm.toolkit.fluxcd.io/v2", "HelmRelease")
ADDRESS = "192.0.2.1"
# Secrets that a chart's own Job makes.
MADE_BY_JOBS = {("network", "envoy-gateway")}


class Waits(Exception):
    """Why an object is not ready yet."""


@dataclass
class Actors:
    """`held` are the kinds that nobody acts on, `vault` the keys of each OnePasswordItem, by namespace and name."""

    server: ApiServer
    vault: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    ready: dict[str, str] = field(default_factory=dict)
    _brought: set[str] = field(default_factory=set)
    _said: dict[str, set[tuple[str, str, str, int]]] = field(default_factory=dict)

    def tick(self) -> None:
        """Act on everything that there is."""
        self.ready = {
            item["metadata"]["name"]: item["metadata"]["namespace"]
            for item in self.server.everything(*RELEASES)
            if is_ready(item)
        }
        self._register_crds_of_cilium()
        for (version, kind), act in ACTS.items():
            provider = crds.PROVIDERS[version.split("/")[0]]
            if kind in self.held or provider not in self.ready:
                continue
            for item in self.server.everything(version, kind):
                self._act(item, act)
        self._provision_volumes()
        self._give_addresses()
        if "Pod" not in self.held:
            self._complete_pods()

    def _act(self, item: Object, act: Callable[["Actors", Object], Object]) -> None:
        try:
            status = act(self, item)
        except Waits as reason:
            status = condition(item, "Ready", "False", str(reason))
        # Not compared with what the object says: a kind's schema may keep only a part of a condition.
        if self._said.get(item["metadata"]["uid"]) != told(status):
            self.server.set_status(item, status)
            self._said[item["metadata"]["uid"]] = told(status)

    def get(self, version: str, kind: str, namespace: str, name: str) -> Object | None:
        """Return an object, or None if it is not found."""
        item = {"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace}}
        try:
            found: Object = self.server.call("GET", f"{self.server.path_of(item)}/{name}")
        except (ApiError, LookupError):
            return None
        return found

    def need(self, version: str, kind: str, namespace: str, name: str) -> Object:
        """Return an object that must be there, and be Ready if it reports readiness."""
        found = self.get(version, kind, namespace, name)
        if not found:
            raise Waits(f"{kind} {namespace}/{name} is not there".replace(" /", " "))
        if kind != "Secret" and not is_ready(found):
            raise Waits(f"{kind} {namespace}/{name} is not ready".replace(" /", " "))
        return found

    def has_secret(self, namespace: str, name: str, keys: list[str]) -> None:
        metadata = {"name": name, "namespace": namespace}
        item = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict.fromkeys(keys, "value")}
        if not self.get("v1", "Secret", namespace, name):
            self.server.call("POST", self.server.path_of(item), item)

    def _register_crds_of_cilium(self) -> None:
        """Its operator brings its own kinds before it is ready."""
        if "cilium.io" in self._brought or not self.get("apps/v1", "Deployment", "kube-system", "cilium-operator"):
            return
        apiserver.install(self.server, [item for item in crds.definitions() if item["spec"]["group"] == "cilium.io"])
        self._brought.add("cilium.io")

    def _provision_volumes(self) -> None:
        """Create a volume for each claim, once a pod that uses it has a node where its class wants that."""
        classes = {
            item["metadata"]["name"]: item for item in self.server.everything("storage.k8s.io/v1", "StorageClass")
        }
        for claim in self.server.everything("v1", "PersistentVolumeClaim"):
            metadata, spec = claim["metadata"], claim["spec"]
            storage_class = classes.get(spec.get("storageClassName", ""))
            node = metadata.get("annotations", {}).get("volume.kubernetes.io/selected-node")
            if claim["status"].get("phase") != "Pending" or spec.get("volumeName") or not storage_class:
                continue
            if storage_class.get("volumeBindingMode") == "WaitForFirstConsumer" and not node:
                continue
            reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
            self.server.apply(
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolume",
                    "metadata": {"name": f"pvc-{metadata['uid']}"},
                    "spec": {
                        "accessModes": spec["accessModes"],
                        "capacity": spec["resources"]["requests"],
                        "storageClassName": spec["storageClassName"],
                        "persistentVolumeReclaimPolicy": "Delete",
                        "hostPath": {"path": f"/var/{metadata['uid']}"},
                        "claimRef": reference | {key: metadata[key] for key in ("name", "namespace", "uid")},
                    },
                }
            )

    def _give_addresses(self) -> None:
        """Cilium's part, for Services that ask for an address, and the controllers', for Ingresses of their class."""
        taken = {"loadBalancer": {"ingress": [{"ip": ADDRESS}]}}
        for item in self.server.everything("v1", "Service"):
            if item["spec"].get("type") == "LoadBalancer" and "cilium" in self.ready and not _has_address(item):
                self.server.set_status(item, taken)
        for item in self.server.everything("networking.k8s.io/v1", "Ingress"):
            controller = f"nginx-{item['spec'].get('ingressClassName', '')}"
            if controller in self.ready and "Ingress" not in self.held and not _has_address(item):
                self.server.set_status(item, taken)

    def _complete_pods(self) -> None:
        """Do the kubelet's part that kwok leaves out: start a pod when all that it mounts and reads is there."""
        for pod in self.server.everything("v1", "Pod"):
            is_new = COMPLETE not in pod["metadata"].get("annotations", {}) and pod["spec"].get("nodeName")
            if not is_new:
                continue
            if missing := list(self.missing(pod)):
                self._refuse(pod, missing[0])
            else:
                self.server.change(pod, {"metadata": {"annotations": {COMPLETE: "true"}}})

    def _refuse(self, pod: Object, reason: str) -> None:
        """Say once why a container can't be made, in its status and as an event."""
        if pod["status"].get("containerStatuses"):
            return
        waiting = {"waiting": {"reason": "CreateContainerConfigError", "message": reason}}
        common = {"image": "", "imageID": "", "ready": False, "restartCount": 0, "state": waiting}
        statuses = [{"name": one["name"], **common} for one in pod["spec"]["containers"]]
        self.server.set_status(pod, {"phase": "Pending", "startTime": now(), "containerStatuses": statuses})
        about = {key: pod["metadata"][key] for key in ("name", "namespace", "uid")}
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{about['name']}.", "namespace": about["namespace"]},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", **about},
            "type": "Warning",
            "reason": "Failed",
            "message": f"Error: {reason}",
            "firstTimestamp": now(),
            "lastTimestamp": now(),
        }
        self.server.call("POST", self.server.path_of(event), event)

    def missing(self, pod: Object) -> Iterator[str]:
        """Yield what is missing of the Secrets and ConfigMaps that a pod refers to, in the kubelet's words."""
        namespace = pod["metadata"]["namespace"]
        for kind, name, key in sorted(set(_references(pod["spec"]))):
            if (namespace, name) in MADE_BY_JOBS:
                continue
            found = self.get("v1", kind, namespace, name)
            if not found:
                yield f'{kind.lower()} "{name}" not found'
            elif key and key not in {**found.get("data", {}), **found.get("binaryData", {})}:
                yield f"couldn't find key {key} in {kind} {namespace}/{name}"


def _has_address(item: Object) -> bool:
    return bool(item.get("status", {}).get("loadBalancer", {}).get("ingress"))


def _references(spec: Object) -> Iterator[tuple[str, str, str]]:
    """(kind, name, key or "") of each Secret and ConfigMap that a pod can't start without."""
    for part in walk(spec):
        if not isinstance(part, dict):
            continue
        for kind in ("Secret", "ConfigMap"):
            field_name = kind[0].lower() + kind[1:]
            for source in (part.get(f"{field_name}{form}") for form in ("", "Ref", "KeyRef")):
                if not isinstance(source, dict) or source.get("optional"):
                    continue
                if name := source.get("secretName") or source.get("name"):
                    for entry in source.get("items") or [{"key": source.get("key", "")}]:
                        yield kind, name, entry["key"]


def is_ready(item: Object) -> bool:
    """Whether an object says of its newest generation that it is Ready."""
    ready, generation = condition_of(item), item["metadata"].get("generation")
    return ready.get("status") == "True" and ready.get("observedGeneration", generation) == generation


def condition_of(item: Object) -> Object:
    """Return an object's Ready condition; empty when it has none."""
    conditions = item.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == "Ready"), {})


def told(status: Object) -> set[tuple[str, str, str, int]]:
    """Return the conditions of a status, without their times."""
    conditions = status.get("conditions", [])
    return {(c["type"], c["status"], c["message"], c.get("observedGeneration", 0)) for c in conditions}


def condition(item: Object, kind: str, status: str = "True", message: str = "as its controller would say") -> Object:
    """Return a status with a single condition."""
    return {
        "conditions": [
            {
                "type": kind,
                "status": status,
                "reason": "Played",
                "message": message,
                "lastTransitionTime": now(),
                "observedGeneration": item["metadata"].get("generation", 1),
            }
        ]
    }


# --- What each of them does: act(actors, object) is the object's status ---


def _certificate(actors: Actors, item: Object) -> Object:
    issuer = item["spec"]["issuerRef"]
    namespace = item["metadata"]["namespace"]
    kind = issuer.get("kind", "Issuer")
    actors.need(item["apiVersion"], kind, "" if kind == "ClusterIssuer" else namespace, issuer["name"])
    actors.has_secret(namespace, item["spec"]["secretName"], ["tls.crt", "tls.key"])
    return condition(item, "Ready")


def _issuer(actors: Actors, item: Object) -> Object:
    for part in walk(item["spec"]):
        if isinstance(part, dict) and "apiTokenSecretRef" in part:
            reference = part["apiTokenSecretRef"]
            namespace = item["metadata"].get("namespace") or actors.ready["cert-manager"]
            secret = actors.need("v1", "Secret", namespace, reference["name"])
            if reference["key"] not in secret["data"]:
                raise Waits(f"Secret {namespace}/{reference['name']} has no key {reference['key']}")
    return condition(item, "Ready")


def _store(actors: Actors, item: Object) -> Object:
    for part in walk(item["spec"]):
        if isinstance(part, dict) and "connectTokenSecretRef" in part:
            if "onepassword-connect" not in actors.ready:
                raise Waits("1Password Connect does not answer")
            reference = part["connectTokenSecretRef"]
            actors.need("v1", "Secret", reference["namespace"], reference["name"])
    return condition(item, "Ready")


def _external_secret(actors: Actors, item: Object) -> Object:
    store, metadata = item["spec"]["secretStoreRef"], item["metadata"]
    actors.need(item["apiVersion"], store["kind"], "", store["name"])
    keys = [entry["secretKey"] for entry in item["spec"].get("data", [])]
    template = item["spec"].get("target", {}).get("template", {}).get("data", {})
    name = item["spec"].get("target", {}).get("name", metadata["name"])
    actors.has_secret(metadata["namespace"], name, list(template) or keys or ["value"])
    return condition(item, "Ready")


def _item(actors: Actors, item: Object) -> Object:
    place = item["metadata"]["namespace"], item["metadata"]["name"]
    actors.has_secret(*place, actors.vault.get(place, []))
    return condition(item, "Ready")


def _gateway(actors: Actors, item: Object) -> Object:
    if not actors.get(item["apiVersion"], "GatewayClass", "", item["spec"]["gatewayClassName"]):
        return condition(item, "Programmed", "False", "its GatewayClass is not there")
    programmed, accepted = condition(item, "Programmed"), condition(item, "Accepted")
    return {"conditions": [*accepted["conditions"], *programmed["conditions"]]}


def _receiver(actors: Actors, item: Object) -> Object:
    actors.need("v1", "Secret", item["metadata"]["namespace"], item["spec"]["secretRef"]["name"])
    observed = {"observedGeneration": item["metadata"]["generation"]}
    return condition(item, "Ready") | observed | {"webhookPath": "/hook/0123456789abcdef"}


def _replication(actors: Actors, item: Object) -> Object:
    actors.need("v1", "Secret", item["metadata"]["namespace"], item["spec"]["restic"]["repository"])
    return condition(item, "Synchronizing", "False", "Waiting for next scheduled synchronization")


def _is_there(actors: Actors, item: Object) -> Object:
    return condition(item, "Ready")


def _accepted(actors: Actors, item: Object) -> Object:
    return condition(item, "Accepted")


Act = Callable[[Actors, Any], Object]
ACTS: dict[tuple[str, str], Act] = {
    ("cert-manager.io/v1", "ClusterIssuer"): _issuer,
    ("cert-manager.io/v1", "Certificate"): _certificate,
    ("external-secrets.io/v1", "ClusterSecretStore"): _store,
    ("external-secrets.io/v1", "ExternalSecret"): _external_secret,
    ("fluxcd.controlplane.io/v1", "FluxInstance"): _is_there,
    ("gateway.networking.k8s.io/v1", "GatewayClass"): _accepted,
    ("gateway.networking.k8s.io/v1", "Gateway"): _gateway,
    ("notification.toolkit.fluxcd.io/v1", "Receiver"): _receiver,
    ("onepassword.com/v1", "OnePasswordItem"): _item,
    ("volsync.backube/v1alpha1", "ReplicationSource"): _replication,
}
