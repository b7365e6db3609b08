"""How apps are reached: classes and Gateways, hosts, and the addresses of Services."""

from tests.mutations.mutation import APP, MEDIA, OTHER, Harmless, Mutation

RELEASE = f"{APP}/app/helmrelease.yaml"
EXTERNAL = f"{OTHER}/app/helmrelease.yaml"
MANIFESTS = f"{MEDIA}/manifests-internal-none/app"
INGRESS = f"{MANIFESTS}/ingress.yaml"
LIST = f"{MANIFESTS}/kustomization.yaml"
SERVICE = f"{MANIFESTS}/service.yaml"
OPEN = f"{MEDIA}/manifests-external-none/app/ingress.yaml"
CHART = f"{MEDIA}/chart-internal-none/app/helmrelease.yaml"
POOL = "kubernetes/apps/kube-system/cilium-networks/app/pool.yaml"
BLOCKS = "  name: load-balancer\nspec:\n  blocks:\n"
NGINX = "kubernetes/apps/network/nginx-internal/app/helmrelease.yaml"
LAN = "kubernetes/apps/rare/own-address/app/helmrelease.yaml"
SETTINGS = "kubernetes/flux/meta/settings/cluster-settings.yaml"

BALANCED = "spec:\n  type: LoadBalancer\n"
TARGET = '  annotations:\n    external-dns.kubernetes.io/target: "external.${DOMAIN}"\n'
OF_VALUES = '        annotations:\n          external-dns.kubernetes.io/target: "external.${DOMAIN}"\n        className'
ROUTE = (
    "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: extra\nspec:\n  hostnames:\n"
    "    - extra.example.net\n  parentRefs:\n    - name: {gateway}\n      namespace: {namespace}\n  rules:\n"
    "    - backendRefs:\n        - name: {service}\n          port: 8080\n"
)
GATEWAY = (
    "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata:\n  name: {name}\nspec:\n"
    "  gatewayClassName: envoy\n  listeners:\n    - name: https\n      protocol: HTTPS\n      port: 443\n"
)
LISTED = {LIST: ("  - ./ingress.yaml\n", "  - ./ingress.yaml\n  - ./extra.yaml\n")}
EXTRA = f"{MANIFESTS}/extra.yaml"
HOST = "app-template-internal-none.${DOMAIN}"


CILIUM = "kubernetes/apps/kube-system/cilium/app/helmrelease.yaml"
NETWORK = "kubernetes/apps/network"


def extra_route(gateway: str, namespace: str, service: str) -> dict[str, str]:
    return {EXTRA: ROUTE.format(gateway=gateway, namespace=namespace, service=service) + GATEWAY.format(name="own")}


def with_values(text: str) -> dict[str, tuple[str, str]]:
    return {CHART: ("  values:\n", f"  values:\n{text}")}


MUTATIONS = [
    # Classes
    Mutation(
        "an Ingress of a class that nobody serves",
        "class-unknown",
        INGRESS,
        "ingressClassName",
        {INGRESS: ("ingressClassName: internal", "ingressClassName: nginx")},
    ),
    Mutation(
        "a release with a class that nobody serves",
        "class-unknown",
        RELEASE,
        "className",
        {RELEASE: ("className: internal", "className: internl")},
    ),
    Mutation(
        "a chart with a class that nobody serves",
        "class-unknown",
        CHART,
        "ingressClassName",
        with_values("    ingress:\n      enabled: true\n      ingressClassName: nginx\n"),
    ),
    Mutation(
        "a class in an annotation that nobody serves",
        "class-unknown",
        INGRESS,
        "kubernetes.io/ingress.class",
        {
            INGRESS: (
                "spec:\n  ingressClassName: internal\n",
                "  annotations:\n    kubernetes.io/ingress.class: nginx\nspec:\n",
            )
        },
    ),
    Mutation(
        "an annotation of ingress-nginx",
        "annotation-of-another-controller",
        INGRESS,
        "nginx.ingress.kubernetes.io/ssl-redirect",
        {INGRESS: ("spec:\n", '  annotations:\n    nginx.ingress.kubernetes.io/ssl-redirect: "true"\nspec:\n')},
    ),
    Mutation(
        "an annotation of Traefik in a release",
        "annotation-of-another-controller",
        EXTERNAL,
        "traefik.ingress.kubernetes.io/router.tls",
        {
            EXTERNAL: (
                "        className: external\n",
                '          traefik.ingress.kubernetes.io/router.tls: "true"\n        className: external\n',
            )
        },
    ),
    Mutation(
        "an annotation of F5's NGINX for ingress-nginx",
        "annotation-of-another-controller",
        INGRESS,
        "nginx.org/redirect-to-https",
        {
            INGRESS: (
                "spec:\n  ingressClassName: internal\n",
                '  annotations:\n    nginx.org/redirect-to-https: "true"\nspec:\n  ingressClassName: nginx\n',
            )
        }
        | LISTED,
        {
            EXTRA: "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata:\n  name: nginx\nspec:\n"
            "  controller: k8s.io/ingress-nginx\n"
        },
    ),
    # Gateways
    Mutation(
        "a route to a Gateway that is not there",
        "gateway-unknown",
        EXTRA,
        "name: nobody",
        LISTED,
        extra_route("nobody", "media", "manifests-internal-none"),
    ),
    Mutation(
        "a route to a Gateway in another namespace",
        "gateway-unknown",
        EXTRA,
        "name: own # parent",
        LISTED,
        extra_route("own # parent", "network", "manifests-internal-none"),
    ),
    Mutation(
        "a release with a route to a Gateway that is not there",
        "gateway-unknown",
        RELEASE,
        "name: nobody",
        {
            RELEASE: (
                "    ingress:\n",
                "    route:\n      app:\n        parentRefs:\n          - name: nobody\n    ingress:\n",
            )
        },
    ),
    # Hosts
    Mutation(
        "a host that another app has",
        "host-twice",
        RELEASE,
        "host: ",
        {INGRESS: ('host: "manifests-internal-none.${DOMAIN}"', f'host: "{HOST}"')},
    ),
    Mutation(
        "a route with the host of another app",
        "host-twice",
        f"{MEDIA}/manifests-internal-onepassword/app/extra.yaml",
        "extra.example.net",
        {
            **LISTED,
            f"{MEDIA}/manifests-internal-onepassword/app/kustomization.yaml": (
                "  - ./ingress.yaml\n",
                "  - ./ingress.yaml\n  - ./extra.yaml\n",
            ),
            f"{MEDIA}/manifests-internal-onepassword/ks.yaml": (
                "    - name: nginx-internal\n",
                "    - name: nginx-internal\n    - name: manifests-internal-none\n",
            ),
        },
        extra_route("own", "media", "manifests-internal-none")
        | {
            f"{MEDIA}/manifests-internal-onepassword/app/extra.yaml": ROUTE.format(
                gateway="own", namespace="media", service="manifests-internal-onepassword"
            ).replace("name: extra", "name: more")
        },
    ),
    Mutation(
        "an external Ingress without a target", "external-unmarked", OPEN, "ingressClassName", {OPEN: (TARGET, "")}
    ),
    Mutation(
        "an external release without a target",
        "external-unmarked",
        EXTERNAL,
        "className",
        {EXTERNAL: (OF_VALUES, "        className")},
    ),
    Mutation(
        "an external Gateway without a target",
        "external-unmarked",
        EXTRA,
        "name: external",
        LISTED,
        {EXTRA: GATEWAY.format(name="external")},
    ),
    # Services
    Mutation(
        "an Ingress to a Service that is not there",
        "service-unknown",
        INGRESS,
        "name: gone",
        {
            INGRESS: (
                "              service:\n                name: manifests-internal-none\n",
                "              service:\n                name: gone\n",
            )
        },
    ),
    Mutation(
        "a route to a Service that is not there",
        "service-unknown",
        EXTRA,
        "name: gone",
        LISTED,
        extra_route("own", "media", "gone"),
    ),
    Mutation(
        "a route to a Service in a namespace that is not there",
        "service-unknown",
        EXTRA,
        "name: prometheus-operated",
        LISTED,
        extra_route("own", "media", "prometheus-operated\n          namespace: monitring"),
    ),
    Mutation(
        "a route into another namespace that grants nothing",
        "reference-not-granted",
        EXTRA,
        "name: hubble-ui",
        LISTED,
        extra_route("own", "media", "hubble-ui\n          namespace: kube-system"),
    ),
    Mutation(
        "a route of a release with two services that names none",
        "route-without-backend",
        RELEASE,
        "news:",
        {
            RELEASE: (
                "    service:\n      app:\n",
                "    route:\n      news:\n        hostnames: [feed.example.net]\n    service:\n      feed:\n"
                "        controller: app-template-internal-none\n        ports:\n"
                "          http:\n            port: 81\n      app:\n",
            )
        },
    ),
    Mutation(
        "a route to a port that its Service does not have",
        "service-port-unknown",
        EXTRA,
        "port: 9999",
        LISTED,
        {EXTRA: extra_route("own", "media", "manifests-internal-none")[EXTRA].replace("port: 8080", "port: 9999")},
    ),
    Mutation(
        "an Ingress to a port that its Service does not have",
        "service-port-unknown",
        INGRESS,
        "number: 9090",
        {INGRESS: ("number: 8080", "number: 9090")},
    ),
    Mutation(
        "a release with a port that its Service does not have",
        "service-port-unknown",
        RELEASE,
        "port: 9090",
        {RELEASE: ("                  port: http\n", "                  port: 9090\n")},
    ),
    Mutation(
        "a route to a listener that its Gateway does not have",
        "listener-unknown",
        EXTRA,
        "sectionName: websecure",
        LISTED,
        extra_route("own", "media\n      sectionName: websecure", "manifests-internal-none"),
    ),
    Mutation(
        "a route to a listener that takes none of its namespace",
        "listener-unknown",
        EXTRA,
        "sectionName: https",
        LISTED
        | {f"{NETWORK}/kustomization.yaml": ("  - ./namespace.yaml\n", "  - ./namespace.yaml\n  - ./far.yaml\n")},
        {
            EXTRA: ROUTE.format(
                gateway="far", namespace="network\n      sectionName: https", service="manifests-internal-none"
            ),
            f"{NETWORK}/far.yaml": GATEWAY.format(name="far\n  namespace: network"),
        },
    ),
    # Addresses
    Mutation(
        "a Gateway of Cilium that only nodes with its pods answer for",
        "traffic-policy-local",
        CILIUM,
        "externalTrafficPolicy",
        {
            CILIUM: (
                "  values:\n",
                "  values:\n    gatewayAPI:\n      enabled: true\n      externalTrafficPolicy: Local\n",
            )
        },
    ),
    Mutation(
        "a Service that only nodes with its pods answer for",
        "traffic-policy-local",
        SERVICE,
        "externalTrafficPolicy",
        {SERVICE: ("spec:\n", f"{BALANCED}  externalTrafficPolicy: Local\n")},
    ),
    Mutation(
        "a release that only nodes with its pods answer for",
        "traffic-policy-local",
        NGINX,
        "externalTrafficPolicy",
        {NGINX: ("externalTrafficPolicy: Cluster", "externalTrafficPolicy: Local")},
    ),
    Mutation(
        "an address that no pool has",
        "address-outside-pool",
        SERVICE,
        "lbipam.cilium.io/ips",
        {SERVICE: ("spec:\n", f"  annotations:\n    lbipam.cilium.io/ips: 10.9.9.9\n{BALANCED}")},
    ),
    Mutation(
        "a setting that no pool has",
        "address-outside-pool",
        NGINX,
        "lbipam.cilium.io/ips",
        {SETTINGS: ('INTERNAL_ADDRESS: "192.168.1.103"', 'INTERNAL_ADDRESS: "10.9.9.9"')},
    ),
    Mutation(
        "a loadBalancerIP that no pool has",
        "address-outside-pool",
        SERVICE,
        "loadBalancerIP",
        {SERVICE: ("spec:\n", f"{BALANCED}  loadBalancerIP: 10.9.9.9\n")},
    ),
    Mutation(
        "an address that another Service has",
        "address-twice",
        LAN,
        "lbipam.cilium.io/ips",
        {LAN: ("lbipam.cilium.io/ips: 192.168.1.109", "lbipam.cilium.io/ips: ${INTERNAL_ADDRESS}")},
    ),
    Mutation(
        "a pool with the address of a node",
        "pool-over-nodes",
        POOL,
        "start: 192.168.1.98",
        {POOL: (BLOCKS, f"{BLOCKS}    - start: 192.168.1.98\n      stop: 192.168.1.98\n")},
    ),
    Mutation(
        "a pool with the address of the API",
        "pool-over-nodes",
        POOL,
        "cidr: 192.168.1.101/32",
        {POOL: (BLOCKS, f"{BLOCKS}    - cidr: 192.168.1.101/32\n")},
    ),
    Mutation(
        "snippets for everybody",
        "snippets-allowed",
        NGINX,
        "enableSnippets:",
        {NGINX: ("    controller:\n", "    controller:\n      enableSnippets: true\n")},
    ),
]

HARMLESS = [
    # external-dns takes a route's target from its Gateway.
    Harmless(
        "a route of an external Gateway that has a target",
        LISTED,
        {
            EXTRA: extra_route("external", MEDIA.rpartition("/")[2], "manifests-internal-none")[EXTRA]
            + GATEWAY.format(name="external").replace("spec:\n", f"{TARGET}spec:\n", 1)
        },
    ),
]
