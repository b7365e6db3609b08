"""What load balancers do with traffic when nobody says so: defaults of Envoy Gateway and of charts."""

from collections.abc import Iterator

from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import HELM, Object
from talos_flux.manifests.releases import VALUES, Keys, chart_of, mapping, releases

# Where charts' values describe a Service that is a load balancer by default, and its externalTrafficPolicy there.
# cilium: install/kubernetes/cilium/values.yaml; nginx-ingress: charts/nginx-ingress/values.yaml of kubernetes-ingress;
# ingress-nginx: charts/ingress-nginx/values.yaml; traefik: traefik/values.yaml.
BALANCERS: dict[str, dict[Keys, str]] = {
    "cilium": {("gatewayAPI",): "Cluster", ("ingressController", "service"): "Cluster"},
    "ingress-nginx": {("controller", "service"): "Cluster"},
    "nginx-ingress": {("controller", "service"): "Local"},
    "traefik": {("service", "spec"): "Cluster"},
}
ENVOY = "gateway.envoyproxy.io/gatewayclass-controller"


def is_load_balancer(cluster: Cluster, item: Object, keys: Keys) -> bool:
    """Return whether values at these keys of an object describe a Service that is a load balancer by default."""
    return item.is_a("HelmRelease", HELM) and keys[len(VALUES) :] in BALANCERS.get(chart_of(cluster, item), {})


def local_by_default(cluster: Cluster) -> Iterator[tuple[Object, Keys, str]]:
    """Yield the load balancers whose traffic stays on a node as nobody says otherwise: where, and what they are."""
    for release in releases(cluster):
        for keys, default in BALANCERS.get(release.chart, {}).items():
            service = mapping(release.get(*keys))
            is_other = service.get("type", "LoadBalancer") != "LoadBalancer" or service.get("loadBalancerClass")
            is_made = service.get("create") is not False and release.is_whole
            if default == "Local" and is_made and not is_other and not service.get("externalTrafficPolicy"):
                yield release.item, (*VALUES, *keys), f"HelmRelease {release.item.name}"
    yield from _of_envoy(cluster)


def _of_envoy(cluster: Cluster) -> Iterator[tuple[Object, Keys, str]]:
    """Yield what makes Envoy Gateway's Services: EnvoyProxy objects, and Gateways that have none.

    DefaultKubernetesServiceExternalTrafficPolicy in api/v1alpha1/kubernetes_helpers.go is Local.
    """
    proxies = [item for item in cluster.applied if item.is_a("EnvoyProxy", "gateway.envoyproxy.io")]
    for item in proxies:
        kubernetes = mapping(item.get("spec", "provider", "kubernetes"))
        service = mapping(kubernetes.get("envoyService"))
        is_other = service.get("type", "LoadBalancer") != "LoadBalancer" or service.get("loadBalancerClass")
        if not is_other and not service.get("externalTrafficPolicy") and not service.get("patch"):
            yield item, ("spec", "provider", "kubernetes", "envoyService"), str(item)
    classes = {
        item.name: mapping(item.spec.get("parametersRef"))
        for item in cluster.applied
        if item.is_a("GatewayClass", "gateway.networking.k8s.io") and item.spec.get("controllerName") == ENVOY
    }
    for item in cluster.applied:
        name = str(item.spec.get("gatewayClassName"))
        if item.is_a("Gateway", "gateway.networking.k8s.io") and name in classes and not classes[name]:
            if not item.get("spec", "infrastructure", "parametersRef"):
                yield item, ("spec", "gatewayClassName"), f"the Service of {item}"
