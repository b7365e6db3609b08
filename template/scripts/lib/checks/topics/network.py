"""How apps are reached: classes and Gateways, hosts, and the addresses of Services."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from lib.checks.addresses import Address, Asked, asked, blocks, machines, services
from lib.checks.charts import VALUES, Keys, enabled_values, mapping, releases, sequence
from lib.checks.controllers import OF_ANNOTATION, controllers
from lib.checks.exposure import (
    GATEWAYS,
    INGRESSES,
    Host,
    Variables,
    Way,
    class_of,
    ingress_hosts,
    ingresses,
    is_open,
    parents,
    route_hosts,
    routes,
    variables_in,
)
from lib.checks.flux import Cluster
from lib.checks.objects import HELM, Object, Place, walk
from lib.checks.rules import Found, Severity, rule

# Objects of these groups, and these kinds, make no Services.
PLAIN = {"", "apps", "autoscaling", "batch", "policy", "rbac.authorization.k8s.io", INGRESSES, GATEWAYS}
INERT = ("external-secrets.io", "onepassword.com", "cert-manager.io", "fluxcd.io", "externaldns.k8s.io")
MONITORS = {"PodMonitor", "Probe", "PrometheusRule", "ScrapeConfig", "ServiceMonitor"}
# The values by which charts name what they make.
NAMES = ("forceRename", "fullnameOverride", "name", "nameOverride")
# Where charts switch on text in annotations that becomes configuration.
SNIPPETS: dict[str, tuple[Keys, ...]] = {
    "ingress-nginx": (
        ("controller", "allowSnippetAnnotations"),
        ("controller", "config", "allow-snippet-annotations"),
    ),
    "nginx-ingress": (("controller", "enableSnippets"),),
}
# The Services that Flux comes with.
OF_FLUX = {"notification-controller", "source-controller", "webhook-receiver"}


@rule(
    "class-unknown",
    Severity.ERROR,
    "An Ingress whose class nobody serves is reached by nobody.",
    "Write the class of a controller that is there, such as internal.",
)
def class_unknown(cluster: Cluster) -> Found:
    """Classes of Ingresses, where every controller's class is known."""
    variables = variables_in(cluster)
    known = controllers(cluster, variables)
    for way in ingresses(cluster) if known.is_whole else ():
        said, place = class_of(way)
        name = variables.of_way(said, way)
        if name and not is_open(name) and name not in known.classes.keys() | known.possible:
            served = f"there is {', '.join(sorted(known.classes))}" if known.classes else "there is no controller"
            yield place, f"nobody serves the class {name} of {way}: {served}"


@rule(
    "annotation-of-another-controller",
    Severity.WARNING,
    "A controller ignores the annotations of others, so what they ask for does not happen.",
    "Write the annotation of the controller that serves the class, or remove it.",
)
def annotation_of_another_controller(cluster: Cluster) -> Found:
    """Annotations of Ingresses whose class is known to be another controller's."""
    variables = variables_in(cluster)
    known = controllers(cluster, variables)
    for way in ingresses(cluster):
        families = known.classes.get(variables.of_way(class_of(way)[0], way), set())
        for name in way.annotations if families else ():
            family = next((given for prefix, given in OF_ANNOTATION.items() if str(name).startswith(prefix)), None)
            if family and family not in families and families <= set(OF_ANNOTATION.values()):
                served = " and ".join(sorted(families))
                yield way.at_annotation(name), f"{way} is served by {served}, and {name} is for {family}"


@rule(
    "gateway-unknown",
    Severity.ERROR,
    "A route to a Gateway that is not there is reached by nobody.",
    "Write the name and the namespace of a Gateway that is there.",
)
def gateway_unknown(cluster: Cluster) -> Found:
    """parentRefs of routes."""
    variables = variables_in(cluster)
    if not cluster.is_all_here:
        return
    there = {(item.namespace, item.name) for item in cluster.applied if item.is_a("Gateway", GATEWAYS)}
    made = _namespaces_with_made_gateways(cluster)
    for way in routes(cluster):
        for parent in parents(way, variables):
            namespace, name = parent.key
            # Where something has no namespace, that is the finding.
            if namespace and not {parent.key, ("", name)} & there and namespace not in made:
                elsewhere = [other for other, given in there if given == name]
                hint = f": it is in namespace {elsewhere[0]}" if elsewhere else ""
                yield way.item.at(*parent.keys), f"{way} names Gateway {namespace}/{name}, which is not there{hint}"


def _namespaces_with_made_gateways(cluster: Cluster) -> set[str]:
    """Namespaces where a chart may make Gateways: its values speak of them."""
    return {
        release.namespace
        for release in releases(cluster)
        if "gateway" in release.chart and not release.values
        or any(_speaks_of_gateways(str(keys[-1]), value) for keys, value in enabled_values(release))
    }  # fmt: skip


def _speaks_of_gateways(key: str, value: Any) -> bool:
    is_part = key.lower() in ("gateway", "gateways", "kubernetesgateway") and isinstance(value, (dict, list))
    return is_part or (key == "kind" and value == "Gateway") or (key == "gatewayClassName")


# --- Hosts ---


@rule(
    "host-twice",
    Severity.ERROR,
    "Of two apps with one host and path only one is reached.",
    "Give one of them another host or path.",
)
def host_twice(cluster: Cluster) -> Found:
    """Hosts with a path that two apps ask of the same class or Gateway."""
    variables = variables_in(cluster)
    seen: dict[tuple[Any, ...], Way] = {}
    for way, host, where in _served(cluster, variables):
        name = variables.of_way(host.name, way).lower()
        if not name or "{{" in name or not way.is_sure:
            continue
        # What a Secret says is the same for whoever reads that Secret.
        secrets = str(mapping(way.one.spec.get("postBuild")).get("substituteFrom")) if "$" in name else ""
        key = name, variables.of_way(host.path, way), where, secrets
        other = seen.setdefault(key, way)
        if other.one.key != way.one.key and other.item.file.path != way.item.file.path:
            path = "" if host.path == "/" else f" with path {host.path}"
            yield way.item.at(*host.keys), f"{other} in {other.item.file.path} has the host {name}{path}, too"


def _served(cluster: Cluster, variables: Variables) -> Iterator[tuple[Way, Host, str]]:
    """Every host with its path, and the class or the Gateway's listener where it is served."""
    for way in ingresses(cluster):
        # These are made to share a host.
        if any(str(name).endswith(("/mergeable-ingress-type", "/canary")) for name in way.annotations):
            continue
        for host in ingress_hosts(way):
            yield way, host, f"class {variables.of_way(class_of(way)[0], way)}"
    for way in routes(cluster):
        for parent in parents(way, variables):
            for host in route_hosts(way):
                yield way, host, f"{way.kind} {parent.key} {parent.listener}"


@rule(
    "external-unmarked",
    Severity.WARNING,
    "Without the target annotation external-dns publishes the address from home, or nothing.",
    "Add the annotation that the other external ones have.",
)
def external_unmarked(cluster: Cluster) -> Found:
    """Ingresses of external classes and external Gateways without the target that others have.

    A route has none of its own: external-dns takes it from the Gateway.
    """
    variables = variables_in(cluster)
    found: list[tuple[str, Mapping[str, Any], Place]] = []
    for way in ingresses(cluster):
        name = variables.of_way(class_of(way)[0], way)
        # Where a chart's values nest Ingresses, annotations can stand anywhere around them.
        if _is_external(name) and way.is_sure and (not way.release or way.release.is_app_template or
                                                   way.keys[-1] == "ingress"):  # fmt: skip
            found.append((str(way), way.annotations, class_of(way)[1]))
    for item in cluster.applied:
        if item.is_a("Gateway", GATEWAYS) and _is_external(item.name):
            found.append((str(item), item.annotations, item.at("metadata", "name")))
    carried = Counter(target for _, annotations, _ in found if (target := _target(annotations)))
    if not carried:
        return
    wanted, _ = carried.most_common(1)[0]
    for name, annotations, place in found:
        if not _target(annotations) and not _is_kept_from_dns(annotations):
            yield place, f"{name} is external and has no {wanted}, as others have"


def _is_external(name: str) -> bool:
    return name == "external" or name.endswith("-external")


def _target(annotations: Mapping[str, Any]) -> str:
    """The annotation with which external-dns is told where a name leads; empty where there is none."""
    names = (str(name) for name in annotations)
    return next((name for name in names if name.startswith("external-dns.") and name.endswith("/target")), "")


def _is_kept_from_dns(annotations: Mapping[str, Any]) -> bool:
    names = (str(name) for name in annotations)
    return any(name.startswith("external-dns.") and name.endswith(("/controller", "/exclude")) for name in names)


@rule(
    "snippets-allowed",
    Severity.WARNING,
    "Whoever may write an Ingress can run code in the controller, and read every Secret that it reads.",
    "Switch snippets off, and say what they did with the controller's own annotations.",
)
def snippets_allowed(cluster: Cluster) -> Found:
    """Releases of NGINX controllers that take configuration as text from Ingresses."""
    for release in releases(cluster):
        for keys in SNIPPETS.get(release.chart, ()):
            if str(release.get(*keys)).lower() == "true":
                yield release.item.at(*VALUES, *keys), f"HelmRelease {release.item.name} takes snippets of any Ingress"


# --- Services behind them ---


@rule(
    "service-unknown",
    Severity.ERROR,
    "An Ingress or a route to a Service that is not there answers with an error.",
    "Write the name of a Service of the app.",
)
def service_unknown(cluster: Cluster) -> Found:
    """Backends of Ingresses and routes of apps whose Services are all manifests."""
    there = {(item.namespace, item.name) for item in cluster.applied if item.is_a("Service", "")}
    variables = variables_in(cluster)
    for one in cluster.kustomizations:
        if not any(item.is_a("Service", "") for item in one.objects) or not cluster.is_here(one):
            continue
        if any(item.is_a("HelmRelease", HELM) for item in one.objects):
            continue
        for item in one.objects:
            for said, place in _backends(item):
                name = variables.resolve(said, one, item)
                if is_open(name) or (item.namespace, name) in there or name in OF_FLUX:
                    continue
                if not _may_be_made(cluster, item.namespace, name):
                    yield place, f"{item} leads to Service {name}, which is not there"


def _backends(item: Object) -> Iterator[tuple[str, Place]]:
    """The Services of its own namespace that an Ingress or a route names."""
    if item.is_a("Ingress", INGRESSES):
        for keys, value in walk(item.spec, ("spec",)):
            if keys[-1] == "service" and keys[-2] in ("backend", "defaultBackend") and mapping(value).get("name"):
                yield str(value["name"]), item.at(*keys, "name")
    elif item.group == GATEWAYS and item.kind.endswith("Route"):
        for keys, value in walk(item.spec, ("spec",)):
            for number, entry in enumerate(map(mapping, sequence(value) if keys[-1] == "backendRefs" else [])):
                is_service = (entry.get("kind") or "Service") == "Service" and not entry.get("group")
                if is_service and entry.get("name") and (entry.get("namespace") or item.namespace) == item.namespace:
                    yield str(entry["name"]), item.at(*keys, number, "name")


def _may_be_made(cluster: Cluster, namespace: str, name: str) -> bool:
    """Whether a chart or an operator may make a Service: what it is made of in that namespace is part of its name."""
    if not cluster.is_all_here:
        return True
    named = [item.name for item in cluster.applied if item.namespace == namespace and _makes_services(item)]
    for release in releases(cluster):
        if release.namespace == namespace:
            named += [release.name, release.item.name]
            named += [str(value) for keys, value in enabled_values(release) if keys[-1] in NAMES]
    return any(text and text in name for text in named)


def _makes_services(item: Object) -> bool:
    """Whether an operator may make Services for an object: not for those that hold secrets, alerts or rules."""
    return item.group not in PLAIN and not item.group.endswith(INERT) and item.kind not in MONITORS


# --- Addresses ---


@rule(
    "traffic-policy-local",
    Severity.WARNING,
    "Cilium announces an address from any node, and with Local one without a pod of the app drops the traffic.",
    "Set externalTrafficPolicy: Cluster.",
)
def traffic_policy_local(cluster: Cluster) -> Found:
    """Load balancers with externalTrafficPolicy: Local where Cilium answers for them by L2, and not by BGP."""
    if not _announces_by_l2(cluster):
        return
    for _, item, keys, content in services(cluster):
        is_object = not keys
        spec = mapping(content.get("spec")) if is_object else content
        if spec.get("externalTrafficPolicy") != "Local" or spec.get("loadBalancerClass"):
            continue
        default = "LoadBalancer" if item.kind == "EnvoyProxy" or mapping(spec.get("annotations")) else "ClusterIP"
        if spec.get("type", "ClusterIP" if is_object else default) == "LoadBalancer":
            place = item.at(*(("spec",) if is_object else keys), "externalTrafficPolicy")
            yield place, f"{item} has externalTrafficPolicy: Local, and Cilium announces it by L2"


def _announces_by_l2(cluster: Cluster) -> bool:
    """Whether L2 is the only way: a policy for every Service, or none at all and the values."""
    policies = [item for item in cluster.applied if item.kind == "CiliumL2AnnouncementPolicy"]
    ciliums = [release for release in releases(cluster) if release.chart == "cilium"]
    by_values = any(release.get("l2announcements", "enabled") is True for release in ciliums)
    by_policies = any(not item.spec.get("serviceSelector") and item.spec.get("loadBalancerIPs") for item in policies)
    is_routed = any(item.kind.startswith("CiliumBGP") for item in cluster.applied) or any(
        release.get("bgpControlPlane", "enabled") is True for release in ciliums
    )
    return not is_routed and (by_policies if policies else by_values)


@rule(
    "address-outside-pool",
    Severity.ERROR,
    "Cilium gives no address that is in none of its pools.",
    "Take a free address of a pool, or add the address to one.",
)
def address_outside_pool(cluster: Cluster) -> Found:
    """Addresses that Services ask for."""
    variables = variables_in(cluster)
    pools, is_whole = blocks(cluster, variables)
    if not pools or not is_whole:
        return
    there = ", ".join(map(str, pools))
    for one in asked(cluster, variables):
        if not any(block.has(one.address) for block in pools):
            yield one.place, f"{one.item} asks for {one.address}, and the pools have {there}"


@rule(
    "address-twice",
    Severity.ERROR,
    "Cilium gives an address to one Service, and the other stays without.",
    "Take another address, or give both the same lbipam.cilium.io/sharing-key.",
)
def address_twice(cluster: Cluster) -> Found:
    """Addresses that two Services ask for without sharing them."""
    variables = variables_in(cluster)
    if not blocks(cluster, variables)[0]:
        return
    seen: dict[Address, Asked] = {}
    for one in asked(cluster, variables):
        # A template for the Services of many Gateways is none itself.
        if one.item.kind == "EnvoyProxy":
            continue
        other = seen.setdefault(one.address, one)
        is_same = (other.item.file, other.item.content.line, other.holder) == (
            one.item.file,
            one.item.content.line,
            one.holder,
        )
        if not is_same and (not one.sharing or one.sharing != other.sharing):
            yield one.place, f"{one.item} asks for {one.address}, which {other.item} has in {other.item.file.path}"


@rule(
    "pool-over-nodes",
    Severity.ERROR,
    "Cilium can give a Service the address of a node or of the API, and then nobody reaches that any more.",
    "Take a range for the pool in which no machine has its address.",
)
def pool_over_nodes(cluster: Cluster) -> Found:
    """Blocks of pools with the address of a node or of the API; once for each block."""
    there = list(machines(cluster))
    for block in blocks(cluster, variables_in(cluster))[0]:
        inside = [(name, address) for name, address in there if block.has(address)]
        if inside:
            name, address = inside[0]
            others = f" and {len(inside) - 1} more" if len(inside) > 1 else ""
            yield block.place, f"the pool {block.pool.name} has {address}, the address of {name}{others}"
