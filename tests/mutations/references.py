"""Objects that others name: Secrets, ConfigMaps, claims, issuers, stores, networks and what health checks look at."""

from tests.mutations.mutation import APP, MEDIA, Harmless, Mutation

RELEASE = f"{APP}/app/helmrelease.yaml"
LIST = f"{APP}/app/kustomization.yaml"
KS = f"{APP}/ks.yaml"
EXTRA = f"{APP}/app/extra.yaml"
FOLDER = f"{MEDIA}/manifests-none-none"
DEPLOYMENT = f"{FOLDER}/app/deployment.yaml"
OWN_LIST = f"{FOLDER}/app/kustomization.yaml"
CERTIFICATE = "kubernetes/apps/network/wildcard-certificate/app/certificate.yaml"
CHART = f"{MEDIA}/chart-internal-none/app/helmrelease.yaml"
CHART_LIST = f"{MEDIA}/chart-internal-none/app/kustomization.yaml"
NAME = "app-template-internal-none"
IMAGE = '              tag: "1.2.3"\n'
LISTED = {LIST: ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./extra.yaml\n")}
ENV = "          env:\n"


def env_from(kind: str, name: str, more: str = "") -> dict[str, tuple[str, str]]:
    text = f"            envFrom:\n              - {kind}:\n                  name: {name}\n{more}"
    return {RELEASE: (IMAGE, IMAGE + text)}


def config_map(name: str) -> dict[str, str]:
    return {EXTRA: f"---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  LEVEL: info\n"}


def secret_of_a_store(name: str, kind: str = "ClusterSecretStore", store: str = "onepassword") -> dict[str, str]:
    return {
        EXTRA: "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata:\n"
        f"  name: {name}\nspec:\n  refreshInterval: 1h\n  secretStoreRef:\n    kind: {kind}\n    name: {store}\n"
        "  data:\n    - secretKey: LEVEL\n      remoteRef:\n        key: app\n        property: level\n"
    }


AWAITED = {KS: ("  dependsOn:\n", "  dependsOn:\n    - name: cluster-secret-store\n")}
PROVIDER = (
    "---\napiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Provider\nmetadata:\n  name: alertmanager\n"
    "spec:\n  type: alertmanager\n  address: http://alertmanager.monitoring.svc.cluster.local:9093\n"
    "---\napiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Alert\nmetadata:\n  name: alert\nspec:\n"
    "  providerRef:\n    name: {name}\n  eventSources:\n    - kind: Kustomization\n      name: '*'\n"
)
POLICY = (
    "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: extra\nspec:\n  podSelector: {{}}\n"
    "  ingress:\n    - from:\n        - namespaceSelector:\n            matchLabels:\n"
    "              kubernetes.io/metadata.name: {name}\n"
)
BGP = (
    "---\napiVersion: cilium.io/v2\nkind: CiliumBGPPeerConfig\nmetadata:\n  name: router\nspec:\n  ebgpMultihop: 2\n"
    "---\napiVersion: cilium.io/v2\nkind: CiliumBGPClusterConfig\nmetadata:\n  name: cluster\nspec:\n  bgpInstances:\n"
    "    - name: main\n      localASN: 64512\n      peers:\n        - name: router\n          peerASN: 64513\n"
    "          peerAddress: 192.168.1.1\n          peerConfigRef:\n            name: {name}\n"
)
BGP_FILE = "kubernetes/apps/kube-system/cilium-networks/app/bgp.yaml"
BGP_LISTED = {
    "kubernetes/apps/kube-system/cilium-networks/app/kustomization.yaml": (
        "  - ./pool.yaml\n",
        "  - ./pool.yaml\n  - ./bgp.yaml\n",
    )
}
VOLUME = "            claimName: manifests-none-none-config\n"


def health_check(kind: str, api_version: str, name: str, namespace: str) -> dict[str, tuple[str, str]]:
    where = f"      namespace: {namespace}\n" if namespace else ""
    text = f"    - apiVersion: {api_version}\n      kind: {kind}\n      name: {name}\n{where}"
    return {KS: ("  wait: true\n", f"  wait: false\n  healthChecks:\n{text}")}


MUTATIONS = [
    # What the repository holds whole
    Mutation(
        "a Certificate of an issuer that is not there",
        "reference-unknown",
        CERTIFICATE,
        "name: letsencrypt-prod",
        {CERTIFICATE: ("name: letsencrypt-production", "name: letsencrypt-prod")},
    ),
    Mutation(
        "an Ingress of an issuer that is not there",
        "reference-unknown",
        RELEASE,
        "cert-manager.io/cluster-issuer",
        {
            RELEASE: (
                "        className: internal\n",
                "        className: internal\n        annotations:\n"
                "          cert-manager.io/cluster-issuer: letsencrypt-staging\n",
            )
        },
    ),
    Mutation(
        "an ExternalSecret of a store that is not there",
        "reference-unknown",
        EXTRA,
        "name: vault",
        LISTED | AWAITED,
        secret_of_a_store("app", store="vault"),
    ),
    Mutation(
        "an Alert of a Provider that is not there",
        "reference-unknown",
        EXTRA,
        "name: alertmanger",
        LISTED,
        {EXTRA: PROVIDER.format(name="alertmanger")},
    ),
    Mutation(
        "a BGP peer with a configuration that is not there",
        "reference-unknown",
        BGP_FILE,
        "name: routr",
        BGP_LISTED,
        {BGP_FILE: BGP.format(name="routr")},
    ),
    # What somebody else could make
    Mutation(
        "a Secret that nobody makes",
        "reference-doubtful",
        RELEASE,
        "name: notes-secret",
        env_from("secretRef", "notes-secret"),
    ),
    Mutation(
        "a ConfigMap with a typing error",
        "reference-doubtful",
        RELEASE,
        f"name: {NAME}-envs",
        LISTED | env_from("configMapRef", f"{NAME}-envs"),
        config_map(f"{NAME}-env"),
    ),
    Mutation(
        "a claim of app-template that nobody makes",
        "reference-doubtful",
        RELEASE,
        "existingClaim: notes-data",
        {RELEASE: (f"existingClaim: {NAME}-config\n", "existingClaim: notes-data\n")},
    ),
    Mutation(
        "a claim of a pod that nobody makes",
        "reference-doubtful",
        DEPLOYMENT,
        "claimName: typo",
        {DEPLOYMENT: (VOLUME, VOLUME.replace("manifests-none-none-config", "typo"))},
    ),
    Mutation(
        "a ConfigMap whose name and key are the wrong way round",
        "reference-doubtful",
        DEPLOYMENT,
        "name: LEVEL",
        {
            OWN_LIST: (
                "resources:\n",
                "configMapGenerator:\n  - name: settings\n    literals:\n      - LEVEL=info\nresources:\n",
            ),
            DEPLOYMENT: (
                ENV,
                f"{ENV}            - name: SETTING\n              valueFrom:\n                configMapKeyRef:\n"
                "                  name: LEVEL\n                  key: settings\n",
            ),
        },
    ),
    Mutation(
        "a chart's value that names a ConfigMap with a typing error",
        "reference-doubtful",
        CHART,
        "existingConfigmap",
        {
            CHART: ("  values:\n", "  values:\n    own:\n      existingConfigmap: chart-setings\n"),
            CHART_LIST: (
                "resources:\n",
                "configMapGenerator:\n  - name: chart-settings\n    literals:\n      - A=b\nresources:\n",
            ),
        },
    ),
    Mutation(
        "a release with values from a Secret that nobody makes",
        "reference-doubtful",
        RELEASE,
        "kind: Secret",
        {RELEASE: ("  values:\n", "  valuesFrom:\n    - kind: Secret\n      name: nothere\n  values:\n")},
    ),
    Mutation(
        "a policy about a namespace that is not there",
        "reference-doubtful",
        EXTRA,
        "kubernetes.io/metadata.name",
        LISTED,
        {EXTRA: POLICY.format(name="monitring")},
    ),
    # Health checks
    Mutation(
        "a health check of an issuer that is not there",
        "health-check-unknown",
        KS,
        "apiVersion: cert-manager.io/v1",
        health_check("ClusterIssuer", "cert-manager.io/v1", "letsencrypt", ""),
    ),
    Mutation(
        "a health check of a Deployment that is not there",
        "health-check-unknown",
        KS,
        "apiVersion: apps/v1",
        health_check("Deployment", "apps/v1", "typo", "media"),
    ),
    Mutation(
        "a health check of a Deployment in no namespace",
        "health-check-without-namespace",
        KS,
        "apiVersion: apps/v1",
        health_check("Deployment", "apps/v1", NAME, ""),
    ),
]

SPREAD = (
    "---\napiVersion: external-secrets.io/v1\nkind: ClusterExternalSecret\nmetadata:\n  name: extra\nspec:\n"
    "  externalSecretName: {name}\n  namespaceSelectors:\n    - matchLabels:\n        shared: 'true'\n"
    "  externalSecretSpec:\n    refreshInterval: 1h\n    secretStoreRef:\n      kind: ClusterSecretStore\n"
    "      name: onepassword\n    dataFrom:\n      - extract:\n          key: app\n"
)
HARMLESS = [
    Harmless(
        "a Secret that a ClusterExternalSecret brings",
        env_from("secretRef", "shared-secret") | LISTED | AWAITED,
        {EXTRA: SPREAD.format(name="shared-secret")},
    ),
    Harmless(
        "a Secret that comes from a store", LISTED | AWAITED | env_from("secretRef", "app"), secret_of_a_store("app")
    ),
    Harmless("a ConfigMap that is there", LISTED | env_from("configMapRef", "own"), config_map("own")),
    Harmless("a Secret that the pod can do without", env_from("secretRef", "x", "                  optional: true\n")),
    Harmless(
        "a Secret that a script makes",
        env_from("secretRef", "by-hand"),
        {"scripts/own.sh": "kubectl --namespace media create secret generic by-hand --from-literal=A=b\n"},
    ),
    Harmless(
        "a Secret that an unknown operator makes",
        LISTED | env_from("secretRef", "of-operator"),
        {
            EXTRA: "---\napiVersion: example.net/v1\nkind: Credential\nmetadata:\n  name: own\nspec:\n"
            "  secretName: of-operator\n"
        },
    ),
    Harmless("an Alert of a Provider that is there", LISTED, {EXTRA: PROVIDER.format(name="alertmanager")}),
    Harmless("a BGP peer with its configuration", BGP_LISTED, {BGP_FILE: BGP.format(name="router")}),
    Harmless("a policy about a namespace that is there", LISTED, {EXTRA: POLICY.format(name="monitoring")}),
    Harmless("a health check of what app-template makes", health_check("Deployment", "apps/v1", NAME, "media")),
    Harmless(
        "a health check of an issuer",
        health_check("ClusterIssuer", "cert-manager.io/v1", "letsencrypt-production", ""),
    ),
]
