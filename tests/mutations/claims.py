"""Claims, and what their pods do with them."""

from tests.mutations.mutation import APP, MEDIA, Harmless, Mutation

RELEASE = f"{APP}/app/helmrelease.yaml"
MANIFEST = f"{MEDIA}/manifests-internal-none/app/deployment.yaml"
STRATEGY = "  strategy:\n    type: Recreate\n"
ROLLING = "  strategy:\n    type: RollingUpdate\n"
CLAIM = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: app-template-internal-none-config\n"
CLASS = (
    "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata:\n  name: openebs-hostpath\n"
    "provisioner: openebs.io/local\n"
)


def of_class(name: str, mode: str) -> dict[str, tuple[str, str]]:
    """Return the change that makes app-template claim a volume."""
    return {
        RELEASE: (
            "        type: emptyDir\n",
            f"        accessMode: {mode}\n        size: 1Gi\n        storageClass: {name}\n",
        )
    }


LIST = f"{APP}/app/kustomization.yaml"
EXTRA = f"{APP}/app/extra.yaml"
STATIC = (
    "---\napiVersion: v1\nkind: PersistentVolume\nmetadata:\n  name: films\nspec:\n  accessModes: [ReadWriteMany]\n"
    "  capacity:\n    storage: 1Gi\n  storageClassName: nfs\n  nfs:\n    server: 192.168.1.2\n    path: /films\n"
    "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: films\nspec:\n"
    "  accessModes: [ReadWriteMany]\n  resources:\n    requests:\n      storage: 1Gi\n"
    "  storageClassName: {name}\n  volumeName: films\n"
)
LISTED = {LIST: ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./extra.yaml\n")}

MUTATIONS = [
    Mutation(
        "a claim of another class than the volume that it names",
        "claim-volume-differs",
        EXTRA,
        'storageClassName: ""',
        LISTED,
        {EXTRA: STATIC.format(name='""')},
    ),
    Mutation(
        "two replicas on a claim of one node",
        "claim-not-shared",
        RELEASE,
        "replicas: 2",
        {RELEASE: ("        replicas: 1\n        strategy: Recreate\n", "        replicas: 2\n")},
    ),
    Mutation(
        "a release that rolls over a claim of one node",
        "claim-not-shared",
        RELEASE,
        "strategy: RollingUpdate",
        {RELEASE: ("        strategy: Recreate\n", "        strategy: RollingUpdate\n")},
    ),
    Mutation(
        "a Deployment that rolls over a claim of one node",
        "claim-not-shared",
        MANIFEST,
        "spec:",
        {MANIFEST: (f"spec:\n  replicas: 1\n  revisionHistoryLimit: 3\n{STRATEGY}", "spec:\n  replicas: 1\n")},
    ),
    Mutation(
        "a claim of several nodes on local-path",
        "claim-mode-refused",
        RELEASE,
        "accessMode: ReadWriteMany",
        of_class("local-path", "ReadWriteMany"),
    ),
    Mutation(
        "a claim of one pod on openebs-hostpath",
        "claim-mode-refused",
        RELEASE,
        "accessMode: ReadWriteOncePod",
        of_class("openebs-hostpath", "ReadWriteOncePod") | {f"{APP}/app/pvc.yaml": (CLAIM, CLASS + CLAIM)},
    ),
]
HARMLESS = [
    Harmless("a claim that fits the volume that it names", LISTED, {EXTRA: STATIC.format(name="nfs")}),
    Harmless(
        "a Deployment that ends a pod before it starts the next",
        {MANIFEST: (STRATEGY, f"{ROLLING}    rollingUpdate:\n      maxSurge: 0\n      maxUnavailable: 1\n")},
    ),
]
