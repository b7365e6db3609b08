"""What Flux is told of the files."""

from tests.mutations.mutation import APP, MEDIA, OTHER, Harmless, Mutation

KS = f"{APP}/ks.yaml"
NAME = "app-template-internal-none"
CLAIMS = f"{APP}/app/pvc.yaml"
LIST = f"{APP}/app/kustomization.yaml"
EXTRA = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: extra\ndata: {}\n"

COPY = f"""---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {NAME}
  namespace: flux-system
spec:
  targetNamespace: media
  interval: 1h
  retryInterval: 2m
  timeout: 10m
  prune: true
  wait: true
  path: ./kubernetes/apps/media/copy/app
  sourceRef:
    kind: GitRepository
    name: flux-system
    namespace: flux-system
"""

# All but rare.
NAMESPACES = (
    "cert-manager",
    "default",
    "external-secrets",
    "flux-system",
    "kube-system",
    "kubeai",
    "locked",
    "media",
    "monitoring",
    "network",
    "storage",
)
PARTS = ("resources:\n", "components:\n  - ../../components/parts\nresources:\n")

# A second cluster in the repository: a root of the same name, and an app and an object of the first one's names.
SECOND = "kubernetes/second"
SECOND_LIST = "---\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
SECOND_CLUSTER = {
    f"{SECOND}/cluster/ks.yaml": COPY.replace(NAME, "cluster-apps")
    .replace("media/copy/app", "")
    .replace("./kubernetes/apps/", f"./{SECOND}/apps")
    .replace("  targetNamespace: media\n", ""),
    f"{SECOND}/apps/media/kustomization.yaml": f"{SECOND_LIST}  - ./{NAME}/ks.yaml\n",
    f"{SECOND}/apps/media/{NAME}/ks.yaml": COPY.replace(
        "./kubernetes/apps/media/copy", f"./{SECOND}/apps/media/{NAME}"
    ).replace("spec:\n", f"spec:\n  commonMetadata:\n    labels:\n      app.kubernetes.io/name: {NAME}\n"),
    f"{SECOND}/apps/media/{NAME}/app/kustomization.yaml": f"{SECOND_LIST}  - ./extra.yaml\n",
    f"{SECOND}/apps/media/{NAME}/app/extra.yaml": EXTRA,
}

SHARED = """\
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: shared}
spec: {interval: 1h, url: oci://ghcr.io/example/chart, ref: {tag: 1.0.0}}
"""
MUTATIONS = [
    Mutation("no YAML", "not-yaml", CLAIMS, "}", writes={CLAIMS: "---\n}\n"}),
    Mutation(
        "an app that is not listed",
        "app-not-listed",
        KS,
        "apiVersion",
        {f"{MEDIA}/kustomization.yaml": (f"  - ./{NAME}/ks.yaml\n", "")},
    ),
    Mutation(
        "a listed app that is not there",
        "resource-missing",
        f"{MEDIA}/kustomization.yaml",
        "./gone/ks.yaml",
        {f"{MEDIA}/kustomization.yaml": ("  - ./namespace.yaml\n", "  - ./namespace.yaml\n  - ./gone/ks.yaml\n")},
    ),
    Mutation(
        "a listed manifest that is not there",
        "resource-missing",
        LIST,
        "./pvcs.yaml",
        {LIST: ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./pvcs.yaml\n")},
    ),
    Mutation(
        "a component that is not there",
        "resource-missing",
        LIST,
        "../../../components/volsync",
        {LIST: ("resources:\n", "components:\n  - ../../../components/volsync\nresources:\n")},
    ),
    Mutation(
        "a patch that is not there",
        "resource-missing",
        LIST,
        "path: ./patch.yaml",
        {LIST: ("resources:\n", "patches:\n  - path: ./patch.yaml\nresources:\n")},
    ),
    Mutation(
        "a manifest that is not listed",
        "file-not-listed",
        f"{APP}/app/extra.yaml",
        "apiVersion",
        writes={f"{APP}/app/extra.yaml": EXTRA},
    ),
    Mutation(
        "a name that is taken",
        "name-taken",
        KS,
        "name: &app",
        {f"{MEDIA}/kustomization.yaml": ("  - ./namespace.yaml\n", "  - ./namespace.yaml\n  - ./copy/ks.yaml\n")},
        {
            f"{MEDIA}/copy/ks.yaml": COPY,
            f"{MEDIA}/copy/app/kustomization.yaml": "resources:\n  - ./extra.yaml\n",
            f"{MEDIA}/copy/app/extra.yaml": EXTRA,
        },
    ),
    Mutation(
        "an object that two apps have",
        "object-twice",
        f"{APP}/app/pvc.yaml",
        "name: app-template-external-none-config-2",
        {
            f"{APP}/app/pvc.yaml": (f"name: {NAME}-config-2", "name: app-template-external-none-config-2"),
            f"{APP}/app/helmrelease.yaml": (
                f"existingClaim: {NAME}-config-2\n",
                "existingClaim: app-template-external-none-config-2\n",
            ),
        },
    ),
    Mutation(
        "a source that two apps bring",
        "source-in-every-app",
        f"{OTHER}/app/source.yaml",
        "metadata: {name: shared}",
        {
            f"{folder}/app/kustomization.yaml": ("resources:\n", "resources:\n  - ./source.yaml\n")
            for folder in (APP, OTHER)
        },
        {f"{folder}/app/source.yaml": SHARED for folder in (APP, OTHER)},
    ),
    Mutation(
        "a path with a typing error",
        "path-unknown",
        KS,
        "path:",
        {KS: (f"path: ./kubernetes/apps/media/{NAME}/app", f"path: ./kubernetes/apps/medai/{NAME}/app")},
    ),
    Mutation(
        "a component of a Kustomization that is not there",
        "path-unknown",
        KS,
        "../../../../components/nowhere",
        {KS: ("  interval: 1h\n", "  components:\n    - ../../../../components/nowhere\n  interval: 1h\n")},
    ),
    Mutation(
        "a name with a typing error",
        "name-unlike-folder",
        KS,
        "name: &app",
        {KS: (f"name: &app {NAME}", f"name: &app {NAME.replace('internal', 'intenal')}")},
    ),
    Mutation(
        "a path of another app",
        "path-of-another",
        KS,
        "path:",
        {
            KS: (
                f"path: ./kubernetes/apps/media/{NAME}/app",
                "path: ./kubernetes/apps/media/app-template-external-none/app",
            )
        },
    ),
    Mutation(
        "a namespace without kustomization.yaml",
        "namespace-not-built",
        "kubernetes/apps/kubeai/kubeai-models/ks.yaml",
        "apiVersion",
        deletes=("kubernetes/apps/kubeai/kustomization.yaml",),
    ),
    Mutation(
        "a component that one namespace lacks",
        "component-unlike-others",
        "kubernetes/apps/rare/kustomization.yaml",
        "apiVersion",
        {f"kubernetes/apps/{name}/kustomization.yaml": PARTS for name in NAMESPACES},
        {
            "kubernetes/components/parts/kustomization.yaml": "---\n"
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
            "generatorOptions: {disableNameSuffixHash: true}\n"
        },
    ),
]

HARMLESS = [
    Harmless(
        "a component that some namespaces have",
        {f"kubernetes/apps/{name}/kustomization.yaml": PARTS for name in NAMESPACES[:6]},
        {
            "kubernetes/components/parts/kustomization.yaml": "---\n"
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
            "generatorOptions: {disableNameSuffixHash: true}\n"
        },
    ),
    Harmless(
        "an app that is commented out, with a file that is not there",
        {
            f"{MEDIA}/kustomization.yaml": (f"  - ./{NAME}/ks.yaml\n", f"  # - ./{NAME}/ks.yaml # for now\n"),
            LIST: ("resources:\n", "resources:\n  - ./nothing.yaml\n"),
        },
    ),
    Harmless(
        "a folder that is commented out, with a file that is not there",
        {LIST: ("resources:\n", "resources:\n  # - ./off\n")},
        {
            f"{APP}/app/off/kustomization.yaml": "---\napiVersion: kustomize.config.k8s.io/v1beta1\n"
            "kind: Kustomization\nresources:\n  - ./nothing.yaml\n"
        },
    ),
    Harmless(
        "a second cluster with the names of the first",
        {f"{OTHER}/app/kustomization.yaml": ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./extra.yaml\n")},
        {**SECOND_CLUSTER, f"{OTHER}/app/extra.yaml": EXTRA},
    ),
]
