"""The checks of DNS, the pods' network, addresses, and how apps are reached."""

from collections.abc import Iterator

from talos_flux.diagnose.operator_problems import of_gateway
from talos_flux.diagnose.problem import CheckResult, Level, Problem
from talos_flux.kube.accessors import Object, name_of, namespace_of, spec_of, status_of
from talos_flux.kube.kinds import DAEMON_SET, DEPLOYMENT, GATEWAY, HTTP_ROUTE, INGRESS, SERVICE
from talos_flux.kube.snapshot import Snapshot

# What the whole cluster needs, by its role.
VITAL = {
    "DNS": (DEPLOYMENT, "kube-system/coredns"),
    "the pods' network": (DAEMON_SET, "kube-system/cilium"),
}
# What makes apps reachable, by Deployment; each only where it is installed.
DOORS = {
    "cloudflared": "the tunnel",
    "external-dns": "public DNS",
    "k8s-gateway": "DNS at home",
}


def network(snapshot: Snapshot, namespace: str = "") -> CheckResult:
    """Check what everything else needs first, then addresses, Gateways, routes and Ingresses."""
    needed = [*vital(snapshot), *doors(snapshot)]
    problems = [problem for problem in needed if namespace in ("", problem.namespace)]
    for service in snapshot.of(SERVICE, namespace=namespace):
        problems += of_service(service)
    for gateway in snapshot.of(GATEWAY, namespace=namespace):
        problems += of_gateway(gateway)
    for route in snapshot.of(HTTP_ROUTE, namespace=namespace):
        problems += of_route(route)
    for ingress in snapshot.of(INGRESS, namespace=namespace):
        problems += of_ingress(ingress)
    addresses = sum(
        spec_of(service).get("type") == "LoadBalancer" for service in snapshot.of(SERVICE, namespace=namespace)
    )
    routes = sum(1 for _ in snapshot.of(HTTP_ROUTE, INGRESS, namespace=namespace))
    return CheckResult("network", f"{addresses} addresses, {routes} routes and Ingresses", tuple(problems))


def vital(snapshot: Snapshot) -> Iterator[Problem]:
    """Yield a problem when DNS or the pods' network is missing or down."""
    for role, (kind, name) in VITAL.items():
        if kind not in snapshot.objects:
            continue
        item = snapshot.find(kind, name)
        namespace, _, short = name.partition("/")
        if item is None:
            yield Problem(Level.CRITICAL, f"{kind} {name}", f"is not there: it is {role}", namespace)
            continue
        status = status_of(item)
        if not status.get("readyReplicas", status.get("numberReady", 0)):
            command = f"kubectl --namespace {namespace} describe {kind.name.lower()} {short}"
            yield Problem(
                Level.CRITICAL, f"{kind} {name}", f"has no pod that is ready: {role} is down", namespace, command
            )


def doors(snapshot: Snapshot) -> Iterator[Problem]:
    """Yield a problem for what makes apps reachable and is down: the tunnel, and DNS at home and outside."""
    for item in snapshot.of(DEPLOYMENT):
        name = str(item["metadata"]["name"])
        wanted, ready = spec_of(item).get("replicas", 1), status_of(item).get("readyReplicas", 0)
        if name in DOORS and wanted and not ready:
            namespace = namespace_of(item)
            text = f"has no pod that is ready: {DOORS[name]} is down"
            command = f"kubectl --namespace {namespace} logs deployment/{name}"
            yield Problem(Level.CRITICAL, f"Deployment {namespace}/{name}", text, namespace, command)


def of_service(service: Object) -> Iterator[Problem]:
    """Yield a problem for a LoadBalancer without an address."""
    ingress = (status_of(service).get("loadBalancer") or {}).get("ingress")
    if spec_of(service).get("type") == "LoadBalancer" and not ingress:
        namespace = namespace_of(service)
        command = f"kubectl --namespace {namespace} describe service {service['metadata']['name']}"
        yield Problem(Level.CRITICAL, f"Service {name_of(service)}", "has no address", namespace, command)


def of_route(route: Object) -> Iterator[Problem]:
    """Yield a problem for a route that a Gateway refuses, or whose Service is not there."""
    namespace = namespace_of(route)
    command = f"kubectl --namespace {namespace} describe httproute {route['metadata']['name']}"
    for parent in status_of(route).get("parents") or []:
        for condition in parent.get("conditions") or []:
            if condition.get("type") in ("Accepted", "ResolvedRefs") and condition.get("status") == "False":
                gateway = parent["parentRef"]["name"]
                text = f"is not served by Gateway {gateway}: {condition.get('message', condition.get('reason'))}"
                yield Problem(Level.WARNING, f"HTTPRoute {name_of(route)}", text, namespace, command)


def of_ingress(ingress: Object) -> Iterator[Problem]:
    """Yield a problem for an Ingress that no controller has taken."""
    if not (status_of(ingress).get("loadBalancer") or {}).get("ingress"):
        namespace = namespace_of(ingress)
        name = spec_of(ingress).get("ingressClassName", "none")
        text = f"has no address: the controller of class {name} has not taken it"
        command = f"kubectl --namespace {namespace} describe ingress {ingress['metadata']['name']}"
        yield Problem(Level.WARNING, f"Ingress {name_of(ingress)}", text, namespace, command)
