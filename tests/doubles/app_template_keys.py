"""The keys of the chart app-template that its double knows: `check` names the first other one by its path.

In the table, "*" stands for names that the author of the values chooses, ANY for what is not the chart's business, [x]
for a list of x, a tuple for one of these by the value's type, where a scalar always passes, and a function for keys
that depend on the item's `type`.
"""

import re
from collections.abc import Callable
from typing import Any

Known = Any
ANY = None


def _keys(names: str, **nested: Known) -> dict[str, Known]:
    return {**dict.fromkeys(names.split(), ANY), **nested}


def _by_type(types: dict[str, Known], default: str, every: dict[str, Known]) -> Callable[[Any, str], Known]:
    """Return a function that gives the keys of an item by its type; it raises ValueError for an unknown type."""

    def known(item: Any, path: str) -> Known:
        item = item if isinstance(item, dict) else {}
        chosen = item.get("type", default)
        if chosen not in types:
            raise ValueError(f"{path}.type: {chosen} is none of {', '.join(types)}")
        return every | types["existingClaim" if "existingClaim" in item and "existingClaim" in types else chosen]

    return known


ITEM = _keys("enabled forceRename annotations labels")
MOUNTS = [_keys("path subPath subPathExpr readOnly mountPropagation")]
REFERENCE = _keys("name identifier optional")
VARIABLE = _keys("value valueFrom fieldRef resourceFieldRef secretKeyRef configMapKeyRef")
CONTAINER = _keys(
    "enabled command args workingDir resources securityContext lifecycle ports restartPolicy stdin tty"
    " terminationMessagePath terminationMessagePolicy",
    image=_keys("repository tag digest pullPolicy"),
    env=({"*": (VARIABLE,)}, [VARIABLE | _keys("name")]),
    envFrom=[_keys("prefix", secretRef=REFERENCE, configMapRef=REFERENCE)],
    probes=dict.fromkeys(("liveness", "readiness", "startup"), _keys("enabled custom spec type path port")),
)
POD = _keys(
    "affinity annotations automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC"
    " hostNetwork hostPID hostUsers hostname imagePullSecrets labels nodeSelector priorityClassName resources"
    " resourceClaims restartPolicy runtimeClassName schedulerName schedulingGates securityContext"
    " shareProcessNamespace terminationGracePeriodSeconds tolerations topologySpreadConstraints"
)
CONTROLLER = ITEM | _keys(
    "type replicas strategy revisionHistoryLimit",
    pod=POD,
    containers={"*": CONTAINER},
    initContainers={"*": CONTAINER},
    serviceAccount=_keys("name identifier"),
    rollingUpdate=_keys("surge unavailable partition"),
)
CLAIM_TEMPLATE = _keys("name size accessMode storageClass", globalMounts=MOUNTS, advancedMounts={"*": MOUNTS})
CONTROLLERS = {
    "deployment": {},
    "daemonset": {},
    "statefulset": {
        "statefulset": _keys(
            "podManagementPolicy persistentVolumeClaimRetentionPolicy",
            serviceName=(_keys("identifier"),),
            volumeClaimTemplates=[CLAIM_TEMPLATE],
        )
    },
    "cronjob": {
        "cronjob": _keys(
            "schedule timeZone suspend concurrencyPolicy startingDeadlineSeconds successfulJobsHistory"
            " failedJobsHistory backoffLimit parallelism activeDeadlineSeconds ttlSecondsAfterFinished"
        )
    },
}
VOLUMES = {
    "persistentVolumeClaim": ITEM | _keys("accessMode size storageClass retain volumeName"),
    "existingClaim": _keys("existingClaim"),
    "configMap": _keys("name identifier defaultMode items"),
    "secret": _keys("name identifier defaultMode items"),
    "nfs": _keys("server path"),
    "emptyDir": _keys("medium sizeLimit"),
    "hostPath": _keys("hostPath hostPathType"),
    "custom": _keys("volumeSpec"),
}
VOLUME = _keys("enabled type", globalMounts=MOUNTS, advancedMounts={"*": {"*": MOUNTS}})
SERVICE = ITEM | _keys(
    "controller type primary clusterIP loadBalancerIP loadBalancerClass loadBalancerSourceRanges externalTrafficPolicy"
    " internalTrafficPolicy allocateLoadBalancerNodePorts sessionAffinity publishNotReadyAddresses ipFamilyPolicy"
    " ipFamilies",
    ports={"*": _keys("enabled primary port targetPort nodePort protocol appProtocol")},
)
INGRESS = ITEM | _keys(
    "className",
    hosts=[_keys("host", paths=[_keys("path pathType", service=_keys("name identifier port"))])],
    tls=[_keys("hosts secretName")],
)
ROUTE = ITEM | _keys(
    "kind hostnames",
    parentRefs=[_keys("group kind namespace name sectionName port")],
    rules=[_keys("name matches filters timeouts", backendRefs=[_keys("namespace name identifier port weight")])],
)
VALUES = {
    "global": _keys("createDefaultServiceAccount"),
    "defaultPodOptions": POD,
    "controllers": {"*": _by_type(CONTROLLERS, "deployment", CONTROLLER)},
    "serviceAccount": {"*": ITEM},
    "configMaps": {"*": ITEM | _keys("data")},
    "secrets": {"*": ITEM | _keys("type stringData")},
    "persistence": {"*": _by_type(VOLUMES, "persistentVolumeClaim", VOLUME)},
    "service": {"*": SERVICE},
    "ingress": {"*": INGRESS},
    "route": {"*": ROUTE},
    "serviceMonitor": {"*": ITEM | _keys("jobLabel selector endpoints targetLabels", service=_keys("name identifier"))},
}


# An action that is nothing but a text, and the fields that the chart takes as they are.
CONSTANT = re.compile(r'{{ ("(?:[^"\\]|\\.)*") }}')
NO_TEMPLATE = re.compile(r"\.(args|command)(\[\d+\])?$")


def check(value: Any, known: Known = VALUES, path: str = "") -> None:
    """ValueError with the path of a key that is not known, of a wrong type, or of Go template syntax."""
    if isinstance(value, str) and "{{" in CONSTANT.sub("", value) and not NO_TEMPLATE.search(path):
        raise ValueError(f"{path}: the chart would execute this as a template")
    if callable(known):
        known = known(value, path)
    if isinstance(known, tuple):
        known = next((one for one in known if isinstance(value, type(one))), ANY)
    if known is not ANY and value is not None and not isinstance(value, type(known)):
        raise ValueError(f"{path}: must be a {'mapping' if isinstance(known, dict) else 'list'}")
    if isinstance(value, dict):
        for key, child in value.items():
            below = f"{path}.{key}".lstrip(".")
            if known is not ANY and key not in known and "*" not in known:
                raise ValueError(f"{below}: not a key of the chart app-template that its double knows")
            check(child, known and known.get(key, known.get("*")), below)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            check(child, known and known[0], f"{path}[{index}]")
