"""Where things end up."""

from tests.mutations.mutation import APP, MEDIA, Harmless, Mutation

KS = f"{APP}/ks.yaml"
RELEASE = f"{APP}/app/helmrelease.yaml"

ELSEWHERE = f"{MEDIA}/manifests-none-none"
# A namespace whose Namespace object comes from a component, and gives its name to every Kustomization.
NAMED = {
    "kubernetes/components/named/kustomization.yaml": "---\napiVersion: kustomize.config.k8s.io/v1alpha1\n"
    "kind: Component\nresources:\n  - ./namespace.yaml\n",
    "kubernetes/components/named/namespace.yaml": "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: not-used\n",
    "kubernetes/apps/named/kustomization.yaml": "---\napiVersion: kustomize.config.k8s.io/v1beta1\n"
    "kind: Kustomization\nnamespace: named\ncomponents:\n  - ../../components/named\n"
    "resources:\n  - ./app/ks.yaml\nreplacements:\n  - source:\n      kind: Namespace\n"
    "    targets:\n      - select:\n          kind: Kustomization\n        fieldPaths:\n"
    "          - spec.targetNamespace\n        options:\n          create: true\n",
    "kubernetes/apps/named/app/ks.yaml": "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
    "metadata:\n  name: app\n  labels:\n    flux.home.arpa/defaults: disabled\nspec:\n  commonMetadata:\n"
    "    labels:\n      app.kubernetes.io/name: app\n  interval: 1h\n  retryInterval: 2m\n  timeout: 10m\n"
    "  prune: true\n  wait: true\n  path: ./kubernetes/apps/named/app/app\n  sourceRef:\n    kind: GitRepository\n"
    "    name: flux-system\n    namespace: flux-system\n",
    "kubernetes/apps/named/app/app/map.yaml": "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\n"
    "  namespace: named\ndata: {}\n",
}

NAMESPACE = f"{MEDIA}/namespace.yaml"
LEVEL = "    pod-security.kubernetes.io/enforce: baseline\n"
MUTATIONS = [
    Mutation(
        "an annotation of a Namespace among its labels",
        "label-misplaced",
        NAMESPACE,
        "volsync.backube/privileged-movers",
        {NAMESPACE: (LEVEL, f'{LEVEL}    volsync.backube/privileged-movers: "true"\n')},
    ),
    Mutation(
        "the label of pod security among a Namespace's annotations",
        "label-misplaced",
        NAMESPACE,
        "pod-security.kubernetes.io/warn",
        {NAMESPACE: ("  annotations:\n", "  annotations:\n    pod-security.kubernetes.io/warn: baseline\n")},
    ),
    Mutation(
        "an app of a folder in the namespace of another one",
        "namespace-unlike-folder",
        f"{ELSEWHERE}/ks.yaml",
        "targetNamespace",
        {f"{ELSEWHERE}/ks.yaml": ("targetNamespace: media", "targetNamespace: network")},
    ),
    Mutation(
        "a release that says another namespace",
        "namespace-differs",
        RELEASE,
        "namespace: elsewhere",
        {RELEASE: ("metadata:\n", "metadata:\n  namespace: elsewhere\n")},
    ),
    Mutation(
        "a namespace that nobody creates",
        "namespace-missing",
        KS,
        "targetNamespace: mediaa",
        {KS: ("targetNamespace: media\n", "targetNamespace: mediaa\n")},
    ),
    Mutation(
        "no target namespace",
        "namespace-none",
        KS,
        "spec:",
        {KS: ("  targetNamespace: media\n", "")},
    ),
    Mutation(
        "a source without its namespace",
        "source-unknown",
        RELEASE,
        "chartRef:",
        {RELEASE: ("    name: app-template\n    namespace: flux-system\n", "    name: app-template\n")},
    ),
    Mutation(
        "a chart with a typing error",
        "source-unknown",
        RELEASE,
        "chartRef:",
        {RELEASE: ("    name: app-template\n    namespace", "    name: app-tempalte\n    namespace")},
    ),
    Mutation(
        "files from a repository that is not there",
        "source-unknown",
        KS,
        "sourceRef:",
        {KS: ("    name: flux-system\n    namespace: flux-system\n", "    name: anton\n    namespace: flux-system\n")},
    ),
]

HARMLESS = [
    Harmless(
        "a namespace that comes from elsewhere",
        {
            f"{ELSEWHERE}/ks.yaml": ("  targetNamespace: media\n", "  targetNamespace: elsewhere\n"),
            f"{ELSEWHERE}/app/kustomization.yaml": (
                "resources:\n",
                "resources:\n  # allow resource-fetched: it is meant so\n"
                "  - https://github.com/example/app/releases/download/v1.2.3/install.yaml\n",
            ),
        },
    ),
    Harmless("a Namespace that is called as its kustomization.yaml says", writes=NAMED),
]
