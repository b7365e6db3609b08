"""Rules about dependsOn, readiness and health checks."""

from graphlib import CycleError, TopologicalSorter

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.errors import closest
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.makers import made_in
from talos_flux.manifests.object_references import ObjectReference
from talos_flux.manifests.objects import WORKLOADS
from talos_flux.manifests.providers import providers
from talos_flux.manifests.reference_table import OfKind
from talos_flux.manifests.releases import mapping, sequence
from talos_flux.manifests.schemas import is_of_cluster


@rule(
    "depends-on-unknown",
    Severity.ERROR,
    "A Kustomization that waits for one that is not there waits for ever.",
    "Write the name and the namespace of a Kustomization that is registered, or remove the entry.",
)
def depends_on_unknown(cluster: Cluster) -> Violations:
    """Find dependsOn of Kustomizations and HelmReleases to what is not there; names with variables are not judged."""
    known = cluster.by_key
    for kustomization in cluster.kustomizations:
        for dependency in kustomization.dependencies:
            if dependency.key not in known and "$" not in "".join(dependency.key):
                text = _message(str(kustomization), dependency.key, list(known))
                yield kustomization.item.at("spec", "dependsOn", dependency.number), text, "/".join(dependency.key)
    releases = {(item.namespace, item.name) for _, item in cluster.releases}
    for _, item in cluster.releases:
        listed = item.spec.get("dependsOn")
        for number, entry in enumerate(listed if isinstance(listed, list) else []):
            if not isinstance(entry, dict):
                continue
            key = str(entry.get("namespace") or item.namespace), str(entry.get("name", ""))
            if key not in releases and "$" not in "".join(key):
                text = _message(f"HelmRelease {item.name}", key, list(releases))
                yield item.at("spec", "dependsOn", number), text, "/".join(key)


def _message(who: str, wanted: tuple[str, str], known: list[tuple[str, str]]) -> str:
    """Return one sentence, with what was probably meant."""
    namespace, name = wanted
    text = f"{who} waits for {namespace}/{name}, which is not there"
    elsewhere = [other for other, given in known if given == name]
    if elsewhere:
        return f"{text}: it is in namespace {elsewhere[0]}" if elsewhere[0] else f"{text}: its file says no namespace"
    names = [given for _, given in known]
    # Often it is the right name with a prefix.
    near = next((given for given in names if name.endswith(f"-{given}")), "") or closest(name, names)
    return f"{text}: did you mean {near}?" if near else text


@rule(
    "depends-on-cycle",
    Severity.ERROR,
    "Kustomizations that wait for each other are never applied.",
    "Take one of the entries out of dependsOn.",
)
def depends_on_cycle(cluster: Cluster) -> Violations:
    """Find each circle of dependsOn once, at the Kustomization of it that comes first."""
    known = cluster.by_key
    waits = {
        key: {dependency.key for dependency in kustomization.dependencies} & known.keys()
        for key, kustomization in known.items()
    }
    while True:
        try:
            TopologicalSorter(waits).prepare()
        except CycleError as error:
            # TopologicalSorter lists them so that each is waited for by the next; the first and the last are the same.
            circle = [known[key] for key in reversed(error.args[1][1:])]
            start = min(range(len(circle)), key=lambda number: list(known).index(circle[number].key))
            circle = circle[start:] + circle[:start]
            first, second = circle[0], circle[1 % len(circle)]
            number = next(entry.number for entry in first.dependencies if entry.key == second.key)
            names = " → ".join(map(str, [*circle, first]))
            yield first.item.at("spec", "dependsOn", number), f"these wait for each other: {names}"
            waits[first.key].discard(second.key)
        else:
            return


@rule(
    "depends-on-not-waiting",
    Severity.HINT,
    "What waits for a Kustomization goes on as soon as that is applied, not when it works.",
    "Set wait: true on it, or give it healthChecks.",
)
def depends_on_not_waiting(cluster: Cluster) -> Violations:
    """Find Kustomizations that others wait for, and that have neither wait nor healthChecks.

    Only those that apply workloads, or that take some from another repository.
    """
    known = cluster.by_key
    remote = providers(cluster).builds_remote
    consumers: dict[tuple[str, str], list[str]] = {}
    for kustomization in cluster.kustomizations:
        for dependency in kustomization.dependencies:
            consumers.setdefault(dependency.key, []).append(str(kustomization))
    for key, names in consumers.items():
        provider = known.get(key)
        if not provider or provider.spec.get("wait") or provider.spec.get("healthChecks"):
            continue
        if key in remote or any(item.kind in WORKLOADS for item in provider.objects):
            others = f" and {len(names) - 1} more" if len(names) > 1 else ""
            text = f"{names[0]}{others} waits for {provider}, which is ready before its pods are"
            yield provider.item.at("spec", "wait"), text


@rule(
    "health-check-dead",
    Severity.HINT,
    "With wait: true Flux looks at everything that it applies, and ignores healthChecks.",
    "Remove healthChecks, or set wait: false.",
)
def health_check_dead(cluster: Cluster) -> Violations:
    """Find Kustomizations with both wait and healthChecks."""
    for kustomization in cluster.kustomizations:
        if kustomization.spec.get("wait") is True and kustomization.spec.get("healthChecks"):
            yield (
                kustomization.item.at("spec", "healthChecks"),
                f"{kustomization} waits for everything, so these healthChecks are ignored",
            )


@rule(
    "health-check-without-namespace",
    Severity.ERROR,
    "Flux looks for the object of a health check in the namespace that this names, and in none without one.",
    "Write the namespace of the object.",
)
def health_check_without_namespace(cluster: Cluster) -> Violations:
    """Find healthChecks that name an object of a namespaced kind without its namespace."""
    # Kustomize gives a namespace to every object of a kind that it does not know.
    in_namespaces = {(item.kind, item.group) for item in cluster.applied if item.declared}
    for kustomization in cluster.kustomizations:
        for number, entry in enumerate(sequence(kustomization.spec.get("healthChecks"))):
            check = mapping(entry)
            if check.get("namespace") or kustomization.spec.get("wait") is True:
                continue
            kind, group = str(check.get("kind")), str(check.get("apiVersion") or "apps/v1").rpartition("/")[0]
            is_wide = is_of_cluster(group, kind)
            if is_wide is False or (is_wide is None and (kind, group) in in_namespaces):
                yield (
                    kustomization.item.at("spec", "healthChecks", number),
                    f"{kustomization} looks at {kind} {check.get('name')} in no namespace",
                )


@rule(
    "health-check-unknown",
    Severity.ERROR,
    "A Kustomization that looks at an object which is not there is never ready.",
    "Write kind, name and namespace of an object that it applies.",
)
def health_check_unknown(cluster: Cluster) -> Violations:
    """Find healthChecks of what nothing in the files makes or may make.

    Flux takes the namespace as it is written, none for none: ReferenceToObjMetadataSet in fluxcd/cli-utils' inventory.
    """
    made = made_in(cluster)
    for kustomization in cluster.kustomizations:
        listed = kustomization.spec.get("healthChecks")
        for number, entry in enumerate(
            listed if isinstance(listed, list) and not kustomization.spec.get("wait") else []
        ):
            if not isinstance(entry, dict) or not entry.get("kind") or not entry.get("name"):
                continue
            target = OfKind(str(entry["kind"]), str(entry.get("apiVersion", "")).rpartition("/")[0])
            place, name = kustomization.item.at("spec", "healthChecks", number), str(entry["name"])
            if not entry.get("namespace") and made.is_namespaced(target):
                continue  # health-check-without-namespace
            keys = ("spec", "healthChecks", number)
            namespace = str(entry.get("namespace") or "")
            verdict = made.judge(ObjectReference(kustomization, kustomization.item, keys, target, namespace, name))
            if not verdict.is_there and (verdict.is_close or not verdict.unjudged):
                path = f"{namespace}/{name}" if namespace else name
                text = f"{kustomization} looks at {target.kind} {path}, which is not there"
                yield place, f"{text}: {verdict.hint}" if verdict.hint else text
