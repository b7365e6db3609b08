"""Rules about what needs something else in the repository: custom resources, claims, Ingresses and routes."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.distributions import is_of_distribution
from talos_flux.manifests.elsewhere import elsewhere
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import HELM, Object, Place, walk
from talos_flux.manifests.post_build import variables_in
from talos_flux.manifests.providers import BRINGS, INGRESS, NO_CLASS, Providers, may_store, providers
from talos_flux.manifests.releases import VALUES, Release, chart_of, enabled, mapping, releases
from talos_flux.repository.files import List, Map

Keys = tuple[str | int, ...]
# So many Kustomizations that do not wait for one thing are one finding.
SEVERAL = 3
ROUTES = {"GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute", "UDPRoute"}


class ProviderReference(NamedTuple):
    """An object that needs something, where it says so, and what that is called; no name is the default."""

    kustomization: Kustomization
    item: Object
    keys: Keys
    name: str

    @property
    def place(self) -> Place:
        """Return where it says so."""
        return self.item.at(*self.keys)


@rule(
    "provider-missing",
    Severity.ERROR,
    "The API server refuses an object of a kind that nobody has brought.",
    "Add the operator or the chart that brings it, or remove the object.",
)
def provider_missing(cluster: Cluster) -> Violations:
    """Find custom resources of known groups that nothing brings, once for each Kustomization."""
    known = providers(cluster)
    missing = {group for group in BRINGS if known.is_missing(group)}
    seen: set[tuple[Any, str]] = set()
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.group in missing and (kustomization.key, item.group) not in seen:
                seen.add((kustomization.key, item.group))
                text = f"{item} needs {BRINGS[item.group][0]}, which is not in this repository"
                yield item.at(), text, item.group


@rule(
    "provider-not-awaited",
    Severity.WARNING,
    "Until the operator has brought the kind, everything else that the Kustomization applies fails with it.",
    "Add the Kustomization that brings it to dependsOn.",
)
def provider_not_awaited(cluster: Cluster) -> Violations:
    """Find custom resources of known groups applied without waiting for what brings their kind.

    Once for each Kustomization and what it should wait for; where several do not wait for one thing, once for all.
    """
    known = providers(cluster)
    late: dict[Any, dict[Any, tuple[Kustomization, Object, Kustomization]]] = {}
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.group not in BRINGS or known.is_bootstrapped(item.group, *BRINGS[item.group]):
                continue
            bringing = known.of_group(item.group)
            if not bringing or any(known.is_awaited(kustomization, item, provider) for provider in bringing):
                continue
            late.setdefault(bringing[0].key, {}).setdefault(kustomization.key, (kustomization, item, bringing[0]))
    for users in late.values():
        for kustomization, item, provider in (
            list(users.values()) if len(users) < SEVERAL else [next(iter(users.values()))]
        ):
            others = "" if len(users) < SEVERAL else f", as do {len(users) - 1} other Kustomizations,"
            yield (
                item.at(),
                f"{kustomization} applies {item}{others} and does not wait for {provider}, which brings {item.kind}",
            )


# --- Storage ---


@rule(
    "storage-class-unknown",
    Severity.ERROR,
    "A claim of a class that is not there is never bound, and its pods never start.",
    "Write a class that there is, or leave it out for the default one.",
)
def storage_class_unknown(cluster: Cluster) -> Violations:
    """Find claims that name an unknown class, where all classes are known."""
    known = providers(cluster)
    if not known.storage_is_known:
        return
    classes = known.storage.keys() | known.static
    for use in claims(cluster):
        if not use.name or use.name in classes or use.name in NO_CLASS:
            continue
        if not known.may_store_elsewhere(use.name) and not is_of_distribution(cluster, "StorageClass", use.name):
            yield use.place, f"{use.item} claims storage of the class {use.name}, which is not there", use.name


@rule(
    "storage-not-awaited",
    Severity.HINT,
    "A pod whose volume comes later than the Kustomization's timeout makes the Kustomization fail.",
    "Add the Kustomization that brings the storage class to dependsOn.",
)
def storage_not_awaited(cluster: Cluster) -> Violations:
    """Find claims whose class is not waited for.

    Those of the default class only where one Kustomization alone makes classes.
    """
    known = providers(cluster)
    every = {kustomization.key: [kustomization] for bringing in known.storage.values() for kustomization in bringing}
    is_sure = len(every) == 1 and known.storage_is_known and not known.may_store_elsewhere("")
    default = next(iter(every.values())) if is_sure else []
    uses = [(use, known.storage.get(use.name, []) if use.name else default) for use in claims(cluster)]
    yield from _not_awaited(known, uses, "which makes its storage class")


def claims(cluster: Cluster) -> Iterator[ProviderReference]:
    """Yield every claim of storage that Flux applies, alone or inside of another object."""
    known, variables = providers(cluster), variables_in(cluster)
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            for keys, written in _claims_of(known, item):
                if _is_name(name := variables.resolve(written, kustomization, item)):
                    yield ProviderReference(kustomization, item, keys, name)


def _claims_of(known: Providers, item: Object) -> Iterator[tuple[Keys, str]]:
    if item.kind == "PersistentVolumeClaim" and not item.group:
        yield from _claim(item.spec, ("spec",))
    elif item.is_a("StatefulSet", "apps"):
        templates = item.spec.get("volumeClaimTemplates")
        for number, template in enumerate(templates if isinstance(templates, List) else []):
            spec = template.get("spec") if isinstance(template, Map) else None
            yield from _claim(spec, ("spec", "volumeClaimTemplates", number, "spec"))
    elif item.is_a("HelmRelease", HELM):
        chart = chart_of(known.cluster, item)
        if not may_store(chart):
            yield from _claims_in(item.get("spec", "values"), ("spec", "values"), "storageClass", "storageClassName")
        if chart == "app-template":
            yield from _claims_of_app_template(item)
    elif item.group == "postgresql.cnpg.io":
        yield from _claims_in(item.spec, ("spec",), "storageClass")
        storage = item.spec.get("storage")
        if isinstance(storage, Map) and storage.get("size") and not (storage.keys() & {"storageClass", "pvcTemplate"}):
            yield ("spec", "storage"), ""
    elif item.group in BRINGS:
        yield from _claims_in(item.spec, ("spec",), "storageClassName")


def _claim(spec: Any, keys: Keys) -> Iterator[tuple[Keys, str]]:
    """Yield the class of a claim; one that names its volume, or has an empty class, needs none."""
    if isinstance(spec, Map) and not spec.get("volumeName") and not spec.get("selector"):
        name = spec.get("storageClassName")
        if name is None:
            yield keys, ""
        elif name:
            yield (*keys, "storageClassName"), str(name)


def _claims_in(value: Any, above: Keys, *names: str) -> Iterator[tuple[Keys, str]]:
    """Yield the classes under keys of these names."""
    for keys, inner in enabled(value, above):
        if keys[-1] in names and isinstance(inner, str) and inner:
            yield keys, inner


def _claims_of_app_template(item: Object) -> Iterator[tuple[Keys, str]]:
    """Yield the claims that bjw-s' chart makes without a class."""
    persistence = item.get("spec", "values", "persistence")
    for name, entry in persistence.items() if isinstance(persistence, Map) else ():
        if isinstance(entry, Map) and entry.get("enabled") is not False:
            is_claim = entry.get("type", "persistentVolumeClaim") == "persistentVolumeClaim" and entry.get("size")
            if is_claim and not any(entry.get(key) for key in ("existingClaim", "storageClass", "volumeName")):
                yield ("spec", "values", "persistence", name), ""


def _is_name(name: str) -> bool:
    """Return whether it is a name: no variable of Flux, no class of S3, such as STANDARD, and not Helm's dash."""
    return "$" not in name and "{" not in name and name == name.lower() and name != "-"


@rule(
    "metrics-not-kept",
    Severity.WARNING,
    "Prometheus without a claim begins anew whenever its pod does: what was measured until then is gone.",
    "Set prometheus.prometheusSpec.storageSpec.volumeClaimTemplate.",
)
def metrics_not_kept(cluster: Cluster) -> Violations:
    """Find releases of kube-prometheus-stack without a claim, where there is storage to claim."""
    for release in releases(cluster) if providers(cluster).storage else ():
        if release.chart != "kube-prometheus-stack" or not release.is_whole:
            continue
        spec = mapping(release.get("prometheus", "prometheusSpec"))
        is_off = release.get("prometheus", "enabled") is False or release.get("prometheus", "agentMode") is True
        if not is_off and not spec.get("storageSpec") and not spec.get("volumes"):
            place = release.item.at(*VALUES, "prometheus", "prometheusSpec")
            yield place, f"HelmRelease {release.item.name} claims no storage for Prometheus"


# --- Secrets ---


@rule(
    "secrets-half-there",
    Severity.WARNING,
    "What should bring Secrets from outside has nothing that asks it, or nowhere to ask, and brings none.",
    "Add a ClusterSecretStore, or the operator with operator.create: true; or remove what nobody uses.",
)
def secrets_half_there(cluster: Cluster) -> Violations:
    """Find External Secrets without a store, and 1Password Connect without an operator or a store that asks it."""
    stores = [item for item in cluster.applied if item.group == "external-secrets.io" and item.kind.endswith("Store")]
    connect_hosts = [str(item.get("spec", "provider", "onepassword", "connectHost") or "") for item in stores]
    connects = [release for release in releases(cluster) if release.chart == "connect" and release.is_whole]
    has_operator = any(release.get("operator", "create") is True for release in connects)
    has_items = any(item.is_a("OnePasswordItem", "onepassword.com") for item in cluster.applied)
    for release in releases(cluster):
        if release.chart == "external-secrets" and not stores and not _makes_stores(cluster, release):
            if elsewhere(cluster).may_hold("ClusterSecretStore", "", "", "external-secrets"):
                return
            yield release.item.at("spec"), f"HelmRelease {release.item.name} is there, and no store that it could ask"
    for release in connects:
        name = str(release.get("connect", "applicationName") or "onepassword-connect")
        if release.get("operator", "create") is True:
            continue
        if has_items and not has_operator and "onepassword-operator" not in providers(cluster).names:
            text = "has no operator, so nobody makes Secrets of the OnePasswordItems that are there"
        elif not any(name in host or "$" in host for host in connect_hosts):
            text = "has no operator, and no store asks it"
        else:
            continue
        if elsewhere(cluster).may_hold("ClusterSecretStore", "", "", "onepassword", "external-secrets"):
            return
        yield release.item.at(*VALUES, "operator", "create"), f"HelmRelease {release.item.name} {text}"


def _makes_stores(cluster: Cluster, release: Release) -> bool:
    """Return whether a store, or a generator in its place, can come from a chart's values or from another operator."""
    in_values = any(str(value).endswith("SecretStore") for _, value in walk(release.values))
    return in_values or any(item.group == "generators.external-secrets.io" for item in cluster.applied)


# --- What serves requests ---


@rule(
    "class-not-awaited",
    Severity.HINT,
    "What nobody serves yet has no address, and whoever waits for one fails.",
    "Add the Kustomization that serves it to dependsOn.",
)
def class_not_awaited(cluster: Cluster) -> Violations:
    """Find Ingresses, routes and Gateways that do not wait for what serves them, where that is known."""
    known = providers(cluster)
    uses = [
        (ProviderReference(kustomization, item, keys, ""), serving)
        for kustomization in cluster.kustomizations
        for item in kustomization.objects
        for keys, serving in _served_by(known, item)
    ]
    yield from _not_awaited(known, uses, "which serves it")


def _served_by(known: Providers, item: Object) -> Iterator[tuple[Keys, list[Kustomization]]]:
    """Yield where an object says what serves it, and the Kustomizations that bring that."""
    if item.is_a("Ingress", "networking.k8s.io"):
        keys: Keys = ("spec", "ingressClassName")
        name = item.get(*keys)
        if not name:
            keys = ("metadata", "annotations", "kubernetes.io/ingress.class")
            name = item.get(*keys)
        yield keys, known.ingress.get(str(name), [])
    elif item.is_a("Gateway", "gateway.networking.k8s.io"):
        keys = ("spec", "gatewayClassName")
        yield keys, known.gateway_classes.get(("", str(item.get(*keys))), [])
    elif item.group == "gateway.networking.k8s.io" and item.kind in ROUTES:
        yield from _parents(known, item, ("spec", "parentRefs"))
    elif item.is_a("HelmRelease", HELM) and chart_of(known.cluster, item) not in INGRESS:
        for keys, value in enabled(item.get("spec", "values"), ("spec", "values")):
            if keys[-1] == "parentRefs":
                yield from _parents(known, item, keys)
            elif isinstance(value, str) and _says_class(keys):
                yield keys, known.ingress.get(value, [])


def _says_class(keys: Keys) -> bool:
    return keys[-1] == "ingressClassName" or (keys[-1] in ("className", "ingressClass") and "ingress" in keys)


def _parents(known: Providers, item: Object, keys: Keys) -> Iterator[tuple[Keys, list[Kustomization]]]:
    """Yield the Gateways that a route is attached to, each with its Kustomizations."""
    listed = item.get(*keys)
    for number, entry in enumerate(listed if isinstance(listed, List) else []):
        if isinstance(entry, Map) and entry.get("kind", "Gateway") == "Gateway":
            key = str(entry.get("namespace") or item.namespace), str(entry.get("name", ""))
            yield (*keys, number), known.gateways.get(key, [])


def _not_awaited(
    known: Providers, uses: Iterable[tuple[ProviderReference, list[Kustomization]]], why: str
) -> Violations:
    """Find uses without a dependency on what brings it, once for each Kustomization and what it should wait for.

    Where several do not wait for one thing, there is one finding for all.
    """
    late: dict[Any, dict[Any, tuple[ProviderReference, Kustomization]]] = {}
    awaited: set[Any] = set()
    for use, bringing in uses:
        if not bringing or any(known.is_awaited(use.kustomization, use.item, provider) for provider in bringing):
            awaited |= {provider.key for provider in bringing if provider.key != use.kustomization.key}
        # What the provider itself waits for can't wait for the provider.
        elif not any(use.kustomization.key in known.before(provider) for provider in bringing):
            late.setdefault(bringing[0].key, {}).setdefault(use.kustomization.key, (use, bringing[0]))
    for key, users in late.items():
        first, provider = next(iter(users.values()))
        if len(users) >= SEVERAL:
            who = (
                f"{len(users)} Kustomizations do not wait"
                if key in awaited
                else f"none of {len(users)} Kustomizations waits"
            )
            yield first.place, f"{who} for {provider}, {why}: {first.kustomization} is the first"
            continue
        for use, _ in users.values():
            yield use.place, f"{use.kustomization} applies {use.item}, and does not wait for {provider}, {why}"
