"""Which controllers serve Ingresses, as far as the repository tells."""

from dataclasses import dataclass, field

from talos_flux.manifests.exposure import INGRESSES, is_open
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import walk
from talos_flux.manifests.post_build import Variables
from talos_flux.manifests.releases import Keys, Release, releases

F5, INGRESS_NGINX, TRAEFIK, TAILSCALE, CILIUM = "F5's NGINX", "ingress-nginx", "Traefik", "Tailscale", "Cilium"
# The values with which each chart names its class.
CHARTS: dict[str, tuple[str, tuple[Keys, ...]]] = {
    "nginx-ingress": (F5, (("controller", "ingressClass", "name"), ("controller", "ingressClass"))),
    "ingress-nginx": (INGRESS_NGINX, (("controller", "ingressClassResource", "name"),)),
    "traefik": (TRAEFIK, (("ingressClass", "name"),)),
}
# What an IngressClass calls its controller.
OF_CLASS = {
    "nginx.org/": F5,
    "k8s.io/ingress-nginx": INGRESS_NGINX,
    "traefik.io/": TRAEFIK,
    "tailscale.com/": TAILSCALE,
    "cilium.io/": CILIUM,
}
# The controller that reads annotations with a prefix.
OF_ANNOTATION = {
    "nginx.org/": F5,
    "nginx.com/": F5,
    "nginx.ingress.kubernetes.io/": INGRESS_NGINX,
    "traefik.ingress.kubernetes.io/": TRAEFIK,
    "tailscale.com/": TAILSCALE,
    "ingress.cilium.io/": CILIUM,
    "haproxy.org/": "HAProxy",
    "haproxy-ingress.github.io/": "HAProxy Ingress",
    "konghq.com/": "Kong",
    "alb.ingress.kubernetes.io/": "AWS",
}
# Parts of the names of charts that serve classes of their own.
OTHERS = (
    "ingress",
    "kong",
    "contour",
    "haproxy",
    "apisix",
    "pomerium",
    "ngrok",
    "istio",
    "gloo",
    "emissary",
    "skipper",
)


@dataclass
class Controllers:
    """The classes that are served, each with the families of its controllers, and those that may be served.

    `is_whole` when the files can bring no others.
    """

    classes: dict[str, set[str]] = field(default_factory=dict)
    possible: set[str] = field(default_factory=set)
    is_whole: bool = True

    def add(self, name: object, family: str) -> None:
        """Add a class that is served; what is no plain name can be any class."""
        if isinstance(name, str) and name and not is_open(name):
            self.classes.setdefault(name, set()).add(family)
        else:
            self.is_whole = False


def controllers(cluster: Cluster, variables: Variables) -> Controllers:
    """Return every class that something in the repository serves."""
    known = Controllers()
    for item in cluster.applied:
        if item.is_a("IngressClass", INGRESSES):
            controller = str(item.spec.get("controller", ""))
            known.add(item.name, next((name for part, name in OF_CLASS.items() if part in controller), controller))
        elif item.kind in ("Deployment", "DaemonSet") and any(part in item.name for part in (*OTHERS, "traefik")):
            known.is_whole = False
    for release in releases(cluster):
        _add_release(known, release, variables)
    return known


def _add_release(known: Controllers, release: Release, variables: Variables) -> None:
    if release.is_app_template:
        return
    if release.chart in CHARTS:
        family, key_paths = CHARTS[release.chart]
        names = [name for keys in key_paths if isinstance(name := release.get(*keys), str)]
        known.add(variables.resolve(names[0], release.kustomization, release.item) if names else None, family)
        # Traefik can also read what was written for ingress-nginx.
        if any(str(keys[-1]).lower() == "kubernetesingressnginx" for keys, _ in walk(release.values) if keys):
            known.is_whole = False
            known.classes.setdefault(names[0] if names else "", set()).add(INGRESS_NGINX)
    elif release.chart == "tailscale-operator":
        known.add(release.get("ingressClass", "name") or "tailscale", TAILSCALE)
    elif release.chart == "cilium":
        # Values from a Secret can switch it on; the class is always cilium.
        if release.get("ingressController", "enabled") is True:
            known.add("cilium", CILIUM)
        elif not release.is_whole:
            known.possible.add("cilium")
    elif any(part in release.chart for part in OTHERS):
        known.is_whole = False
