"""Fields that a kind does not have, lacks, or has of another type."""

from tests.mutations.mutation import APP, MEDIA, ROOT, Mutation

KS = f"{APP}/ks.yaml"
RELEASE = f"{APP}/app/helmrelease.yaml"
CLAIMS = f"{APP}/app/pvc.yaml"
SOURCE = "kubernetes/flux/meta/repos/app-template.yaml"
LISTING = f"{APP}/app/kustomization.yaml"
PATCH = (
    "      apiVersion: helm.toolkit.fluxcd.io/v2\n      kind: HelmRelease\n      metadata:\n"
    "        name: app-template-internal-none\n      spec:\n        timeouts: 5m\n"
)
FIRST_CLAIM = "  name: app-template-internal-none-config\nspec:\n  accessModes:\n    - ReadWriteOnce\n"

MUTATIONS = [
    Mutation(
        "a field of pods in a container of app-template",
        "value-field-unknown",
        RELEASE,
        "fsGroup: 911",
        {
            RELEASE: (
                "            securityContext:\n              allow",
                "            securityContext:\n              fsGroup: 911\n              allow",
            )
        },
    ),
    Mutation(
        "a field of a Kustomization in a HelmRelease",
        "field-unknown",
        RELEASE,
        "retryInterval: 2m",
        {RELEASE: ("spec:\n  interval", "spec:\n  retryInterval: 2m\n  interval")},
    ),
    Mutation(
        "a field with a typing error",
        "field-unknown",
        KS,
        "pruned: true",
        {KS: ("  prune: true\n", "  prune: true\n  pruned: true\n")},
    ),
    Mutation(
        "a field with a typing error where Flux starts",
        "field-unknown",
        ROOT,
        "waitFor: true",
        {ROOT: ("  wait: false\n", "  wait: false\n  waitFor: true\n")},
    ),
    Mutation(
        "a text for a list where Flux starts",
        "field-type",
        ROOT,
        "components: parts",
        {ROOT: ("  wait: false\n", "  wait: false\n  components: parts\n")},
    ),
    Mutation(
        "a field with a typing error in the root's patch",
        "field-unknown",
        ROOT,
        "cleanUpOnFail: true",
        {ROOT: ("cleanupOnFail: true", "cleanUpOnFail: true")},
    ),
    Mutation(
        "a text for a number in the root's patch",
        "field-type",
        ROOT,
        "retries: many",
        {ROOT: ("retries: 3\n                      remediate", "retries: many\n                      remediate")},
    ),
    Mutation(
        "a field with a typing error in an own patch",
        "field-unknown",
        LISTING,
        "timeouts: 5m",
        {LISTING: ("kind: Kustomization\n", f"kind: Kustomization\npatches:\n  - patch: |-\n{PATCH}")},
    ),
    Mutation(
        "a field one level too high",
        "field-unknown",
        KS,
        "substituteFrom:",
        {
            KS: (
                "  prune: true\n",
                "  prune: true\n  substituteFrom:\n    - kind: ConfigMap\n      name: cluster-settings\n",
            )
        },
    ),
    Mutation(
        "a field of a core kind with a typing error",
        "field-unknown",
        CLAIMS,
        "accessMode:",
        {CLAIMS: (FIRST_CLAIM, FIRST_CLAIM + "  accessMode: ReadWriteOnce\n")},
    ),
    Mutation(
        "a field inside a list with a typing error",
        "field-unknown",
        KS,
        "namespaces: flux-system",
        {KS: ("    - name: nginx-internal\n", "    - name: nginx-internal\n      namespaces: flux-system\n")},
    ),
    Mutation("a text for a boolean", "field-type", KS, "prune:", {KS: ("prune: true", 'prune: "true"')}),
    Mutation(
        "a number for a text",
        "field-type",
        SOURCE,
        "tag: 5",
        {SOURCE: ("    tag: ", "    tag: 5 # ")},
    ),
    Mutation(
        "a mapping for a list",
        "field-type",
        KS,
        "healthCheckExprs:",
        {KS: ("  prune: true\n", "  prune: true\n  healthCheckExprs:\n    kind: Job\n")},
    ),
    Mutation(
        "a boolean for a label",
        "field-type",
        f"{MEDIA}/namespace.yaml",
        "example.net/backup: true",
        {f"{MEDIA}/namespace.yaml": ("  labels:\n", "  labels:\n    example.net/backup: true\n")},
    ),
    Mutation(
        "none of the choices",
        "field-type",
        RELEASE,
        "kind: OciRepository",
        {RELEASE: ("    kind: OCIRepository\n", "    kind: OciRepository\n")},
    ),
    Mutation(
        "a source without its address",
        "field-missing",
        SOURCE,
        "spec:",
        {SOURCE: ("  url: ", "  # url: ")},
    ),
    Mutation(
        "a Kustomization without prune",
        "field-missing",
        KS,
        "spec:",
        {KS: ("  prune: true\n", "")},
    ),
]
