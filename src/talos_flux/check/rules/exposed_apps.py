"""Rules about how apps are reached: ingress classes and Gateways, hosts, and the addresses of Services."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.distributions import is_of_distribution
from talos_flux.manifests.elsewhere import elsewhere
from talos_flux.manifests.exposure import (
    GATEWAYS,
    Host,
    Route,
    class_of,
    ingress_hosts,
    ingresses,
    is_open,
    parents,
    resolve_in_route,
    route_hosts,
    routes,
)
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.ingress_controllers import CHARTS, OF_ANNOTATION, OTHERS, controllers
from talos_flux.manifests.load_balancers import Address, AddressRequest, address_requests, blocks, machines, services
from talos_flux.manifests.objects import Place
from talos_flux.manifests.post_build import Variables, variables_in
from talos_flux.manifests.providers import NO_CLASS
from talos_flux.manifests.releases import VALUES, Keys, enabled_values, mapping, releases
from talos_flux.manifests.traffic_policies import is_load_balancer, local_by_default

# The values with which charts allow snippets: annotations whose text becomes configuration.
SNIPPETS: dict[str, tuple[Keys, ...]] = {
    "ingress-nginx": (
        ("controller", "allowSnippetAnnotations"),
        ("controller", "config", "allow-snippet-annotations"),
    ),
    "nginx-ingress": (("controller", "enableSnippets"),),
}


@rule(
    "class-unknown",
    Severity.ERROR,
    "An Ingress whose class nobody serves is reached by nobody.",
    "Write the class of a controller that is there, such as internal.",
)
def class_unknown(cluster: Cluster) -> Violations:
    """Find classes of Ingresses that nobody serves, where every controller's class is known."""
    variables = variables_in(cluster)
    known = controllers(cluster, variables)
    for route in ingresses(cluster) if known.is_whole else ():
        class_name, place = class_of(route)
        name = resolve_in_route(variables, class_name, route)
        if name and not is_open(name) and name not in known.classes.keys() | known.possible:
            if name in NO_CLASS or elsewhere(cluster).may_hold("IngressClass", "", name, *OTHERS, *CHARTS):
                continue
            if is_of_distribution(cluster, "IngressClass", name):
                continue
            served = f"there is {', '.join(sorted(known.classes))}" if known.classes else "there is no controller"
            yield place, f"nobody serves the class {name} of {route}: {served}", name


@rule(
    "annotation-of-another-controller",
    Severity.WARNING,
    "A controller ignores the annotations of others, so what they ask for does not happen.",
    "Write the annotation of the controller that serves the class, or remove it.",
)
def annotation_of_another_controller(cluster: Cluster) -> Violations:
    """Find annotations of Ingresses that are for another controller than the one that serves their class."""
    variables = variables_in(cluster)
    known = controllers(cluster, variables)
    for route in ingresses(cluster):
        families = known.classes.get(resolve_in_route(variables, class_of(route)[0], route), set())
        for name in route.annotations if families else ():
            family = next((given for prefix, given in OF_ANNOTATION.items() if str(name).startswith(prefix)), None)
            if family and family not in families and families <= set(OF_ANNOTATION.values()):
                served = " and ".join(sorted(families))
                yield route.at_annotation(name), f"{route} is served by {served}, and {name} is for {family}"


@rule(
    "gateway-unknown",
    Severity.ERROR,
    "A route to a Gateway that is not there is reached by nobody.",
    "Write the name and the namespace of a Gateway that is there.",
)
def gateway_unknown(cluster: Cluster) -> Violations:
    """Find parentRefs of routes to Gateways that are not there."""
    variables = variables_in(cluster)
    gateways = {(item.namespace, item.name) for item in cluster.applied if item.is_a("Gateway", GATEWAYS)}
    made = _namespaces_with_made_gateways(cluster)
    for route in routes(cluster):
        for parent in parents(route, variables):
            namespace, name = parent.key
            # A missing namespace is a finding of namespace-none.
            if namespace and not {parent.key, ("", name)} & gateways and namespace not in made:
                if elsewhere(cluster).may_hold("Gateway", namespace, name):
                    continue
                others = [other for other, given in gateways if given == name]
                hint = f": it is in namespace {others[0]}" if others else ""
                text = f"{route} names Gateway {namespace}/{name}, which is not there{hint}"
                yield route.item.at(*parent.keys), text, f"{namespace}/{name}"


def _namespaces_with_made_gateways(cluster: Cluster) -> set[str]:
    """Return the namespaces where a chart may make Gateways, as far as its values tell."""
    return {
        release.namespace
        for release in releases(cluster)
        if ("gateway" in release.chart and not release.values)
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
def host_twice(cluster: Cluster) -> Violations:
    """Find hosts with a path that two apps ask of the same class or Gateway."""
    variables = variables_in(cluster)
    seen: dict[tuple[Any, ...], Route] = {}
    for route, host, where in _served(cluster, variables):
        name = resolve_in_route(variables, host.name, route).lower()
        if not name or "{{" in name or not route.is_sure:
            continue
        # Variables from the same Secrets have the same values, beside the same variables of its own.
        secrets = str(mapping(route.kustomization.spec.get("postBuild"))) if "$" in name else ""
        key = name, resolve_in_route(variables, host.path, route), where, secrets
        other = seen.setdefault(key, route)
        is_other = other.kustomization.key != route.kustomization.key or _leads_elsewhere(other, route)
        if is_other and other.item.file.path != route.item.file.path:
            path = "" if host.path == "/" else f" with path {host.path}"
            yield route.item.at(*host.keys), f"{other} in {other.item.file.path} has the host {name}{path}, too"


def _leads_elsewhere(one: Route, other: Route) -> bool:
    """Return whether two routes of one app, each in a file of its own, lead to other Services by other rules.

    Only of TLS, where the host is all that tells them apart: several of HTTP are one with the rules of all.
    """
    is_of_tls = one.kind == other.kind == "TLSRoute"
    return (
        is_of_tls and not one.release and not other.release and one.content.get("rules") != other.content.get("rules")
    )


def _served(cluster: Cluster, variables: Variables) -> Iterator[tuple[Route, Host, str]]:
    """Yield every host with its path, and the class or the Gateway's listener where it is served."""
    for route in ingresses(cluster):
        # Ingresses with these annotations share a host on purpose.
        if any(str(name).endswith(("/mergeable-ingress-type", "/canary")) for name in route.annotations):
            continue
        for host in ingress_hosts(route):
            yield route, host, f"class {resolve_in_route(variables, class_of(route)[0], route)}"
    for route in routes(cluster):
        for parent in parents(route, variables):
            for host in route_hosts(route):
                yield route, host, f"{route.kind} {parent.key} {parent.listener}"


@rule(
    "external-unmarked",
    Severity.WARNING,
    "Without the target annotation external-dns publishes the address from home, or nothing.",
    "Add the annotation that the other external ones have.",
)
def external_unmarked(cluster: Cluster) -> Violations:
    """Find Ingresses of external classes and external Gateways without the target annotation that others have.

    A route has none of its own: external-dns takes it from the Gateway.
    """
    variables = variables_in(cluster)
    exposed: list[tuple[str, Mapping[str, Any], Place]] = []
    for route in ingresses(cluster):
        name = resolve_in_route(variables, class_of(route)[0], route)
        # Where values nest Ingresses, a chart may take the annotations from anywhere around them.
        if _is_external(name) and route.is_sure and (not route.release or route.release.is_app_template or
                                                     route.keys[-1] == "ingress"):  # fmt: skip
            exposed.append((str(route), route.annotations, class_of(route)[1]))
    for item in cluster.applied:
        if item.is_a("Gateway", GATEWAYS) and _is_external(item.name):
            exposed.append((str(item), item.annotations, item.at("metadata", "name")))
    carried = Counter(target for _, annotations, _ in exposed if (target := _target(annotations)))
    if not carried:
        return
    wanted, _ = carried.most_common(1)[0]
    for name, annotations, place in exposed:
        if not _target(annotations) and not _is_kept_from_dns(annotations):
            yield place, f"{name} is external and has no {wanted}, as others have"


def _is_external(name: str) -> bool:
    return name == "external" or name.endswith("-external")


def _target(annotations: Mapping[str, Any]) -> str:
    """Return the annotation that tells external-dns where a name leads; empty where there is none."""
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
def snippets_allowed(cluster: Cluster) -> Violations:
    """Find releases of NGINX controllers that take configuration as text from Ingresses."""
    for release in releases(cluster):
        for keys in SNIPPETS.get(release.chart, ()):
            if str(release.get(*keys)).lower() == "true":
                yield release.item.at(*VALUES, *keys), f"HelmRelease {release.item.name} takes snippets of any Ingress"


# --- Addresses ---


@rule(
    "traffic-policy-local",
    Severity.WARNING,
    "Cilium announces an address from any node, and with Local one without a pod of the app drops the traffic.",
    "Set externalTrafficPolicy: Cluster.",
)
def traffic_policy_local(cluster: Cluster) -> Violations:
    """Find load balancers with externalTrafficPolicy: Local, said or by default, that Cilium announces by L2 alone."""
    if not _announces_by_l2(cluster):
        return
    for _, item, keys, content in services(cluster):
        is_object = not keys
        spec = mapping(content.get("spec")) if is_object else content
        if spec.get("externalTrafficPolicy") != "Local" or spec.get("loadBalancerClass"):
            continue
        is_balancer = (
            item.kind == "EnvoyProxy" or mapping(spec.get("annotations")) or is_load_balancer(cluster, item, keys)
        )
        default = "LoadBalancer" if is_balancer else "ClusterIP"
        if spec.get("type", "ClusterIP" if is_object else default) == "LoadBalancer":
            place = item.at(*(("spec",) if is_object else keys), "externalTrafficPolicy")
            yield place, f"{item} has externalTrafficPolicy: Local, and Cilium announces it by L2"
    for item, keys, what in local_by_default(cluster):
        yield item.at(*keys), f"{what} has externalTrafficPolicy: Local by default, and Cilium announces it by L2"


def _announces_by_l2(cluster: Cluster) -> bool:
    """Return whether L2 is the only announcement: by a policy for every Service, or by the values and no policy."""
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
def address_outside_pool(cluster: Cluster) -> Violations:
    """Find addresses that Services ask for and no pool has."""
    variables = variables_in(cluster)
    pools, is_whole = blocks(cluster, variables)
    if not pools or not is_whole:
        return
    for request in address_requests(cluster, variables):
        own = [block for block in pools if block.home == request.home]
        ranges = ", ".join(map(str, own))
        if own and not any(block.has(request.address) for block in own):
            if elsewhere(cluster).may_hold("CiliumLoadBalancerIPPool", "", "pool", "cilium"):
                return
            yield request.place, f"{request.item} asks for {request.address}, and the pools have {ranges}"


@rule(
    "address-twice",
    Severity.ERROR,
    "Cilium gives an address to one Service, and the other stays without.",
    "Take another address, or give both the same lbipam.cilium.io/sharing-key.",
)
def address_twice(cluster: Cluster) -> Violations:
    """Find addresses that two Services ask for without sharing them."""
    variables = variables_in(cluster)
    if not blocks(cluster, variables)[0]:
        return
    seen: dict[tuple[str, Address], AddressRequest] = {}
    for request in address_requests(cluster, variables):
        # An EnvoyProxy is a template for the Services of many Gateways, and no Service itself.
        if request.item.kind == "EnvoyProxy":
            continue
        other = seen.setdefault((request.home, request.address), request)
        is_same = (other.item.file, other.item.content.line, other.holder) == (
            request.item.file,
            request.item.content.line,
            request.holder,
        )
        if not is_same and (not request.sharing or request.sharing != other.sharing):
            yield (
                request.place,
                f"{request.item} asks for {request.address}, which {other.item} has in {other.item.file.path}",
            )


@rule(
    "pool-over-nodes",
    Severity.WARNING,
    "Cilium can give a Service the address of a node or of the API, and then nobody reaches that any more.",
    "Take a range for the pool in which no machine has its address.",
)
def pool_over_nodes(cluster: Cluster) -> Violations:
    """Find blocks of pools with the address of a node or of the API, once for each block."""
    addresses = list(machines(cluster))
    for block in blocks(cluster, variables_in(cluster))[0]:
        inside = [(name, address) for name, address in addresses if block.has(address)]
        if inside:
            name, address = inside[0]
            others = f" and {len(inside) - 1} more" if len(inside) > 1 else ""
            yield block.place, f"the pool {block.pool.name} has {address}, the address of {name}{others}"
