"""Where things end up."""

from tests.mutations.mutation import APP, MEDIA, Harmless, Mutation

KS = f"{APP}/ks.yaml"
RELEASE = f"{APP}/app/helmrelease.yaml"

ELSEWHERE = f"{MEDIA}/manifests-none-none"

MUTATIONS = [
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
                "resources:\n  # allow resource-remote: it is meant so\n"
                "  - https://github.com/example/app/releases/download/v1.2.3/install.yaml\n",
            ),
        },
    ),
]
