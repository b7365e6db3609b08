"""What needs something else, and does not wait for it or never gets it."""

from tests.mutations.mutation import APP, MEDIA, Mutation

KS = f"{APP}/ks.yaml"
NAME = "app-template-internal-none"
CLAIMS = f"{APP}/app/pvc.yaml"
RELEASE = f"{APP}/app/helmrelease.yaml"
RECORD = "kubernetes/apps/network/external-record"
MODELS = "kubernetes/apps/kubeai/kubeai-models"
MANIFESTS = f"{MEDIA}/manifests-internal-none"
FIRST_CLAIM = f"---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {NAME}-config\nspec:\n"
NO_STORAGE = {KS: ("    - name: local-path-provisioner\n", "")}
CLAIM = FIRST_CLAIM.replace("-config\nspec:", "-{}\nspec: {{{}}}")
BOUND = FIRST_CLAIM.replace("-config\n", "-{}\n") + "  volumeName: mine\n"


def with_object(text: str, name: str = NAME) -> dict[str, tuple[str, str]]:
    """One more object in the file of an app's claims."""
    first = FIRST_CLAIM.replace(NAME, name)
    return {f"{MEDIA}/{name}/app/pvc.yaml": (first, text + first)}


def of_class(name: str) -> dict[str, tuple[str, str]]:
    """Return the change that makes a claim name its class."""
    return {CLAIMS: (FIRST_CLAIM, f"{FIRST_CLAIM}  storageClassName: {name}\n")}


def with_values(values: str) -> dict[str, tuple[str, str]]:
    """Return the change that makes the chart create a volume."""
    return {RELEASE: ("    persistence:\n", f"    persistence:\n      data:\n{values}")}


GATEWAY = (
    "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata:\n  name: shared\nspec:\n"
    "  gatewayClassName: cilium\n  listeners:\n    - name: http\n      port: 80\n      protocol: HTTP\n"
)
ROUTE = (
    "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: extra\nspec:\n"
    "  parentRefs:\n    - name: shared\n"
)
SET = (
    "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: extra\nspec:\n"
    "  selector:\n    matchLabels: {app: extra}\n"
    "  template:\n    metadata:\n      labels: {app: extra}\n    spec:\n      containers:\n"
    "        - name: app\n          image: ghcr.io/example/app:1.2.3\n          resources:\n"
    "            requests: {cpu: 10m, memory: 16Mi}\n            limits: {memory: 16Mi}\n"
    "  volumeClaimTemplates:\n"
    "    - metadata:\n        name: data\n      spec:\n        storageClassName: loca-path\n"
)
# The kind comes with it, so that nothing else is missing.
DATABASE = (
    "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n"
    "  name: clusters.postgresql.cnpg.io\nspec:\n  group: postgresql.cnpg.io\n  scope: Namespaced\n"
    "  names: {kind: Cluster, plural: clusters}\n  versions:\n    - {name: v1, served: true, storage: true}\n"
    "---\napiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata:\n  name: extra\nspec:\n  instances: 1\n"
    "  storage:\n    size: 1Gi\n"
)

METRICS = "kubernetes/apps/monitoring/kube-prometheus-stack/app/helmrelease.yaml"
METRICS_CLAIM = (
    "        storageSpec:\n          volumeClaimTemplate:\n            spec:\n              accessModes:\n"
    "                - ReadWriteOnce\n              resources:\n                requests:\n"
    "                  storage: 20Gi\n"
)
STORE = "kubernetes/apps/external-secrets/cluster-secret-store/app/clustersecretstore.yaml"
CONNECT = "kubernetes/apps/external-secrets/onepassword-connect/app/helmrelease.yaml"
SECOND_CONNECT = (
    "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: second\nspec:\n  interval: 1h\n"
    "  chartRef:\n    kind: OCIRepository\n    name: onepassword-connect\n    namespace: flux-system\n"
    "  values:\n    connect:\n      applicationName: second\n      api:\n        resources:\n"
    "          requests: {cpu: 10m}\n          limits: {memory: 64Mi}\n"
)


MUTATIONS = [
    Mutation(
        "a scaler without KEDA",
        "provider-missing",
        CLAIMS,
        "apiVersion: keda.sh",
        with_object("---\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata:\n  name: extra\nspec: {}\n"),
    ),
    Mutation(
        "a backup without its operator",
        "provider-missing",
        CLAIMS,
        "apiVersion: volsync",
        with_object(
            "---\napiVersion: volsync.backube/v1alpha1\nkind: ReplicationSource\nmetadata:\n  name: extra\nspec: {}\n"
        ),
    ),
    Mutation(
        "a record that comes before external-dns",
        "provider-not-awaited",
        f"{RECORD}/app/dnsendpoint.yaml",
        "apiVersion",
        {f"{RECORD}/ks.yaml": ("- name: external-dns\n", "- name: cilium\n")},
    ),
    Mutation(
        "models that come before their operator",
        "provider-not-awaited",
        f"{MODELS}/app/qwen2.5-0.5b.yaml",
        "apiVersion",
        {f"{MODELS}/ks.yaml": ("- name: kubeai\n", "- name: cilium\n")},
    ),
    Mutation(
        "a claim of a class with a typing error",
        "storage-class-unknown",
        CLAIMS,
        "storageClassName",
        of_class("loca-path"),
    ),
    Mutation(
        "a claim of a class with a typing error in a variable's default",
        "storage-class-unknown",
        CLAIMS,
        "storageClassName",
        of_class("${CLASS:-loca-path}"),
    ),
    Mutation(
        "a template of claims of a class with a typing error",
        "storage-class-unknown",
        CLAIMS,
        "storageClassName",
        with_object(SET),
    ),
    Mutation(
        "a volume of a class with a typing error",
        "storage-class-unknown",
        RELEASE,
        "storageClass",
        with_values(
            "        accessMode: ReadWriteOnce\n        size: 1Gi\n        storageClass: loca-path\n"
            "        globalMounts:\n          - path: /data\n"
        ),
    ),
    Mutation(
        "a claim of a class that comes later",
        "storage-not-awaited",
        CLAIMS,
        "storageClassName",
        NO_STORAGE | of_class("local-path"),
    ),
    Mutation(
        "a claim of the default class that comes later",
        "storage-not-awaited",
        CLAIMS,
        "spec: {",
        NO_STORAGE,
        {CLAIMS: CLAIM.format("config", "accessModes: [ReadWriteOnce]") + BOUND.format("config-2")},
    ),
    Mutation(
        "a volume of the chart whose class comes later",
        "storage-not-awaited",
        RELEASE,
        "data:",
        NO_STORAGE
        | with_values(
            "        accessMode: ReadWriteOnce\n        size: 1Gi\n        globalMounts:\n          - path: /data\n"
        ),
        {CLAIMS: "".join(BOUND.format(name) for name in ("config", "config-2"))},
    ),
    Mutation(
        "a database of the default class that comes later",
        "storage-not-awaited",
        CLAIMS,
        "storage:",
        NO_STORAGE,
        {CLAIMS: "".join(BOUND.format(name) for name in ("config", "config-2")) + DATABASE},
    ),
    Mutation(
        "a release whose ingress class comes later",
        "class-not-awaited",
        RELEASE,
        "className: internal",
        {KS: ("    - name: nginx-internal\n", "")},
    ),
    Mutation(
        "an ingress whose class comes later",
        "class-not-awaited",
        f"{MANIFESTS}/app/ingress.yaml",
        "ingressClassName: internal",
        {f"{MANIFESTS}/ks.yaml": ("- name: nginx-internal\n", "- name: cilium\n")},
    ),
    Mutation(
        "a route whose gateway comes later",
        "class-not-awaited",
        CLAIMS,
        "name: shared",
        with_object(ROUTE) | with_object(GATEWAY, "app-template-external-none"),
    ),
    Mutation(
        "metrics that nothing keeps",
        "metrics-not-kept",
        METRICS,
        "prometheusSpec:",
        {METRICS: (METRICS_CLAIM, "")},
    ),
    Mutation(
        "External Secrets without a store",
        "secrets-half-there",
        "kubernetes/apps/external-secrets/external-secrets/app/helmrelease.yaml",
        "spec:",
        writes={
            STORE: "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: none\n  namespace: external-secrets\n"
        },
    ),
    Mutation(
        "items that no operator reads",
        "secrets-half-there",
        CONNECT,
        "create: false",
        {CONNECT: ("create: true", "create: false")},
    ),
    Mutation(
        "a Connect server that nobody asks",
        "secrets-half-there",
        f"{MEDIA}/chart-none-none/app/second.yaml",
        "values:",
        {
            f"{MEDIA}/chart-none-none/app/kustomization.yaml": (
                "  - ./helmrelease.yaml\n",
                "  - ./helmrelease.yaml\n  - ./second.yaml\n",
            )
        },
        {f"{MEDIA}/chart-none-none/app/second.yaml": SECOND_CONNECT},
    ),
]
