"""What values of app-template have to be where it takes only some words, lists or mappings: for when it is not at hand.

In our own words, from the schemas and templates of its common library, 4.1.1.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from talos_flux.charts.known_keys import NAME
from talos_flux.errors import closest
from talos_flux.manifests.releases import Keys, mapping

CONTROLLER, VOLUME, SERVICE = ("controllers", NAME), ("persistence", NAME), ("service", NAME)
CONTAINERS = ((*CONTROLLER, "containers", NAME), (*CONTROLLER, "initContainers", NAME))
VOLUMES = ("persistentVolumeClaim", "configMap", "secret", "emptyDir", "hostPath", "nfs", "custom")
# Keys of a volume that somebody takes for a type of it.
VOLUME_KEYS = ("existingClaim", "volumeName", "storageClass", "accessMode", "mountPath", "globalMounts")
# Words of Kubernetes, of which there are no others; the rest of the library's own words grow with its versions.
WORDS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    (*CONTROLLER, "type"): ("deployment", "statefulset", "daemonset", "cronjob", "job"),
    (*CONTROLLER, "strategy"): ("Recreate", "RollingUpdate", "OnDelete"),
    (*SERVICE, "type"): ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    (*SERVICE, "externalTrafficPolicy"): ("Cluster", "Local"),
    (*VOLUME, "hostPathType"): (
        "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice",
    ),
    **{(*place, "image", "pullPolicy"): ("Always", "IfNotPresent", "Never") for place in CONTAINERS},
}  # fmt: skip
LISTS = [*((*place, "envFrom") for place in CONTAINERS), (*VOLUME, "globalMounts")]
# Since 4.0 a service account stands below its name, as everything else does.
MAPPINGS = [CONTROLLER, *CONTAINERS, SERVICE, VOLUME, ("ingress", NAME), ("serviceAccount", NAME)]
# Keys of which a volume of a type needs each.
NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "configMap": (("name", "identifier"),),
    "secret": (("name", "identifier"),),
    "nfs": (("server",), ("path",)),
    "hostPath": (("hostPath",),),
    "custom": (("volumeSpec",),),
}


class WrongShape(NamedTuple):
    """A value that app-template refuses, or makes no object of, and why."""

    keys: Keys
    reason: str


def wrong_shapes(values: Any) -> Iterator[WrongShape]:
    """Yield the values that can't be what they are; a text with a variable is none that is known."""
    for pattern, words in WORDS.items():
        for keys, value in _at(values, pattern):
            if isinstance(value, str) and value not in words and "$" not in value and "{{" not in value:
                near = closest(value, words)
                said = f"did you mean {near}?" if near else f"it is one of {', '.join(filter(None, words))}"
                yield WrongShape(keys, f"{value} is none of its words: {said}")
    for pattern in LISTS:
        for keys, value in _at(values, pattern):
            if value is not None and not isinstance(value, list):
                yield WrongShape(keys, f"it is a list, and not {_what(value)}")
    for pattern in MAPPINGS:
        for keys, value in _at(values, pattern):
            if value is not None and not isinstance(value, dict):
                yield WrongShape(keys, f"below this name stand its settings, and not {_what(value)}")
    for keys, volume in _at(values, VOLUME):
        yield from _of_volume(keys, volume)


def _of_volume(keys: Keys, volume: Any) -> Iterator[WrongShape]:
    kind = mapping(volume).get("type", VOLUMES[0])
    if not isinstance(kind, str) or mapping(volume).get("enabled") is False:
        return
    if kind not in VOLUMES:
        # A newer library has more of them.
        if kind in VOLUME_KEYS:
            yield WrongShape((*keys, "type"), f"{kind} is none of its volumes, but a key beside type")
        elif near := closest(kind, VOLUMES):
            yield WrongShape((*keys, "type"), f"{kind} is none of its volumes: did you mean {near}?")
        return
    for alternatives in NEEDED.get(kind, ()):
        if not any(mapping(volume).get(name) for name in alternatives):
            yield WrongShape(keys, f"a volume of type {kind} needs {' or '.join(alternatives)}")


def _at(values: Any, pattern: tuple[str, ...], keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield the values at a place, in which NAME stands for any key."""
    if not pattern:
        yield keys, values
        return
    names = list(mapping(values)) if pattern[0] == NAME else [pattern[0]]
    for name in names:
        if name in mapping(values):
            yield from _at(mapping(values)[name], pattern[1:], (*keys, name))


def _what(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else str(value)
