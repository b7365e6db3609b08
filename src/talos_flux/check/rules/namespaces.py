"""Rules about namespaces: where objects end up, where they say they are, and where references lead."""

import re
from collections import Counter

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.elsewhere import elsewhere
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.maker_table import ALWAYS_THERE, NAMESPACES_OF_CHARTS
from talos_flux.manifests.makers import made_in
from talos_flux.manifests.objects import CLUSTER_SCOPED, FLUX, SOURCES, Object, Place
from talos_flux.manifests.post_build import variables_in
from talos_flux.manifests.providers import providers
from talos_flux.manifests.reference_table import NAMESPACE
from talos_flux.manifests.releases import Keys, mapping, releases

SourceKey = tuple[str, str, str]
FILES: Keys = ("spec", "sourceRef")
CHART_REF: Keys = ("spec", "chartRef")
CHART: Keys = ("spec", "chart", "spec", "sourceRef")


@rule(
    "namespace-differs",
    Severity.WARNING,
    "The file says one namespace and the object ends up in another one, where nobody looks for it.",
    "Write the namespace in which it ends up, or none.",
)
def namespace_differs(cluster: Cluster) -> Violations:
    """Find objects that a kustomization.yaml or targetNamespace moves to another namespace than the file says.

    A component's file is found once, whatever namespaces take it.
    """
    moved: dict[Place, dict[str, Object]] = {}
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.declared and item.kind not in CLUSTER_SCOPED and item.declared != item.namespace:
                moved.setdefault(item.at("metadata", "namespace"), {})[item.namespace] = item
    for place, items in moved.items():
        namespace, item = next(iter(items.items()))
        others = f" and {len(items) - 1} more namespaces" if len(items) > 1 else ""
        yield place, f"{item.kind} {item.name} says {item.declared}, and ends up in {namespace}{others}"


@rule(
    "namespace-unlike-folder",
    Severity.WARNING,
    "An app in another namespace than all others of its folder is mostly a copy that was not finished.",
    "Write the namespace of the folder, or move the app to the other one with `task move:app`.",
)
def namespace_unlike_folder(cluster: Cluster) -> Violations:
    """Find Kustomizations that apply to another namespace than all others of a folder which is called as that."""
    by_folder: dict[str, list[Kustomization]] = {}
    for kustomization in cluster.kustomizations:
        parts = kustomization.item.file.path.split("/")
        if kustomization.parent and len(parts) > 2 and kustomization.spec.get("targetNamespace"):
            by_folder.setdefault("/".join(parts[:-2]), []).append(kustomization)
    homes = {item.file.folder: item.name for item in cluster.applied if item.is_a("Namespace", "")}
    for folder, inside in by_folder.items():
        counted = Counter(kustomization.target for kustomization in inside)
        name = folder.rpartition("/")[2]
        others = [kustomization for kustomization in inside if kustomization.target != name]
        is_home = counted[name] > 1 or homes.get(folder) == name
        if counted[name] and is_home and len({each.item.file.path for each in others}) == 1:
            for each in others:
                # Some things have to be in kube-system, wherever their files are.
                is_of_another = each.target in set(homes.values()) - ALWAYS_THERE
                if is_of_another and each.target not in each.item.file.folder.split("/"):
                    place = each.item.at("spec", "targetNamespace")
                    yield place, f"{each} applies to {each.target}, and every other app in {folder} to {name}"


@rule(
    "namespace-missing",
    Severity.ERROR,
    "Nothing can be applied to a namespace that nobody creates.",
    "Add a Namespace object to the namespace's folder, and list it.",
)
def namespace_missing(cluster: Cluster) -> Violations:
    """Find namespaces that objects are in and nobody creates, once each."""
    existing = {item.name for item in cluster.applied if item.kind == "Namespace"} | ALWAYS_THERE
    existing |= {name for release in releases(cluster) for name in NAMESPACES_OF_CHARTS.get(release.chart, ())}
    # Remote resources often have a Namespace, which targetNamespace then renames.
    remote = providers(cluster).builds_remote
    existing |= {
        str(kustomization.spec.get("targetNamespace"))
        for kustomization in cluster.kustomizations
        if kustomization.key in remote
    }
    missing: set[str] = set()
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            # What it builds from elsewhere may bring the namespace of what it has here.
            namespace = item.namespace if kustomization.key not in remote else ""
            if (
                namespace
                and namespace not in existing | missing
                and item.kind not in CLUSTER_SCOPED
                and "$" not in namespace
                and not providers(cluster).is_bootstrapped(namespace)
                and not _is_made_elsewhere(cluster, namespace)
            ):
                missing.add(namespace)
                place = kustomization.item.at("spec", "targetNamespace")
                moved = kustomization.spec.get("targetNamespace") == namespace
                yield (
                    (place if moved else item.at("metadata", "namespace")),
                    f"nobody creates the namespace {namespace}",
                )


def _is_made_elsewhere(cluster: Cluster, namespace: str) -> bool:
    """Return whether a release, a script or the files of another repository may make a namespace."""
    made = re.compile(rf"create (?:namespace|ns) [\"']?{re.escape(namespace)}(?![\w-])")
    return (
        made_in(cluster).has(NAMESPACE, "", namespace)
        or elsewhere(cluster).may_make_namespace(namespace)
        or any(namespace in file.text and made.search(file.text) for file in cluster.files.values())
    )


@rule(
    "namespace-renamed",
    Severity.ERROR,
    "Kustomize gives a Namespace the name of the namespace that it builds for: the one of the file is never made.",
    "Keep a Namespace out of what a namespace is set for: beside the others, where the root lists it.",
)
def namespace_renamed(cluster: Cluster) -> Violations:
    """Find Namespaces that become one which is there already; a placeholder that becomes the only one is fine."""
    by_name: dict[tuple[str, str], list[tuple[Kustomization, Object]]] = {}
    for kustomization in cluster.kustomizations:
        for item in (item for item in kustomization.objects if item.is_a("Namespace", "")):
            by_name.setdefault((cluster.home_of(kustomization), item.name), []).append((kustomization, item))
    for (_, name), made in by_name.items():
        # Its own is the one that is called so, or one that a list of apps names.
        own = min(made, key=lambda one: (is_renamed(cluster, one[1]), one[0].spec.get("targetNamespace") == name))[1]
        for kustomization, item in made:
            if item.at() != own.at() and is_renamed(cluster, item):
                is_target = kustomization.spec.get("targetNamespace") == name
                by = "targetNamespace" if is_target else "the namespace of a kustomization.yaml"
                text = f"Namespace {cluster.as_written(item).name} becomes Namespace {name}: {by} renames it"
                yield item.at("metadata", "name"), f"{text}, and {own.file.path} has that one"


def is_renamed(cluster: Cluster, item: Object) -> bool:
    """Return whether an object is a Namespace that has another name than its file says."""
    return item.is_a("Namespace", "") and cluster.as_written(item).name != item.name


@rule(
    "namespace-none",
    Severity.ERROR,
    "Flux applies nothing of a Kustomization in which one object has no namespace.",
    "Set targetNamespace in the Kustomization, or the namespace in the object.",
)
def namespace_none(cluster: Cluster) -> Violations:
    """Find Kustomizations with an object of a namespaced kind and without a namespace for it."""
    for kustomization in cluster.kustomizations:
        item = next((item for item in kustomization.objects if not item.namespace and item.kind in NAMESPACED), None)
        if item:
            # A root applies namespaces, not apps: there it is the object that is out of place.
            place = kustomization.item.at("spec") if kustomization.parent else item.at()
            yield place, f"{kustomization} has no targetNamespace, so {item.kind} {item.name} is in no namespace"


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
def source_unknown(cluster: Cluster) -> Violations:
    """Find sourceRef of Kustomizations, and chartRef and sourceRef of HelmReleases, to what is not there."""
    variables = variables_in(cluster)
    known_sources = {
        (item.kind, item.namespace, variables.resolve(item.name, kustomization, item))
        for kustomization in cluster.kustomizations
        for item in kustomization.objects
        if item.group == SOURCES
    }
    known_sources |= {(item.kind, item.namespace, item.name) for item in cluster.beside_roots if item.group == SOURCES}
    # The root's own source is made by bootstrap, and in no file that Flux applies.
    roots = [kustomization for kustomization in cluster.kustomizations if kustomization.parent is None]
    known_sources |= {
        (kind, str(mapping(kustomization.spec.get("sourceRef")).get("namespace") or kustomization.item.namespace), name)
        for kustomization in roots
        for kind, name in [kustomization.source]
    }
    for kustomization in cluster.kustomizations:
        kinds = {"Bucket", "GitRepository", "OCIRepository"}
        # Its parent fills in what stands in it.
        yield from _unknown(
            cluster, known_sources, kustomization.parent or kustomization, kustomization.item, FILES, kinds
        )
    for kustomization, item in cluster.releases:
        yield from _unknown(cluster, known_sources, kustomization, item, CHART_REF, {"OCIRepository"})
        kinds = {"Bucket", "GitRepository", "HelmRepository"}
        yield from _unknown(cluster, known_sources, kustomization, item, CHART, kinds)


def _unknown(
    cluster: Cluster, known: set[SourceKey], owner: Kustomization, item: Object, keys: Keys, kinds: set[str]
) -> Violations:
    """Find one unknown reference to a source of these kinds; another kind is refused for its kind.

    A name whose variable nobody here knows can be that of any.
    """
    reference = item.get(*keys)
    if not isinstance(reference, dict) or not reference.get("name"):
        return
    kind, name = str(reference.get("kind", "")), variables_in(cluster).resolve(reference["name"], owner, item)
    namespace = str(reference.get("namespace") or item.namespace)
    if kind not in kinds or any(
        (kind, namespace) == other[:2] and (name == other[2] or "${" in other[2]) for other in known
    ):
        return
    text = (
        f"{item.kind} {item.name} takes its {'files' if item.group == FLUX else 'chart'} from {kind} {namespace}/{name}"
    )
    elsewhere = [other for given, other, named in known if (given, named) == (kind, name)]
    if elsewhere:
        missing = "" if reference.get("namespace") else ": say so with namespace"
        yield item.at(*keys), f"{text}, which is in {elsewhere[0]}{missing}", f"{kind} {namespace}/{name}"
    else:
        yield item.at(*keys), f"{text}, which is not there", f"{kind} {namespace}/{name}"
