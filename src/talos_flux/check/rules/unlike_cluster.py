"""Rules about files that say one thing while another one is so in the cluster."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import FLUX, HELM, Object, walk
from talos_flux.manifests.patches import contents_of, is_target
from talos_flux.repository.files import Map


@rule(
    "value-overridden",
    Severity.HINT,
    "A patch above replaces this value, so what stands here is not what the cluster has.",
    "Take it out, or keep the app out of that patch by its label.",
)
def value_overridden(cluster: Cluster) -> Violations:
    """Find values of Kustomizations and HelmReleases in place of which a Flux Kustomization's patch sets others."""
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if not (item.is_a("Kustomization", FLUX) or item.is_a("HelmRelease", HELM)):
                continue
            original = cluster.as_written(item)
            for keys, value in walk(original.spec, ("spec",)):
                now = item.get(*keys)
                # A file that several apps share is patched on purpose.
                if isinstance(value, (dict, list)) or now in (None, value) or isinstance(now, (dict, list)):
                    continue
                # A list is replaced as a whole, which root-patch-replaces says.
                if any(isinstance(key, int) for key in keys):
                    continue
                if any(_sets(patch, item, keys) for patch in _patches_above(kustomization)):
                    yield (
                        original.at(*keys),
                        f"{'.'.join(map(str, keys[1:]))} of {item.name} is {now}, by a patch above",
                    )


def _patches_above(kustomization: Kustomization) -> Iterator[Mapping[str, Any]]:
    above: Kustomization | None = kustomization
    while above:
        patches = above.spec.get("patches")
        yield from (patch for patch in (patches if isinstance(patches, list) else []) if isinstance(patch, dict))
        above = above.parent


def _sets(patch: Mapping[str, Any], item: Object, keys: tuple[str | int, ...]) -> bool:
    """Return whether a patch is about an object, and has something for the place to which keys lead."""
    if not is_target(item, patch):
        return False
    for content in contents_of(patch):
        if isinstance(content, Map):
            if Object(item.file, content).get(*keys) is not None:
                return True
        elif isinstance(content, list):
            path = "/" + "/".join(map(str, keys))
            places = [str(one.get("path", "")) for one in content if isinstance(one, dict)]
            if any(re.fullmatch(rf"{re.escape(place)}(?:/.*)?", path) for place in places if place):
                return True
    return False


@rule(
    "prune-off",
    Severity.HINT,
    "What is taken out of the files of this Kustomization stays in the cluster.",
    "Write prune: true, or say why not in a comment, `# allow prune-off: <reason>`.",
)
def prune_off(cluster: Cluster) -> Violations:
    """Find Kustomizations that remove nothing."""
    for kustomization in cluster.kustomizations:
        if kustomization.spec.get("prune") is False:
            place = kustomization.item.at("spec", "prune")
            yield place, f"{kustomization} removes nothing of what it has applied"
