"""Rules about what a container mounts, and where."""

from collections.abc import Iterator
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.pod_specs import CONTAINERS, TEMPLATES
from talos_flux.manifests.releases import VALUES, Keys, Release, mapping, releases, sequence

Mount = tuple[str, str, Keys]


@rule(
    "mount-refused",
    Severity.ERROR,
    "The API server refuses a pod that mounts two volumes at one path, or a part of one by an absolute path.",
    "Write the path of each mount once, and a subPath relative to its volume.",
)
def mount_refused(cluster: Cluster) -> Violations:
    """Find paths that a container has twice, and subPath that leads out of its volume."""
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.kind not in TEMPLATES:
                continue
            where: Keys = (*TEMPLATES[item.kind], "spec")
            for group in CONTAINERS:
                for number, container in enumerate(sequence(item.get(*where, group))):
                    mounts = list(_of_container(container, (*where, group, number)))
                    for keys, problem in _problems(mounts):
                        yield item.at(*keys), f"container {mapping(container).get('name')} of {item} {problem}"
    for release in releases(cluster):
        if release.is_app_template:
            for name, mounts in _of_release(release).items():
                for keys, problem in _problems(mounts):
                    yield release.item.at(*keys), f"container {name} of {release.item} {problem}"


def _of_container(container: Any, keys: Keys) -> Iterator[Mount]:
    for number, mount in enumerate(map(mapping, sequence(mapping(container).get("volumeMounts")))):
        yield str(mount.get("mountPath") or ""), str(mount.get("subPath") or ""), (*keys, "volumeMounts", number)


def _of_release(release: Release) -> dict[str, list[Mount]]:
    """Return the mounts of each container of app-template: lib/container/fields/_volumeMounts.tpl of its library."""
    found: dict[str, list[Mount]] = {}
    containers = [
        (str(controller), str(container))
        for controller, given in mapping(release.get("controllers")).items()
        if mapping(given).get("enabled") is not False
        for group in CONTAINERS
        for container, content in mapping(mapping(given).get(group)).items()
        if mapping(content).get("enabled") is not False
    ]
    for volume, entry in mapping(release.get("persistence")).items():
        if mapping(entry).get("enabled") is False or not isinstance(entry, dict):
            continue
        keys: Keys = (*VALUES, "persistence", volume)
        default = str(entry.get("hostPath")) if entry.get("type") == "hostPath" else f"/{volume}"
        advanced = mapping(entry.get("advancedMounts"))
        for controller, container in containers:
            own = sequence(mapping(advanced.get(controller)).get(container))
            mounts = found.setdefault(f"{controller}.{container}", [])
            mounts += _listed(own, (*keys, "advancedMounts", controller, container), default)
            listed = sequence(entry.get("globalMounts"))
            mounts += _listed(listed, (*keys, "globalMounts"), default)
            if not advanced and not listed:
                mounts.append((default, "", keys))
    return found


def _listed(listed: list[Any], keys: Keys, default: str) -> Iterator[Mount]:
    for number, mount in enumerate(listed):
        path = mapping(mount).get("path") or default
        yield str(path), str(mapping(mount).get("subPath") or ""), (*keys, number)


def _problems(mounts: list[Mount]) -> Iterator[tuple[Keys, str]]:
    seen: set[str] = set()
    for path, part, keys in mounts:
        if "$" in path + part or "{{" in path + part:
            continue
        if path in seen:
            yield keys, f"mounts something at {path} for the second time"
        seen.add(path)
        if part.startswith("/") or ".." in part.split("/"):
            yield keys, f"mounts the part {part} of a volume, which has to be a path in it"
