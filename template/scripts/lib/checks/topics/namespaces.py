"""Where things end up, and where they say they are."""

from lib.checks.charts import mapping
from lib.checks.flux import Cluster
from lib.checks.objects import CLUSTER_SCOPED, FLUX, SOURCES, Object
from lib.checks.providers import providers
from lib.checks.rules import Found, Severity, rule

# Kubernetes and Flux make them themselves.
ALWAYS_THERE = {"default", "kube-node-lease", "kube-public", "kube-system", "flux-system"}


@rule(
    "namespace-differs",
    Severity.WARNING,
    "The file says one namespace and the object ends up in another one, where nobody looks for it.",
    "Write the namespace in which it ends up, or none.",
)
def namespace_differs(cluster: Cluster) -> Found:
    """Objects that a kustomization.yaml or targetNamespace moves."""
    for one in cluster.kustomizations:
        for item in one.objects:
            if item.declared and item.kind not in CLUSTER_SCOPED and item.declared != item.namespace:
                text = f"{item.kind} {item.name} says {item.declared}, and ends up in {item.namespace}"
                yield item.at("metadata", "namespace"), text


@rule(
    "namespace-missing",
    Severity.ERROR,
    "Nothing can be applied to a namespace that nobody creates.",
    "Add a Namespace object to the namespace's folder, and list it.",
)
def namespace_missing(cluster: Cluster) -> Found:
    """Namespaces that objects are in, once each."""
    there = {item.name for item in cluster.applied if item.kind == "Namespace"} | ALWAYS_THERE
    # Files from elsewhere bring a Namespace as often as not, which is then called as what they are moved to.
    remote = providers(cluster).builds_remote
    there |= {str(one.spec.get("targetNamespace")) for one in cluster.kustomizations if one.key in remote}
    missing: set[str] = set()
    for one in cluster.kustomizations:
        for item in one.objects:
            namespace = item.namespace
            if (
                namespace
                and namespace not in there | missing
                and item.kind not in CLUSTER_SCOPED
                and "$" not in namespace
            ):
                missing.add(namespace)
                place = one.item.at("spec", "targetNamespace")
                moved = one.spec.get("targetNamespace") == namespace
                yield (
                    (place if moved else item.at("metadata", "namespace")),
                    f"nobody creates the namespace {namespace}",
                )


@rule(
    "namespace-none",
    Severity.ERROR,
    "Flux applies nothing of a Kustomization in which one object has no namespace.",
    "Set targetNamespace in the Kustomization, or the namespace in the object.",
)
def namespace_none(cluster: Cluster) -> Found:
    """Kustomizations whose releases, workloads and the like have no namespace."""
    for one in cluster.kustomizations:
        item = next((item for item in one.objects if not item.namespace and item.kind in NAMESPACED), None)
        if item:
            # A root applies namespaces, not apps: what it finds lying there is out of place.
            place = one.item.at("spec") if one.parent else item.at()
            yield place, f"{one} has no targetNamespace, so {item.kind} {item.name} is in no namespace"


NAMESPACED = {
    "Alert", "Bucket", "ConfigMap", "CronJob", "DaemonSet", "Deployment", "ExternalSecret", "GitRepository",
    "HTTPRoute", "HelmRelease", "HelmRepository", "ImagePolicy", "ImageRepository", "ImageUpdateAutomation", "Ingress",
    "Job", "Kustomization", "NetworkPolicy", "OCIRepository", "OnePasswordItem", "PersistentVolumeClaim", "Pod",
    "Receiver", "Secret", "Service", "ServiceAccount", "StatefulSet",
}  # fmt: skip


@rule(
    "source-unknown",
    Severity.ERROR,
    "Flux finds no files or chart where the source is not there, or in another namespace.",
    "Write the source's name and its namespace; without one Flux looks in the namespace of the object itself.",
)
def source_unknown(cluster: Cluster) -> Found:
    """sourceRef of Kustomizations, chartRef and sourceRef of HelmReleases."""
    there = {(item.kind, item.namespace, item.name) for item in cluster.applied if item.group == SOURCES}
    # What bootstrap makes is in no file that Flux applies: the root's own source.
    roots = [one for one in cluster.kustomizations if one.parent is None]
    there |= {
        (kind, str(mapping(one.spec.get("sourceRef")).get("namespace") or one.item.namespace), name)
        for one in roots
        for kind, name in [one.source]
    }
    for one in cluster.kustomizations:
        yield from _unknown(there, one.item, ("spec", "sourceRef"), {"Bucket", "GitRepository", "OCIRepository"})
    for _, item in cluster.releases:
        yield from _unknown(there, item, ("spec", "chartRef"), {"OCIRepository"})
        kinds = {"Bucket", "GitRepository", "HelmRepository"}
        yield from _unknown(there, item, ("spec", "chart", "spec", "sourceRef"), kinds)


def _unknown(there: set[tuple[str, str, str]], item: Object, keys: tuple[str, ...], kinds: set[str]) -> Found:
    """One reference to a source of these kinds; of another kind it is refused for that."""
    reference = item.get(*keys)
    if not isinstance(reference, dict) or not reference.get("name"):
        return
    kind, name = str(reference.get("kind", "")), str(reference["name"])
    namespace = str(reference.get("namespace") or item.namespace)
    if (kind, namespace, name) in there or kind not in kinds:
        return
    text = (
        f"{item.kind} {item.name} takes its {'files' if item.group == FLUX else 'chart'} from {kind} {namespace}/{name}"
    )
    elsewhere = [other for given, other, named in there if (given, named) == (kind, name)]
    if elsewhere:
        missing = "" if reference.get("namespace") else ": say so with namespace"
        yield item.at(*keys), f"{text}, which is in {elsewhere[0]}{missing}"
    else:
        yield item.at(*keys), f"{text}, which is not there"
