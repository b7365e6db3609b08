"""The chart app-template, as far as the HelmReleases here use it: CI reaches no registry that has the real one.

`render` makes the objects that the chart makes, names and defaults included. A key that app_template_keys.py does not
list is refused. What is Kubernetes' own (a securityContext, resources, an affinity) is handed on: the API server judges
it. compare_app_template.py compares this with the real chart.

Not played: jobs, rbac, network policies, PodMonitors, raw resources, autoscalers, disruption budgets, dependsOn,
default container options, `merge` strategies, prefixes and suffixes of names, any route but an HTTPRoute.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.doubles.app_template_keys import CONSTANT, CONTAINER, MOUNTS, POD, SERVICE, check

Values = dict[str, Any]
Object = dict[str, Any]

CHART = "app-template-5.1.0"
VERSIONS = {
    "CronJob": "batch/v1",
    "DaemonSet": "apps/v1",
    "Deployment": "apps/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
    "StatefulSet": "apps/v1",
}
CONTROLLERS = {"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet", "cronjob": "CronJob"}
PROBE = {"initialDelaySeconds": 0, "failureThreshold": 3, "timeoutSeconds": 1, "periodSeconds": 10}
# Fields that the chart copies when they hold something.
CONTAINER_FIELDS = CONTAINER.keys() - {"enabled", "command", "args", "image", "env", "envFrom", "probes"}
LOAD_BALANCER_FIELDS = {"loadBalancerIP", "loadBalancerClass", "loadBalancerSourceRanges"}
SERVICE_FIELDS = {name for name in SERVICE if name.startswith(("external", "internal", "ip", "publish", "session"))}
MOUNT_FIELDS = MOUNTS[0].keys() - {"path"}


def render(name: str, namespace: str, values: Values) -> list[Object]:
    """Return the objects of release `name` with these values; raise ValueError with the path of a wrong value."""
    check(values)
    accounts: Values = {name: {}} if values.get("global", {}).get("createDefaultServiceAccount", True) else {}
    release = _Release(name, namespace, {"serviceAccount": accounts, **values})
    return [_without_nulls(item) for item in release.objects()]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    return [_without_nulls(child) for child in value] if isinstance(value, list) else value


def _some(item: Values, names: Any) -> Values:
    """Those of the named fields that hold something: for Go templates, 0 and false hold nothing."""
    return {name: item[name] for name in names if item.get(name)}


def _given(item: Values, key: str, default: Any) -> Any:
    return default if item.get(key) is None else item[key]


def _needed(item: Values, key: str, path: str) -> Any:
    if not item.get(key):
        raise ValueError(f"{path}.{key}: is missing")
    return item[key]


def _enabled(items: Values | None) -> dict[str, Values]:
    """Return what is not switched off, in the order in which Go ranges over a map."""
    return {key: item for key, item in sorted((items or {}).items()) if item is not None and item.get("enabled", True)}


def _primary(items: dict[str, Values]) -> Values:
    """Return the last that is marked primary, else the first; empty when there is none."""
    return next((item for item in reversed(items.values()) if item.get("primary")), next(iter(items.values()), {}))


def _text(value: Any, path: str) -> Any:
    """Return a scalar as the chart makes a string of it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        if value >= 1_000_000:
            raise ValueError(f"{path}: write {value} in quotes, or the chart makes {value:.0e} of it")
        return str(int(value) if value == int(value) else value)
    return value


def _bare(value: Any) -> Any:
    """Return a scalar as the chart prints it without quotes."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


@dataclass(frozen=True)
class _Release:
    name: str
    namespace: str
    values: Values

    def objects(self) -> Iterator[Object]:
        parts = {
            "claims": self.claim,
            "serviceAccount": lambda one, item: ("ServiceAccount", {}),
            "configMaps": lambda one, item: ("ConfigMap", _some(item, ["data"])),
            "secrets": lambda one, item: ("Secret", _some(item, ["type", "stringData"])),
            "controllers": self.controller,
            "service": self.service,
            "ingress": self.ingress,
            "serviceMonitor": self.service_monitor,
            "route": self.route,
        }
        for part, make in parts.items():
            for one, item in self.items(part).items():
                kind, body = make(one, item)
                version = VERSIONS.get(kind, "v1")
                yield {"apiVersion": version, "kind": kind, "metadata": self.metadata(part, one, item), **body}

    def items(self, part: str) -> dict[str, Values]:
        """Return the enabled items of a part of the values; `claims` are those of persistence that the chart makes."""
        if part != "claims":
            return _enabled(self.values.get(part))
        volumes = _enabled(self.values.get("persistence")).items()
        is_claim = ("persistentVolumeClaim", None)
        return {key: item for key, item in volumes if item.get("type") in is_claim and not item.get("existingClaim")}

    def name_of(self, part: str, one: str) -> str:
        """Return the object's name: the release's, with the identifier as soon as the part has a second item."""
        items = self.items(part)
        if one not in items:
            raise ValueError(f"{part}.{one}: is referred to, but is not there")
        is_alone = len(items) == 1 or one == self.name or self.name.endswith(f"-{one}")
        return str(items[one].get("forceRename") or (self.name if is_alone else f"{self.name}-{one}")).lower()

    def labels(self, **more: str) -> dict[str, str]:
        """Labels by which pods are selected."""
        labels = {"name": self.name, "instance": self.name, **more}
        return {f"app.kubernetes.io/{key}": text for key, text in labels.items()}

    def metadata(self, part: str, one: str, item: Values) -> Object:
        name, annotations = self.name_of(part, one), item.get("annotations") or {}
        own = {"controllers": {"controller": one}, "service": {"service": name}}.get(part, {})
        chosen = item.get("labels") or {}
        labels = {"helm.sh/chart": CHART, "app.kubernetes.io/managed-by": "Helm", **self.labels(), **chosen}
        if item.get("retain"):
            annotations = annotations | {"helm.sh/resource-policy": "keep"}
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": labels | {f"app.kubernetes.io/{key}": text for key, text in own.items()},
            "annotations": annotations or None,
        }

    def claim(self, one: str, item: Values) -> tuple[str, Object]:
        return "PersistentVolumeClaim", {"spec": _claim(item, f"persistence.{one}")}

    def controller(self, one: str, item: Values) -> tuple[str, Object]:
        kind, path = CONTROLLERS[item.get("type", "deployment")], f"controllers.{one}"
        if kind == "CronJob":
            return kind, {"spec": self.cron_job(one, item, _needed(item, "cronjob", path))}
        spec = {
            "revisionHistoryLimit": _given(item, "revisionHistoryLimit", 3),
            "selector": {"matchLabels": self.labels(controller=one)},
            "template": self.pod(one, item),
        }
        rolling, strategy = item.get("rollingUpdate") or {}, item.get("strategy")
        if kind == "Deployment":
            fields = {"maxUnavailable": rolling.get("unavailable"), "maxSurge": rolling.get("surge")}
            spec |= {"replicas": item.get("replicas", 1), "strategy": _strategy(strategy or "Recreate", fields)}
        elif kind == "StatefulSet":
            fields = {"partition": rolling.get("partition")}
            spec |= {"replicas": item.get("replicas"), "updateStrategy": _strategy(strategy or "RollingUpdate", fields)}
            spec |= self.stateful(item.get("statefulset") or {}, f"{path}.statefulset")
        return kind, {"spec": spec}

    def cron_job(self, one: str, item: Values, job: Values) -> Object:
        # Unlike any other option, restartPolicy is not taken from defaultPodOptions here.
        options = item.get("pod") or {}
        pod = self.pod(one, item | {"pod": options | {"restartPolicy": options.get("restartPolicy") or "Never"}})
        fields = _some(job, ["activeDeadlineSeconds", "ttlSecondsAfterFinished", "parallelism"])
        return {
            "schedule": _needed(job, "schedule", f"controllers.{one}.cronjob"),
            "timeZone": job.get("timeZone") or None,
            "suspend": bool(job.get("suspend")),
            "concurrencyPolicy": job.get("concurrencyPolicy") or "Forbid",
            "startingDeadlineSeconds": _given(job, "startingDeadlineSeconds", 30),
            "successfulJobsHistoryLimit": _given(job, "successfulJobsHistory", 1),
            "failedJobsHistoryLimit": _given(job, "failedJobsHistory", 1),
            "jobTemplate": {"spec": fields | {"backoffLimit": _given(job, "backoffLimit", 6), "template": pod}},
        }

    def stateful(self, item: Values, path: str) -> Object:
        service = item.get("serviceName") or self.name
        templates = [
            {"metadata": {"name": _needed(claim, "name", path)}, "spec": _claim(claim, f"{path}.{claim['name']}")}
            for claim in item.get("volumeClaimTemplates") or []
        ]
        return {
            "podManagementPolicy": item.get("podManagementPolicy", "OrderedReady"),
            "serviceName": self.reference("service", service, path) if isinstance(service, dict) else service,
            **_some(item, ["persistentVolumeClaimRetentionPolicy"]),
            "volumeClaimTemplates": templates or None,
        }

    def pod(self, one: str, item: Values) -> Object:
        """Return the pod template. An option of the controller replaces the one of all controllers as a whole."""
        own, shared = item.get("pod") or {}, self.values.get("defaultPodOptions") or {}
        options: Values = {}
        for key in POD:
            value = own.get(key) if isinstance(own.get(key), bool | dict) or own.get(key) else shared.get(key)
            if isinstance(value, bool) or value:
                options[key] = value
        checksums = {
            f"checksum/{part}": hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
            for part in ("configMaps", "secrets")
            if (found := self.items(part))
        }
        metadata = {
            "labels": self.labels(controller=one) | options.pop("labels", {}),
            "annotations": checksums | options.pop("annotations", {}) or None,
        }
        spec = {
            "enableServiceLinks": False,
            "automountServiceAccountToken": False,
            "hostIPC": False,
            "hostNetwork": False,
            "hostPID": False,
            "dnsPolicy": "ClusterFirstWithHostNet" if options.get("hostNetwork") else "ClusterFirst",
            "serviceAccountName": self.service_account(one, item),
            **options,
            "initContainers": self.containers(one, item, "initContainers") or None,
            "containers": self.containers(one, item, "containers"),
            "volumes": list(self.volumes(one)) or None,
        }
        return {"metadata": metadata, "spec": spec}

    def service_account(self, one: str, item: Values) -> Any:
        if account := item.get("serviceAccount"):
            return self.reference("serviceAccount", account, f"controllers.{one}.serviceAccount")
        accounts = list(self.items("serviceAccount"))
        if len(accounts) > 1:
            raise ValueError(f"controllers.{one}.serviceAccount: is missing, and there are several to choose from")
        return self.name_of("serviceAccount", accounts[0]) if accounts else "default"

    def containers(self, one: str, item: Values, part: str) -> list[Object]:
        found = _enabled(item.get(part)).items()
        return [self.container(one, item, key, value, f"controllers.{one}.{part}.{key}") for key, value in found]

    def container(self, one: str, controller: Values, key: str, item: Values, path: str) -> Object:
        image = _needed(item, "image", path)
        reference = str(_needed(image, "repository", f"{path}.image"))
        if not image.get("digest"):
            _needed(image, "tag", f"{path}.image")
        for mark, part in ((":", "tag"), ("@", "digest")):
            reference += f"{mark}{_text(image[part], f'{path}.image.{part}')}" if image.get(part) else ""
        probes = {kind: probe for kind, probe in (item.get("probes") or {}).items() if probe and probe.get("enabled")}
        return {
            "name": key,
            "image": reference,
            "imagePullPolicy": image.get("pullPolicy") or None,
            **{
                field: [text] if isinstance(text, str) else text
                for field, text in _some(item, ["command", "args"]).items()
            },
            **_some(item, CONTAINER_FIELDS),
            "env": _variables(item.get("env") or {}, f"{path}.env") or None,
            "envFrom": [self.source(source, f"{path}.envFrom") for source in item.get("envFrom") or []] or None,
            **{f"{kind}Probe": self.probe(one, probe, f"{path}.probes.{kind}") for kind, probe in probes.items()},
            "volumeMounts": list(self.mounts(one, controller, key)) or None,
        }

    def source(self, source: Values, path: str) -> Object:
        made = _some(source, ["prefix"])
        for key, part in (("secretRef", "secrets"), ("configMapRef", "configMaps")):
            if item := source.get(key):
                made[key] = {"name": self.reference(part, item, path), **_some(item, ["optional"])}
        return made

    def reference(self, part: str, item: Values, path: str) -> str:
        """Return the name of what these values make, by identifier, or of anything else, by name."""
        return self.name_of(part, item["identifier"]) if item.get("identifier") else str(_needed(item, "name", path))

    def probe(self, one: str, item: Values, path: str) -> Object | None:
        """As written when custom; else of the primary port of the controller's primary service, with own defaults."""
        spec = item.get("spec") or {}
        if item.get("custom"):
            return spec or None
        services = {key: found for key, found in self.items("service").items() if self.controller_of(key) == one}
        port = _primary(_enabled(_primary(services).get("ports")))
        target = {"port": item.get("port") or _bare(port.get("targetPort") or port.get("port"))}
        kind = item.get("type") or "TCP"
        kind = port.get("protocol", "TCP") if kind == "AUTO" else kind
        if kind not in ("TCP", "UDP", "HTTP", "HTTPS"):
            raise ValueError(f"{path}.type: {kind} is not played here")
        http = {**target, "path": item.get("path"), "scheme": kind}
        action = {"httpGet": http} if kind in ("HTTP", "HTTPS") else {"tcpSocket": target}
        return action | {key: _given(spec, key, default) for key, default in PROBE.items()}

    def mounts(self, one: str, controller: Values, container: str) -> Iterator[Object]:
        items = _enabled(self.values.get("persistence"))
        for item in (controller.get("statefulset") or {}).get("volumeClaimTemplates") or []:
            advanced = {one: item["advancedMounts"]} if item.get("advancedMounts") else {}
            items[item["name"]] = {"globalMounts": item.get("globalMounts"), "advancedMounts": advanced}
        for key, item in sorted(items.items()):
            everywhere, advanced = item.get("globalMounts") or [], item.get("advancedMounts") or {}
            path = item.get("hostPath") or f"/{key}"
            wanted = [*everywhere, *advanced.get(one, {}).get(container, [])]
            for mount in wanted if everywhere or advanced else [{}]:
                path = mount.get("path") or path  # without one, the chart too repeats that of the mount before
                yield {"name": key, "mountPath": path, **_some(mount, MOUNT_FIELDS)}

    def volumes(self, one: str) -> Iterator[Object]:
        for key, item in _enabled(self.values.get("persistence")).items():
            advanced = item.get("advancedMounts") or {}
            for controller in advanced:
                self.name_of("controllers", controller)
            if item.get("globalMounts") or not advanced or advanced.get(one):
                yield {"name": key, **self.volume(key, item, f"persistence.{key}")}

    def volume(self, key: str, item: Values, path: str) -> Object:
        kind, optional = item.get("type", "persistentVolumeClaim"), _some(item, ["defaultMode", "items"])
        if kind == "custom":
            return dict(_needed(item, "volumeSpec", path))
        sources = {
            "persistentVolumeClaim": lambda: {"claimName": item.get("existingClaim") or self.name_of("claims", key)},
            "configMap": lambda: {"name": self.reference("configMaps", item, path), **optional},
            "secret": lambda: {"secretName": self.reference("secrets", item, path), **optional},
            "nfs": lambda: {"server": _needed(item, "server", path), "path": _needed(item, "path", path)},
            "hostPath": lambda: {"path": _needed(item, "hostPath", path), "type": item.get("hostPathType")},
            "emptyDir": lambda: _some(item, ["medium", "sizeLimit"]),
        }
        return {kind: sources[kind]()}

    def controller_of(self, one: str) -> str:
        """Return the controller behind a service: the only one by default."""
        controllers = list(self.items("controllers"))
        chosen = self.items("service")[one].get("controller") or (controllers[0] if len(controllers) == 1 else "")
        if chosen not in controllers:
            raise ValueError(f"service.{one}.controller: must be one of {', '.join(controllers)}")
        return str(chosen)

    def service(self, one: str, item: Values) -> tuple[str, Object]:
        kind, path = item.get("type") or "ClusterIP", f"service.{one}.ports"
        special = {"ClusterIP": ["clusterIP"], "LoadBalancer": LOAD_BALANCER_FIELDS}.get(kind, [])
        ports = [
            {
                "name": name,
                "port": _bare(_needed(port, "port", f"{path}.{name}")),
                "targetPort": _bare(port.get("targetPort") or port["port"]),
                "protocol": "TCP" if port.get("protocol") in (None, "HTTP", "HTTPS") else port["protocol"],
                "nodePort": _bare(port.get("nodePort")),
                "appProtocol": port.get("appProtocol"),
            }
            for name, port in _enabled(item.get("ports")).items()
        ]
        spec = {
            "type": kind,
            **_some(item, SERVICE_FIELDS | set(special)),
            "allocateLoadBalancerNodePorts": item.get("allocateLoadBalancerNodePorts"),
            "ports": ports,
            "selector": self.labels(controller=self.controller_of(one)),
        }
        return "Service", {"spec": spec}

    def backend(self, item: Values, path: str) -> tuple[str, Any]:
        """Name and port of a service: of the only one by default, and its primary port."""
        services = self.items("service")
        if item.get("name"):
            return item["name"], item.get("port")
        one = item.get("identifier") or (next(iter(services)) if len(services) == 1 else "")
        if not one:
            raise ValueError(f"{path}.identifier: is missing, and there is not exactly one service")
        name, ports, port = self.name_of("service", one), _enabled(services[one].get("ports")), item.get("port")
        if isinstance(port, str) and port not in ports:
            raise ValueError(f"{path}.port: service.{one} has no port {port}")
        return name, _bare(ports[port]["port"] if isinstance(port, str) else port or _primary(ports).get("port"))

    def ingress(self, one: str, item: Values) -> tuple[str, Object]:
        rules = []
        for host in item.get("hosts") or []:
            where, paths = f"ingress.{one}.hosts", []
            for way in _needed(host, "paths", where):
                name, port = self.backend(way.get("service") or {}, f"{where}.paths.service")
                kind, backend = way.get("pathType") or "Prefix", {"service": {"name": name, "port": {"number": port}}}
                paths.append({"path": _needed(way, "path", f"{where}.paths"), "pathType": kind, "backend": backend})
            rules.append({"host": _needed(host, "host", where), "http": {"paths": paths}})
        spec = {"ingressClassName": item.get("className") or None, **_some(item, ["tls"]), "rules": rules}
        return "Ingress", {"spec": spec}

    def route(self, one: str, item: Values) -> tuple[str, Object]:
        if item.get("kind", "HTTPRoute") != "HTTPRoute":
            raise ValueError(f"route.{one}.kind: {item['kind']} is not played here")
        parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}
        rules = []
        for rule in item.get("rules") or [{"backendRefs": [{}]}]:
            backends = rule.get("backendRefs") or []
            if backends and any(found.get("type") == "RequestRedirect" for found in rule.get("filters") or []):
                raise ValueError(f"route.{one}.rules.filters: a RequestRedirect excludes backendRefs")
            refs = [self.backend_ref(backend, f"route.{one}.rules.backendRefs") for backend in backends]
            rules.append({**_some(rule, ["name", "matches", "filters", "timeouts"]), "backendRefs": refs})
        spec = {
            "parentRefs": [parent | _some(found, found) for found in item.get("parentRefs") or []],
            **_some(item, ["hostnames"]),
            "rules": rules,
        }
        return "HTTPRoute", {"spec": spec}

    def backend_ref(self, item: Values, path: str) -> Object:
        name, port = self.backend(item, path)
        namespace = item.get("namespace") or self.namespace
        fixed = {"group": "", "kind": "Service", "weight": _given(item, "weight", 1)}
        return fixed | {"name": name, "namespace": namespace, "port": port}

    def service_monitor(self, one: str, item: Values) -> tuple[str, Object]:
        path, selector = f"serviceMonitor.{one}", item.get("selector")
        if not selector:
            name, _ = self.backend(item.get("service") or {}, f"{path}.service")
            selector = {"matchLabels": self.labels(service=name)}
        spec = {
            "jobLabel": item.get("jobLabel") or "app.kubernetes.io/name",
            "namespaceSelector": {"matchNames": [self.namespace]},
            "selector": selector,
            "endpoints": _needed(item, "endpoints", path),
            **_some(item, ["targetLabels"]),
        }
        return "ServiceMonitor", {"spec": spec}


def _strategy(kind: str, rolling: Values) -> Object:
    return {"type": kind, "rollingUpdate": _some(rolling, rolling) or None if kind == "RollingUpdate" else None}


def _claim(item: Values, path: str) -> Object:
    storage = item.get("storageClass")
    return {
        "accessModes": [_needed(item, "accessMode", path)],
        "resources": {"requests": {"storage": _needed(item, "size", path)}},
        "storageClassName": "" if storage == "-" else storage or None,
        **_some(item, ["volumeName"]),
    }


def _variables(env: Any, path: str) -> list[Object]:
    """Return the environment variables: those of a list in its order, those of a mapping alphabetically."""
    if isinstance(env, dict):
        written = {name: item if isinstance(item, dict) else {"value": item} for name, item in sorted(env.items())}
        env = [{"name": name, **item} for name, item in written.items()]
    made = []
    for item in env:
        name, rest = _needed(item, "name", path), {key: value for key, value in item.items() if key != "name"}
        if "value" in rest:
            value = _text(rest["value"], f"{path}.{name}")
            made.append({"name": name, "value": CONSTANT.sub(lambda action: json.loads(action[1]), value)})
        else:
            made.append({"name": name, "valueFrom": rest.get("valueFrom", rest)})
    return made
