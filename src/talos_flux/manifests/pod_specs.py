"""The pods that manifests and app-template make: their fields, containers and volumes, each with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import Object, Place
from talos_flux.manifests.releases import VALUES, Keys, Release, mapping, releases, sequence

# The path of the pod template in each kind; a Pod is one itself.
TEMPLATES: dict[str, Keys] = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "Job": ("spec", "template"),
    "Pod": (),
    "ReplicaSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
}
CONTAINERS = ("initContainers", "containers")
PROBES = ("liveness", "readiness", "startup")


@dataclass(frozen=True, eq=False)
class Part:
    """A pod, or a container of it. `layers` are what gives it its fields, each with where it stands; the first wins."""

    name: str
    item: Object
    layers: tuple[tuple[Mapping[str, Any], Keys], ...]
    is_merged: bool = False

    def get(self, *names: str) -> Any:
        """Return a field; None where nothing gives it."""
        return self.find(*names)[0]

    def find(self, *names: str) -> tuple[Any, Keys]:
        """Return a field, and the keys from the object that lead to it."""
        for fields, keys in self.layers:
            found, value = _dug(fields, names)
            # Unless merged, what app-template takes for given replaces the default as a whole.
            if found or (not self.is_merged and _is_given(fields.get(names[0]))):
                return value, (*keys, *names)
        return None, (*self.layers[0][1], *names)


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume of a pod: its kind as Kubernetes calls it, and what it says."""

    name: str
    kind: str
    content: Mapping[str, Any]
    keys: Keys


@dataclass(frozen=True, eq=False)
class Pod:
    """A pod. What it lacks may be in a Secret unless it `is_whole`; a release with `is_rendered_on` may change it.

    `kind` is that of its workload, and `keys` lead to what that says of its pods.
    """

    kustomization: Kustomization
    item: Object
    namespace: str
    own: Part
    containers: tuple[Part, ...]
    volumes: tuple[Volume, ...]
    kind: str
    keys: Keys
    is_whole: bool = True
    is_rendered_on: bool = False

    def at(self, keys: Keys) -> Place:
        """Return the place of a field."""
        return self.item.at(*keys)


def pods(cluster: Cluster) -> Iterator[Pod]:
    """Yield every pod that Flux applies, or that a release of app-template makes, without those of nobody."""
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.kind in TEMPLATES and not _makes_none(item.spec):
                yield _of_manifest(kustomization, item)
    for release in releases(cluster):
        if release.is_app_template:
            for key, controller in mapping(release.get("controllers")).items():
                given = mapping(controller)
                if given.get("enabled") is not False and not _makes_none(given):
                    yield _of_controller(release, str(key), given)


def _makes_none(spec: Mapping[str, Any]) -> bool:
    suspended = spec.get("suspend") is True or mapping(spec.get("cronjob")).get("suspend") is True
    return suspended or (spec.get("replicas") == 0 and isinstance(spec.get("replicas"), int))


def _of_manifest(kustomization: Kustomization, item: Object) -> Pod:
    keys = TEMPLATES[item.kind]
    where = (*keys, "spec")
    spec = mapping(item.get(*where))
    containers = tuple(
        Part(f"container {mapping(entry).get('name', number)}", item, ((mapping(entry), (*where, kind, number)),))
        for kind in CONTAINERS
        for number, entry in enumerate(sequence(spec.get(kind)))
    )
    volumes = tuple(
        Volume(f"volume {entry.get('name')}", kind, mapping(entry.get(kind)), (*where, "volumes", number, kind))
        for number, entry in enumerate(map(mapping, sequence(spec.get("volumes"))))
        for kind in [_kind_of(entry)]
    )
    own = Part("", item, ((_with_annotations(spec, item.get(*keys, "metadata", "annotations")), where),))
    return Pod(kustomization, item, item.namespace, own, containers, volumes, item.kind, ("spec",))


def _kind_of(volume: Mapping[str, Any]) -> str:
    """Return the one field of a volume that is not its name; an empty one is what Kubernetes takes for emptyDir."""
    return next((str(key) for key in volume if key != "name"), "emptyDir")


def _with_annotations(spec: Mapping[str, Any], annotations: Any) -> Mapping[str, Any]:
    return {**spec, "annotations": annotations} if annotations else spec


# --- app-template ---


def _of_controller(release: Release, name: str, controller: Mapping[str, Any]) -> Pod:
    """Return the pod of a controller, as bjw-s' library makes it: lib/pod/_getOption.tpl, fields/_volumes.tpl."""
    above: Keys = (*VALUES, "controllers", name)
    own = Part(
        "",
        release.item,
        (
            (mapping(controller.get("pod")), (*above, "pod")),
            (mapping(release.get("defaultPodOptions")), (*VALUES, "defaultPodOptions")),
        ),
        release.get("defaultPodOptionsStrategy") == "merge",
    )
    containers = tuple(
        _container(release, controller, (*above, kind, key), mapping(entry))
        for kind in CONTAINERS
        for key, entry in mapping(controller.get(kind)).items()
        if mapping(entry).get("enabled") is not False
    )
    kind, is_rendered_on = str(controller.get("type") or "deployment"), bool(release.item.spec.get("postRenderers"))
    return Pod(
        release.kustomization, release.item, release.namespace, own, containers, tuple(_volumes(release, name)),
        kind, above, release.is_whole, is_rendered_on,
    )  # fmt: skip


def _container(release: Release, controller: Mapping[str, Any], keys: Keys, content: Mapping[str, Any]) -> Part:
    layers = [(content, keys)]
    is_first = keys[-2] == "initContainers"
    if not (is_first and controller.get("applyDefaultContainerOptionsToInitContainers") is False):
        if given := mapping(controller.get("defaultContainerOptions")):
            layers.append((given, (*keys[:-2], "defaultContainerOptions")))
        else:
            layers.append((mapping(release.get("defaultContainerOptions")), (*VALUES, "defaultContainerOptions")))
    for kind in PROBES:
        probe = mapping(mapping(content.get("probes")).get(kind))
        if probe.get("custom") is True and probe.get("enabled") is not False:
            layers.append(({f"{kind}Probe": mapping(probe.get("spec"))}, (*keys, "probes", kind)))
    strategy = controller.get("defaultContainerOptionsStrategy") or release.get("defaultContainerOptionsStrategy")
    return Part(f"container {keys[-1]}", release.item, tuple(layers), strategy == "merge")


def _volumes(release: Release, controller: str) -> Iterator[Volume]:
    """Yield the volumes of a controller's pod: those mounted everywhere, or in it."""
    for key, entry in mapping(release.get("persistence")).items():
        content = mapping(entry)
        mounted = mapping(content.get("advancedMounts"))
        is_here = content.get("globalMounts") or not mounted or mounted.get(controller)
        if not content or content.get("enabled") is False or not is_here:
            continue
        kind, keys = str(content.get("type") or "persistentVolumeClaim"), (*VALUES, "persistence", str(key))
        if kind == "hostPath":
            yield Volume(f"persistence.{key}", kind, {"path": content.get("hostPath")}, (*keys, "hostPath"))
        elif kind == "custom":
            spec = mapping(content.get("volumeSpec"))
            kind = _kind_of(spec)
            yield Volume(f"persistence.{key}", kind, mapping(spec.get(kind)), (*keys, "volumeSpec", kind))
        else:
            yield Volume(f"persistence.{key}", kind, content, (*keys, "type"))


def _is_given(value: Any) -> bool:
    return isinstance(value, bool | dict) or bool(value)


def _dug(fields: Mapping[str, Any], names: tuple[str, ...]) -> tuple[bool, Any]:
    value: Any = fields
    for name in names:
        if not isinstance(value, dict) or name not in value:
            return False, None
        value = value[name]
    return _is_given(value) or value == 0, value
