"""The keys of app-template, the chart that most apps are of, for when it is not at hand.

In our own words, from what its common library takes at 4.1.1 and up to 5.3.0; a key that only one of them has is taken
for one of both. What is Kubernetes' own, and what the library takes as it is, is not judged: neither are values.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from talos_flux.errors import closest
from talos_flux.manifests.releases import Keys, mapping

MAJORS = ("4", "5")
# Any name that the author of the values chooses.
NAME = "*"
# None is not judged.
Known = Mapping[str, Any] | None


class WrongKey(NamedTuple):
    """A key that app-template does not have, with a similar one that it has. `is_refused` where helm refuses it."""

    keys: Keys
    near: str
    is_refused: bool


def _keys(names: str, **inner: Known) -> Mapping[str, Known]:
    return {**dict.fromkeys(names.split()), **inner}


ITEM = "enabled forceRename prefix suffix annotations labels "
CONTAINER = _keys(
    "enabled args command dependsOn env envFrom image lifecycle nameOverride ports resizePolicy resources"
    " restartPolicy securityContext stdin terminationMessagePath terminationMessagePolicy tty workingDir",
    probes=dict.fromkeys(
        ("liveness", "readiness", "startup"), _keys("enabled custom command path port service spec type")
    ),
)
POD = _keys(
    "affinity annotations automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC"
    " hostNetwork hostPID hostUsers hostname imagePullSecrets labels nodeSelector priorityClassName resizePolicy"
    " resourceClaims resources restartPolicy runtimeClassName schedulerName schedulingGates securityContext"
    " shareProcessNamespace terminationGracePeriodSeconds tolerations topologySpreadConstraints"
)
CONTROLLER = _keys(
    ITEM + "type replicas revisionHistoryLimit rollingUpdate strategy cronjob job statefulset serviceAccount"
    " extraSelectorLabels applyDefaultContainerOptionsToInitContainers defaultContainerOptionsStrategy"
    " defaultContainerOptions podDisruptionBudget horizontalPodAutoscaler",
    pod=POD,
    containers={NAME: CONTAINER},
    initContainers={NAME: CONTAINER},
)
SERVICE = _keys(
    ITEM + "type controller primary clusterIP externalName externalIPs loadBalancerIP loadBalancerSourceRanges"
    " loadBalancerClass internalTrafficPolicy externalTrafficPolicy allocateLoadBalancerNodePorts sessionAffinity"
    " sessionAffinityConfig publishNotReadyAddresses ipFamilyPolicy ipFamilies trafficDistribution extraSelectorLabels",
    ports={NAME: _keys("enabled primary port portRange protocol targetPort nodePort appProtocol")},
)
# Of all types together: which of them belong to one, its schema tells.
VOLUME = _keys(
    ITEM + "type accessMode size storageClass retain volumeName dataSource dataSourceRef existingClaim name identifier"
    " externalSecretRef defaultMode items path server medium sizeLimit hostPath hostPathType image pullPolicy sources"
    " volumeSpec globalMounts advancedMounts"
)
INGRESS = _keys(ITEM + "className defaultBackend hosts tls")
VALUES = _keys(
    "global defaultPodOptionsStrategy defaultContainerOptions defaultContainerOptionsStrategy serviceAccount"
    " configMaps configMapsFromFolder secrets secretsFromFolder externalSecrets defaultExternalSecretStoreRef route"
    " listenerSets serviceMonitor podMonitor networkpolicies ciliumNetworkPolicies ciliumClusterwideNetworkPolicies"
    " rbac rawResources nameOverride fullnameOverride",
    defaultPodOptions=POD,
    controllers={NAME: CONTROLLER},
    service={NAME: SERVICE},
    persistence={NAME: VOLUME},
    ingress={NAME: INGRESS},
)


def is_known(chart: str, version: str) -> bool:
    """Return whether these keys are those of a chart."""
    return chart == "app-template" and version.removeprefix("v").partition(".")[0] in MAJORS


def wrong_keys(values: Any) -> Iterator[WrongKey]:
    """Yield the keys that app-template does not have."""
    for keys, known in _unknown(values, VALUES, ()):
        near = closest(str(keys[-1]), known)
        # The schema is open at the top: a key of no meaning only has no effect, unless it is a missing one misspelled.
        is_misspelled = near and near not in values and abs(len(near) - len(str(keys[-1]))) <= 1
        yield WrongKey(keys, near, len(keys) > 1 or bool(is_misspelled))


def _unknown(values: Any, known: Known, keys: Keys) -> Iterator[tuple[Keys, list[str]]]:
    if known is None:
        return
    for name, value in mapping(values).items():
        if NAME in known or name in known:
            yield from _unknown(value, known.get(NAME, known.get(name)), (*keys, name))
        elif value is not None:
            yield (*keys, name), list(known)
