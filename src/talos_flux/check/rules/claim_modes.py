"""Rules about claims: what their storage can do, and whether the pods that mount them can share it."""

from collections.abc import Iterator, Mapping
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.object_references import filled
from talos_flux.manifests.objects import Object
from talos_flux.manifests.pod_specs import Pod, Volume, pods
from talos_flux.manifests.post_build import Variables, variables_in
from talos_flux.manifests.releases import VALUES, Keys, mapping, releases, sequence

# Of local-path-provisioner's configuration; with it, every node has the same files.
SHARED = "sharedFileSystemPath"
ONE_NODE = {"ReadWriteOnce", "ReadWriteOncePod"}
# Classes whose provisioner refuses a claim with any other mode: provisioner.go of rancher/local-path-provisioner;
# cmd/provisioner-localpv/app/provisioner.go of openebs/dynamic-localpv-provisioner.
OF_ONE_NODE = {"local-path": ONE_NODE, "openebs-hostpath": {"ReadWriteOnce"}}


@rule(
    "claim-mode-refused",
    Severity.ERROR,
    "A provisioner of local volumes makes none that several nodes write, and the pods wait for it for ever.",
    "Claim ReadWriteOnce, or another storage class.",
)
def claim_mode_refused(cluster: Cluster) -> Violations:
    """Find claims of a class of local volumes with another mode than it has, in manifests and in app-template."""
    is_shared = any(SHARED in file.text for file in cluster.manifests)
    classes = {name: modes for name, modes in OF_ONE_NODE.items() if not (is_shared and name == "local-path")}
    for item in cluster.applied:
        if item.is_a("PersistentVolumeClaim", "") and item.spec.get("storageClassName") in classes:
            if not item.spec.get("volumeName"):
                name, modes = str(item.spec["storageClassName"]), sequence(item.spec.get("accessModes"))
                yield from _refused(item, ("spec", "accessModes"), name, modes)
    for release in releases(cluster):
        for key, entry in mapping(release.get("persistence")).items() if release.is_app_template else ():
            claim = mapping(entry)
            is_made = claim.get("enabled") is not False and not claim.get("existingClaim")
            name, modes = str(claim.get("storageClass")), [claim["accessMode"]] if claim.get("accessMode") else []
            if is_made and name in classes:
                yield from _refused(release.item, (*VALUES, "persistence", key, "accessMode"), name, modes)


def _refused(item: Object, keys: Keys, name: str, modes: list[Any]) -> Iterator[Any]:
    for mode in modes:
        if mode not in OF_ONE_NODE[name] and "$" not in str(mode):
            yield item.at(*keys), f"{item} claims {mode} of {name}, which has volumes of one node alone"


@rule(
    "claim-not-shared",
    Severity.WARNING,
    "A volume of ReadWriteOnce is on one node: a second pod waits for it elsewhere, or writes the same files.",
    "Run one replica with strategy Recreate, or claim ReadWriteMany of a storage class that has it.",
)
def claim_not_shared(cluster: Cluster) -> Violations:
    """Find Deployments that run two pods on a claim of one node: for good, or while they are replaced."""
    variables = variables_in(cluster)
    modes = {
        (item.namespace, variables.resolve(item.name, kustomization, item)): sequence(item.spec.get("accessModes"))
        for kustomization in cluster.kustomizations
        for item in kustomization.objects
        if item.is_a("PersistentVolumeClaim", "")
    }
    release_of = {id(release.item): release for release in releases(cluster)}
    for pod in pods(cluster):
        if pod.kind.lower() != "deployment":
            continue
        reason, keys = _two_at_once(pod)
        for volume in pod.volumes if reason else ():
            release = release_of.get(id(pod.item))
            name = str(volume.content.get("claimName") or volume.content.get("existingClaim") or "")
            name = _resolved(variables, pod, filled(name, release) if release else name)
            known = modes.get((pod.namespace, name), []) if name else _of_release(volume)
            if known and set(known) <= ONE_NODE:
                claim = f"claim {name}" if name else f"claim of {volume.name}"
                yield pod.at(keys), f"{pod.item} {reason} on the {claim}, which is {' and '.join(known)}"
                break


def _resolved(variables: Variables, pod: Pod, name: str) -> str:
    return variables.resolve(name, pod.kustomization, pod.item)


def _of_release(volume: Volume) -> list[str]:
    """Return the mode of a claim that app-template makes."""
    mode = volume.content.get("accessMode") if volume.kind == "persistentVolumeClaim" else None
    return [str(mode)] if mode else []


def _two_at_once(pod: Pod) -> tuple[str, Keys]:
    """Return how a Deployment comes to two pods, and which field says so; empty where it does not."""
    settings = mapping(pod.item.get(*pod.keys))
    replicas = settings.get("replicas")
    if isinstance(replicas, int) and replicas > 1:
        return f"runs {replicas} replicas", (*pod.keys, "replicas")
    if _rolls(settings, is_manifest=pod.keys == ("spec",)):
        return "starts a new pod before the old one ends (RollingUpdate)", (*pod.keys, "strategy")
    return "", ()


def _rolls(settings: Mapping[str, Any], *, is_manifest: bool) -> bool:
    """Return whether a new pod starts before the old one ends; app-template's default is Recreate."""
    if is_manifest:
        strategy = mapping(settings.get("strategy"))
        kind, surge = strategy.get("type") or "RollingUpdate", mapping(strategy.get("rollingUpdate")).get("maxSurge")
    else:
        kind, surge = settings.get("strategy"), mapping(settings.get("rollingUpdate")).get("surge")
    return kind == "RollingUpdate" and str(surge) not in ("0", "0%")
