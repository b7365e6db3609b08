"""Versions of an API that nobody serves, and kinds that a fork brings under an upstream project's name."""

from tests.mutations.mutation import APP, Harmless, Mutation

LIST = f"{APP}/app/kustomization.yaml"
KS = f"{APP}/ks.yaml"
EXTRA = f"{APP}/app/extra.yaml"
STORE = "kubernetes/apps/external-secrets/cluster-secret-store/app/clustersecretstore.yaml"
ISSUER = "kubernetes/apps/cert-manager/cluster-issuer/app/clusterissuer.yaml"
SECRETS = "kubernetes/apps/external-secrets/external-secrets/app/helmrelease.yaml"
LISTED = {LIST: ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./extra.yaml\n")}
JOB = (
    "---\napiVersion: {version}\nkind: {kind}\nmetadata:\n  name: nightly\nspec:\n  schedule: '@daily'\n"
    "  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: Never\n          containers:\n"
    "            - name: app\n              image: ghcr.io/example/app:1.2.3\n              resources:\n"
    "                requests:\n                  cpu: 10m\n                  memory: 32Mi\n"
    "                limits:\n                  memory: 64Mi\n"
)
VOLSYNC = "kubernetes/apps/storage/volsync"
FORK = (
    "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: volsync\nspec:\n"
    "  interval: 1h\n  layerSelector:\n    mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip\n"
    "    operation: copy\n  ref:\n    tag: 0.18.5\n  url: oci://ghcr.io/home-operations/charts-mirror/{chart}\n"
    "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: volsync\nspec:\n  interval: 1h\n"
    "  timeout: 10m\n  chartRef:\n    kind: OCIRepository\n    name: volsync\n  values:\n{values}"
    "    resources:\n      requests:\n        cpu: 10m\n        memory: 64Mi\n      limits:\n        memory: 64Mi\n"
)
SOURCE = (
    "---\napiVersion: volsync.backube/v1alpha1\nkind: ReplicationSource\nmetadata:\n  name: app\nspec:\n"
    "  sourcePVC: app-template-internal-none-config\n  trigger:\n    schedule: 0 * * * *\n"
    "  kopia:\n    repository: volsync\n    copyMethod: Snapshot\n"
)
KUSTOMIZATION = (
    "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: volsync\n"
    "  namespace: flux-system\nspec:\n  targetNamespace: storage\n  commonMetadata:\n    labels:\n"
    "      app.kubernetes.io/name: volsync\n  interval: 1h\n  retryInterval: 2m\n  timeout: 10m\n  prune: true\n"
    "  wait: true\n  path: ./kubernetes/apps/storage/volsync/app\n  sourceRef:\n    kind: GitRepository\n"
    "    name: flux-system\n    namespace: flux-system\n"
)


def fork(chart: str, values: str) -> dict[str, str]:
    return {
        f"{VOLSYNC}/ks.yaml": KUSTOMIZATION,
        f"{VOLSYNC}/app/kustomization.yaml": "---\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        "resources:\n  - ./helmrelease.yaml\n",
        f"{VOLSYNC}/app/helmrelease.yaml": FORK.format(chart=chart, values=values),
        EXTRA: SOURCE,
    }


WITH_FORK = {
    "kubernetes/apps/storage/kustomization.yaml": (
        "  - ./namespace.yaml\n",
        "  - ./namespace.yaml\n  - ./volsync/ks.yaml\n",
    ),
    **LISTED,
}
AWAITED = {KS: ("  dependsOn:\n", "  dependsOn:\n    - name: volsync\n")}
RENAMED = fork("volsync-perfectra1n", "")
OTHER_IMAGE = fork("volsync", "    image:\n      repository: ghcr.io/perfectra1n/volsync\n      tag: v0.17.7\n")
# The repository's Secret is made by hand in all of them.
BY_HAND = {"scripts/own.sh": "kubectl --namespace media create secret generic volsync --from-env-file=.env\n"}

MUTATIONS = [
    Mutation(
        "a store of a version that external-secrets does not serve",
        "api-deprecated",
        STORE,
        "apiVersion",
        {STORE: ("external-secrets.io/v1\n", "external-secrets.io/v1beta1\n")},
    ),
    Mutation(
        "an issuer of a version that cert-manager does not serve",
        "api-deprecated",
        ISSUER,
        "apiVersion",
        {ISSUER: ("cert-manager.io/v1\n", "cert-manager.io/v1alpha3\n")},
    ),
    Mutation(
        "a CronJob of a version that Kubernetes does not serve",
        "api-deprecated",
        EXTRA,
        "apiVersion",
        LISTED,
        {EXTRA: JOB.format(version="batch/v1beta1", kind="CronJob")},
    ),
    Mutation(
        "a kind of Kubernetes with a typing error",
        "api-deprecated",
        EXTRA,
        "apiVersion",
        LISTED,
        {EXTRA: JOB.format(version="batch/v1", kind="CronJobb")},
    ),
    Mutation(
        "a field that nobody has, of a project without a fork",
        "field-unknown",
        EXTRA,
        "kopia",
        WITH_FORK | AWAITED,
        fork("volsync", "") | BY_HAND,
    ),
    Mutation(
        "a kind that a fork's chart brings, and is not waited for",
        "provider-not-awaited",
        EXTRA,
        "apiVersion",
        WITH_FORK,
        RENAMED | BY_HAND,
    ),
]

HARMLESS = [
    Harmless(
        "a version that external-secrets serves on request",
        {
            STORE: ("external-secrets.io/v1\n", "external-secrets.io/v1beta1\n"),
            SECRETS: ("  values:\n", "  values:\n    crds:\n      unsafeServeV1Beta1: true\n"),
        },
    ),
    Harmless("a CronJob", LISTED, {EXTRA: JOB.format(version="batch/v1", kind="CronJob")}),
    Harmless("a field of a fork, by its chart", WITH_FORK | AWAITED, RENAMED | BY_HAND),
    Harmless("a field of a fork, by its image", WITH_FORK | AWAITED, OTHER_IMAGE | BY_HAND),
]
