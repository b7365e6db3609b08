"""Rules about pods that the pod security of their namespace refuses."""

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.chart_table import pods_of
from talos_flux.manifests.enforced_levels import enforced_levels
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.pod_security import LEVELS, Offence, offences
from talos_flux.manifests.pod_specs import pods
from talos_flux.manifests.releases import releases


@rule(
    "pod-security-refused",
    Severity.ERROR,
    "Kubernetes makes no pod that asks for more than its namespace enforces; Flux waits until it gives up.",
    "Take the field out, or label the namespace with the level: `pod-security.kubernetes.io/enforce`.",
)
def pod_security_refused(cluster: Cluster) -> Violations:
    """Find pods of manifests, app-template and known charts that need a higher level than their namespace allows."""
    levels = enforced_levels(cluster)
    for pod in pods(cluster):
        found = offences(pod)
        if not found:
            continue
        allowed = levels.of(pod.kustomization, pod.namespace)
        too_much = [one for one in found if allowed and LEVELS.index(one.needs) < LEVELS.index(allowed)]
        if not too_much:
            continue
        if pod.is_rendered_on:
            cluster.doubts.add(f"{pod.item}: its postRenderers may change what its namespace refuses")
            continue
        needed = min((one.needs for one in too_much), key=LEVELS.index)
        chosen = [one for one in too_much if one.needs == needed]
        text = f"Namespace {pod.namespace} allows {allowed}: {_listed(chosen)} {needed}"
        yield pod.at(chosen[0].keys), text

    for release in releases(cluster):
        allowed = levels.of(release.kustomization, release.namespace)
        refused = [pod for pod in pods_of(release) if allowed and LEVELS.index(pod.needs) < LEVELS.index(allowed)]
        if refused and release.item.spec.get("postRenderers"):
            cluster.doubts.add(f"{release.item}: its postRenderers may change what its namespace refuses")
        elif refused:
            texts = " and ".join(pod.text for pod in refused)
            needed = min((pod.needs for pod in refused), key=LEVELS.index)
            text = f"Namespace {release.namespace} allows {allowed}: {release.chart} needs {needed}, for {texts}"
            yield release.item.at("metadata", "name"), text


def _listed(found: list[Offence]) -> str:
    """Return what needs a level, and the verb."""
    texts = list(dict.fromkeys(one.text for one in found))
    if len(texts) == 1:
        return f"{texts[0]} needs"
    return f"{', '.join(texts[:-1])} and {texts[-1]} need"
