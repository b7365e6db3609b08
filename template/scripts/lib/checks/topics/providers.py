"""What needs something else in the repository: custom resources, claims, ingresses and routes."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from lib.checks.charts import VALUES, Release, chart_of, enabled, mapping, releases
from lib.checks.files import List, Map
from lib.checks.flux import Cluster, Kustomization
from lib.checks.objects import HELM, Object, Place, walk
from lib.checks.providers import BRINGS, INGRESS, Providers, may_store, providers
from lib.checks.rules import Found, Severity, rule

Keys = tuple[str | int, ...]
ROUTES = {"GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute", "UDPRoute"}


class Use(NamedTuple):
    """An object that needs something, where it says so, and what that is called; no name is the default."""

    one: Kustomization
    item: Object
    keys: Keys
    name: str

    @property
    def place(self) -> Place:
        """Where it says so."""
        return self.item.at(*self.keys)


@rule(
    "provider-missing",
    Severity.ERROR,
    "The API server refuses an object of a kind that nobody has brought.",
    "Add the operator or the chart that brings it, or remove the object.",
)
def provider_missing(cluster: Cluster) -> Found:
    """Custom resources of known groups, once for each Kustomization."""
    known = providers(cluster)
    missing = {group for group in BRINGS if known.is_missing(group)}
    seen: set[tuple[Any, str]] = set()
    for one in cluster.kustomizations:
        for item in one.objects:
            if item.group in missing and (one.key, item.group) not in seen:
                seen.add((one.key, item.group))
                yield item.at(), f"{item} needs {BRINGS[item.group][0]}, which is not in this repository"


@rule(
    "provider-not-awaited",
    Severity.WARNING,
    "Until the operator has brought the kind, everything else that the Kustomization applies fails with it.",
    "Add the Kustomization that brings it to dependsOn.",
)
def provider_not_awaited(cluster: Cluster) -> Found:
    """Custom resources of known groups, once for each Kustomization and what it should wait for."""
    known = providers(cluster)
    seen: set[tuple[Any, Any]] = set()
    for one in cluster.kustomizations:
        for item in one.objects:
            if item.group not in BRINGS or known.is_bootstrapped(item.group, *BRINGS[item.group]):
                continue
            bringing = known.of_group(item.group)
            if not bringing or any(known.is_awaited(one, item, provider) for provider in bringing):
                continue
            if (one.key, bringing[0].key) not in seen:
                seen.add((one.key, bringing[0].key))
                yield item.at(), f"{one} applies {item}, and does not wait for {bringing[0]}, which brings {item.kind}"


# --- Storage ---


@rule(
    "storage-class-unknown",
    Severity.ERROR,
    "A claim of a class that is not there is never bound, and its pods never start.",
    "Write a class that there is, or leave it out for the default one.",
)
def storage_class_unknown(cluster: Cluster) -> Found:
    """Claims that name a class, where all classes are known."""
    known = providers(cluster)
    if not known.storage_is_known:
        return
    there = known.storage.keys() | known.static
    for use in claims(cluster):
        if use.name and use.name not in there:
            yield use.place, f"{use.item} claims storage of the class {use.name}, which is not there"


@rule(
    "storage-not-awaited",
    Severity.WARNING,
    "A pod whose volume comes later than the Kustomization's timeout makes the Kustomization fail.",
    "Add the Kustomization that brings the storage class to dependsOn.",
)
def storage_not_awaited(cluster: Cluster) -> Found:
    """Claims, by class; those of the default one where only one Kustomization makes classes."""
    known = providers(cluster)
    every = {one.key: [one] for bringing in known.storage.values() for one in bringing}
    default = next(iter(every.values())) if len(every) == 1 and known.storage_is_known else []
    uses = [(use, known.storage.get(use.name, []) if use.name else default) for use in claims(cluster)]
    yield from _not_awaited(known, uses, "which makes its storage class")


def claims(cluster: Cluster) -> Iterator[Use]:
    """Every claim of storage that Flux applies, alone or inside of something."""
    known = providers(cluster)
    for one in cluster.kustomizations:
        for item in one.objects:
            for keys, name in _claims_of(known, item):
                if _is_name(name):
                    yield Use(one, item, keys, name)


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
    """The class of a claim; one that names its volume, or has an empty class, needs none."""
    if isinstance(spec, Map) and not spec.get("volumeName") and not spec.get("selector"):
        name = spec.get("storageClassName")
        if name is None:
            yield keys, ""
        elif name:
            yield (*keys, "storageClassName"), str(name)


def _claims_in(value: Any, above: Keys, *names: str) -> Iterator[tuple[Keys, str]]:
    """The classes under keys of these names."""
    for keys, inner in enabled(value, above):
        if keys[-1] in names and isinstance(inner, str) and inner:
            yield keys, inner


def _claims_of_app_template(item: Object) -> Iterator[tuple[Keys, str]]:
    """The claims that bjw-s' chart makes without a class."""
    persistence = item.get("spec", "values", "persistence")
    for name, entry in persistence.items() if isinstance(persistence, Map) else ():
        if isinstance(entry, Map) and entry.get("enabled") is not False:
            is_claim = entry.get("type", "persistentVolumeClaim") == "persistentVolumeClaim" and entry.get("size")
            if is_claim and not any(entry.get(key) for key in ("existingClaim", "storageClass", "volumeName")):
                yield ("spec", "values", "persistence", name), ""


def _is_name(name: str) -> bool:
    """Whether it is a name: not one that Flux fills in, and none of S3's, such as STANDARD, or Helm's dash."""
    return "$" not in name and "{" not in name and name == name.lower() and name != "-"


@rule(
    "metrics-not-kept",
    Severity.WARNING,
    "Prometheus without a claim begins anew whenever its pod does: what was measured until then is gone.",
    "Set prometheus.prometheusSpec.storageSpec.volumeClaimTemplate.",
)
def metrics_not_kept(cluster: Cluster) -> Found:
    """Releases of kube-prometheus-stack, where there is storage to claim."""
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
def secrets_half_there(cluster: Cluster) -> Found:
    """External Secrets without a store, and 1Password Connect with neither an operator nor a store that asks it."""
    if not cluster.is_all_here:
        return
    stores = [item for item in cluster.applied if item.group == "external-secrets.io" and item.kind.endswith("Store")]
    asked = [str(item.get("spec", "provider", "onepassword", "connectHost") or "") for item in stores]
    connects = [release for release in releases(cluster) if release.chart == "connect" and release.is_whole]
    has_operator = any(release.get("operator", "create") is True for release in connects)
    has_items = any(item.is_a("OnePasswordItem", "onepassword.com") for item in cluster.applied)
    for release in releases(cluster):
        if release.chart == "external-secrets" and not stores and not _makes_stores(cluster, release):
            yield release.item.at("spec"), f"HelmRelease {release.item.name} is there, and no store that it could ask"
    for release in connects:
        name = str(release.get("connect", "applicationName") or "onepassword-connect")
        if release.get("operator", "create") is True:
            continue
        if has_items and not has_operator and "onepassword-operator" not in providers(cluster).names:
            text = "has no operator, so nobody makes Secrets of the OnePasswordItems that are there"
        elif not any(name in host or "$" in host for host in asked):
            text = "has no operator, and no store asks it"
        else:
            continue
        yield release.item.at(*VALUES, "operator", "create"), f"HelmRelease {release.item.name} {text}"


def _makes_stores(cluster: Cluster, release: Release) -> bool:
    """Whether a store, or a generator in its place, can come from a chart's values or from another operator."""
    in_values = any(str(value).endswith("SecretStore") for _, value in walk(release.values))
    return in_values or any(item.group == "generators.external-secrets.io" for item in cluster.applied)


# --- What serves requests ---


@rule(
    "class-not-awaited",
    Severity.WARNING,
    "What nobody serves yet has no address, and whoever waits for one fails.",
    "Add the Kustomization that serves it to dependsOn.",
)
def class_not_awaited(cluster: Cluster) -> Found:
    """Ingresses, routes and Gateways, by what serves them, where that is known."""
    known = providers(cluster)
    uses = [(Use(one, item, keys, ""), serving) for one in cluster.kustomizations for item in one.objects
            for keys, serving in _served_by(known, item)]  # fmt: skip
    yield from _not_awaited(known, uses, "which serves it")


def _served_by(known: Providers, item: Object) -> Iterator[tuple[Keys, list[Kustomization]]]:
    """Where an object says what serves it, and who does."""
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
    """The Gateways that a route is attached to."""
    listed = item.get(*keys)
    for number, entry in enumerate(listed if isinstance(listed, List) else []):
        if isinstance(entry, Map) and entry.get("kind", "Gateway") == "Gateway":
            key = str(entry.get("namespace") or item.namespace), str(entry.get("name", ""))
            yield (*keys, number), known.gateways.get(key, [])


def _not_awaited(known: Providers, uses: Iterable[tuple[Use, list[Kustomization]]], why: str) -> Found:
    """Once for each Kustomization and what it should wait for; where nobody ever waits for that, once for all."""
    late: dict[Any, dict[Any, tuple[Use, Kustomization]]] = {}
    awaited: set[Any] = set()
    for use, bringing in uses:
        if not bringing or any(known.is_awaited(use.one, use.item, provider) for provider in bringing):
            awaited |= {provider.key for provider in bringing if provider.key != use.one.key}
        # What the provider itself waits for can't wait for the provider.
        elif not any(use.one.key in known.before(provider) for provider in bringing):
            late.setdefault(bringing[0].key, {}).setdefault(use.one.key, (use, bringing[0]))
    for key, users in late.items():
        first, provider = next(iter(users.values()))
        if key not in awaited and len(users) > 2:
            yield (
                first.place,
                f"none of {len(users)} Kustomizations waits for {provider}, {why}: {first.one} is the first",
            )
            continue
        for use, _ in users.values():
            yield use.place, f"{use.one} applies {use.item}, and does not wait for {provider}, {why}"
