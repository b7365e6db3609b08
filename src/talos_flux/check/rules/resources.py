"""Rules about the resources of pods: requests and limits."""

from collections.abc import Iterator, Mapping
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Object, Place, walk
from talos_flux.manifests.patches import contents_of
from talos_flux.manifests.releases import VALUES, Keys, Release, mapping, releases, sequence

# The path of the pod spec in each kind.
POD_SPECS: dict[str, Keys] = {
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "Deployment": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "Pod": ("spec",),
    "StatefulSet": ("spec", "template", "spec"),
}
# With these alone, resources are those of a claim, not of a container.
STORAGE = {"storage", "ephemeral-storage"}
# Charts whose own values give what they run requests and a memory limit, or that run nothing themselves.
BRING_THEIR_OWN = {
    "coredns", "descheduler", "flux-instance", "flux-operator", "forgejo-runner", "gateway-helm", "miroir",
    "silence-operator", "spegel", "tofu-controller",
}  # fmt: skip


@rule(
    "resources-missing",
    Severity.WARNING,
    "A container without requests is put on any node, and one without a memory limit can take all memory of it.",
    "Set resources with requests and limits.memory.",
)
def resources_missing(cluster: Cluster) -> Violations:
    """Find containers of manifests and of app-template, whose pods are known, without requests or a memory limit."""
    defaulted = _namespaces_with_defaults(cluster)
    for item in cluster.applied:
        if item.kind in POD_SPECS and item.namespace not in defaulted:
            yield from _in_manifest(item)
    for release in releases(cluster):
        if release.is_app_template and _is_judged(release, defaulted):
            yield from _in_app_template(release)


@rule(
    "resources-unsaid",
    Severity.HINT,
    "Unless the chart brings some, its pods have no requests and no memory limit, and nobody sees which it is.",
    "Set the chart's resources, or waive this with what the chart brings.",
)
def resources_unsaid(cluster: Cluster) -> Violations:
    """Find releases of other charts without resources in their values, unless the chart is known to bring some."""
    defaulted = _namespaces_with_defaults(cluster)
    for release in releases(cluster):
        if release.is_app_template or release.chart.endswith("crds") or not _is_judged(release, defaulted):
            continue
        if release.chart in BRING_THEIR_OWN:
            continue
        if not _has_resources(release.values):
            yield release.item.at(*VALUES), f"HelmRelease {release.item.name} sets no resources"


def _is_judged(release: Release, defaulted: set[str]) -> bool:
    """Return whether everything that gives a release's pods their resources is known."""
    return release.is_whole and release.namespace not in defaulted and not _renders_resources(release)


def _namespaces_with_defaults(cluster: Cluster) -> set[str]:
    """Return the namespaces where a LimitRange gives a memory limit, and so a request, to containers without one."""
    return {
        item.namespace
        for item in cluster.applied
        if item.is_a("LimitRange", "")
        for entry in sequence(item.spec.get("limits"))
        if mapping(entry).get("type") == "Container" and mapping(mapping(entry).get("default")).get("memory")
    }


def _missing_resources(name: str, resources: Mapping[str, Any], pod: Mapping[str, Any]) -> str:
    """Return what a container lacks, given what its pod as a whole has; empty where it lacks nothing."""
    requests = {**mapping(pod.get("requests")), **mapping(resources.get("requests"))}
    limits = {**mapping(pod.get("limits")), **mapping(resources.get("limits"))}
    missing = []
    # Kubernetes takes the limit as the request where there is no request.
    if not requests and not {"cpu", "memory"} <= limits.keys():
        missing.append("no requests")
    if not limits.get("memory"):
        missing.append("no memory limit")
    return f"container {name} has {' and '.join(missing)}" if missing else ""


# --- Manifests ---


def _in_manifest(item: Object) -> Iterator[tuple[Place, str]]:
    keys = POD_SPECS[item.kind]
    pod = mapping(item.get(*keys, "resources"))
    for kind in ("initContainers", "containers"):
        for number, container in enumerate(sequence(item.get(*keys, kind))):
            spec = mapping(container)
            if text := _missing_resources(str(spec.get("name", number)), mapping(spec.get("resources")), pod):
                yield item.at(*keys, kind, number, "resources"), f"{text} in {item.kind} {item.name}"


# --- app-template ---


def _in_app_template(release: Release) -> Iterator[tuple[Place, str]]:
    """Yield the containers of controllers that lack resources, after defaultContainerOptions."""
    for name, controller in mapping(release.get("controllers")).items():
        given = mapping(controller)
        if given.get("enabled") is False:
            continue
        pod = _pod_resources(release, given)
        for kind in ("initContainers", "containers"):
            for container, content in mapping(given.get(kind)).items():
                if mapping(content).get("enabled") is not False and isinstance(content, dict):
                    resources = _container_resources(release, given, kind, content)
                    if resources is not None and (text := _missing_resources(str(container), resources, pod)):
                        place = release.item.at(*VALUES, "controllers", name, kind, container, "resources")
                        yield place, f"{text} in HelmRelease {release.item.name}"


def _pod_resources(release: Release, controller: Mapping[str, Any]) -> Mapping[str, Any]:
    own = mapping(controller.get("pod")).get("resources")
    return mapping(own or mapping(release.get("defaultPodOptions")).get("resources"))


def _container_resources(
    release: Release, controller: Mapping[str, Any], kind: str, content: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return a container's resources; None where they are a template's text."""
    own = content.get("resources")
    if own is not None and not isinstance(own, dict):
        return None
    if kind == "initContainers" and controller.get("applyDefaultContainerOptionsToInitContainers") is False:
        return mapping(own)
    options = mapping(controller.get("defaultContainerOptions") or release.get("defaultContainerOptions"))
    default = mapping(options.get("resources"))
    if controller.get("defaultContainerOptionsStrategy") == "merge":
        return {key: {**mapping(default.get(key)), **mapping(mapping(own).get(key))} for key in ("requests", "limits")}
    return mapping(own or default)


# --- Other charts ---


def _has_resources(values: Mapping[str, Any]) -> bool:
    """Return whether values give some container its resources, or name a preset of them."""
    return any(
        _are_resources(str(keys[-1]), value) or (keys[-1] == "resourcesPreset" and value not in ("none", "", None))
        for keys, value in walk(values)
        if keys
    )


def _are_resources(key: str, value: Any) -> bool:
    if not isinstance(value, dict) or not (key == "resources" or key.endswith("Resources")):
        return False
    names = {name for kind in ("requests", "limits") for name in mapping(value.get(kind))}
    # Some charts have another level between, such as the name of a container.
    return bool(names - STORAGE) if names else any(_are_resources("resources", inner) for inner in value.values())


def _renders_resources(release: Release) -> bool:
    """Return whether post-render patches, or patches in the values themselves, set resources."""
    patches = [
        patch
        for renderer in sequence(release.item.spec.get("postRenderers"))
        for patch in sequence(mapping(mapping(renderer).get("kustomize")).get("patches"))
    ]
    patches += [
        patch for keys, value in walk(release.values) if keys and keys[-1] == "patches" for patch in sequence(value)
    ]
    return any(_sets_resources(content) for patch in patches for content in contents_of(mapping(patch)))


def _sets_resources(content: Any) -> bool:
    return any(
        keys and (keys[-1] == "resources" or (keys[-1] == "path" and "/resources" in str(value)))
        for keys, value in walk(content)
    )
