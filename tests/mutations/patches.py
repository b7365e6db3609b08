"""Patches about nothing, and what copies and merges leave behind."""

import textwrap

from tests.mutations.mutation import APP, Harmless, Mutation

NAME = "app-template-internal-none"
LIST = f"{APP}/app/kustomization.yaml"
ANSWERS = f"{APP}/.copier-answers.yml"
RELEASE = f"{APP}/app/helmrelease.yaml"
PARTS = "kubernetes/components/parts"
NOBODY = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: nobody\n"


def with_list(text: str) -> dict[str, tuple[str, str]]:
    """More in an app's kustomization.yaml."""
    return {LIST: ("resources:\n", f"{text}resources:\n")}


def inline(text: str) -> str:
    return "".join(f"      {line}\n" for line in text.splitlines())


TARGET = "group: helm.toolkit.fluxcd.io\nversion: v2\nkind: HelmRelease\nname: {}\n"
NO_TIMEOUT = "      - op: remove\n        path: /spec/timeout\n"
FULL = "{requests: {cpu: 10m}, limits: {memory: 64Mi}}"
RESOURCES = (
    "            resources:\n              requests:\n                cpu: 10m\n                memory: 128Mi\n"
    "              limits:\n                memory: 512Mi\n"
)
SOURCE = (
    "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: source\n  annotations:\n"
    "    config.kubernetes.io/local-config: 'true'\ndata:\n  class: internal\n"
)
REPLACEMENT = (
    "replacements:\n  - source:\n      kind: ConfigMap\n      name: source\n      fieldPath: {}\n    targets:\n"
    "      - select:\n          kind: HelmRelease\n        fieldPaths:\n"
    "          - spec.values.ingress.app.className\n"
)


def with_replacement(path: str) -> dict[str, tuple[str, str]]:
    """Return the changes that copy an app's class from a ConfigMap."""
    return {
        LIST: ("resources:\n", f"{REPLACEMENT.format(path)}resources:\n  - ./source.yaml\n"),
        RELEASE: ("className: internal", "className: to-be-replaced"),
    }


def with_resources(resources: str) -> str:
    """Return a patch of the app's resources."""
    return inline(
        f"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {NAME}\nspec:\n  values:\n"
        f"    controllers:\n      {NAME}:\n        containers:\n          app:\n            resources: {resources}\n"
    )


MUTATIONS = [
    Mutation(
        "a patch of a kind that is not built",
        "kustomize-patch-without-target",
        LIST,
        "target:",
        with_list(f"patches:\n  - target:\n      kind: Deployment\n    patch: |-\n{inline(NOBODY)}"),
    ),
    Mutation(
        "a patch of a name that is not built",
        "kustomize-patch-without-target",
        LIST,
        "target:",
        with_list(
            "patches:\n  - target:\n      kind: HelmRelease\n      name: app\n    patch: |-\n      - op: remove\n"
            "        path: /spec/timeout\n"
        ),
    ),
    Mutation(
        "a patch that names what is not built",
        "kustomize-patch-without-target",
        LIST,
        "patch: |-",
        with_list(f"patches:\n  - patch: |-\n{inline(NOBODY)}"),
    ),
    Mutation(
        "a patch in a file that names what is not built",
        "kustomize-patch-without-target",
        LIST,
        "path: ./patch.yaml",
        with_list("patches:\n  - path: ./patch.yaml\n"),
        {f"{APP}/app/patch.yaml": f"---\n{NOBODY}"},
    ),
    Mutation(
        "a component's patch that no app has a use for",
        "kustomize-patch-without-target",
        f"{PARTS}/kustomization.yaml",
        "target:",
        with_list("components:\n  - ../../../../components/parts\n"),
        {
            f"{PARTS}/kustomization.yaml": "---\napiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
            "patches:\n  - target:\n      kind: HelmRelease\n      name: nobody\n    patch: |-\n      - op: remove\n"
            "        path: /spec/timeout\n"
        },
    ),
    Mutation(
        "an app in another namespace's folder",
        "folder-differs",
        ANSWERS,
        "app_namespace: default",
        {ANSWERS: ("app_namespace: media\n", "app_namespace: default\n")},
    ),
    Mutation(
        "an app in another folder",
        "folder-differs",
        ANSWERS,
        "app_name: other",
        {ANSWERS: (f"app_name: {NAME}\n", "app_name: other\n")},
    ),
    Mutation(
        "a marker of a merge in a manifest",
        "conflict-marker",
        RELEASE,
        "<<<<<<< ours",
        {RELEASE: ("    persistence:\n", "<<<<<<< ours\n    persistence:\n")},
    ),
    Mutation(
        "a marker of a merge in a document",
        "conflict-marker",
        "docs/notes.md",
        ">>>>>>> theirs",
        writes={"docs/notes.md": "# Notes\n\n>>>>>>> theirs\n"},
    ),
    Mutation(
        "what an update could not apply",
        "conflict-marker",
        f"{APP}/ks.yaml.rej",
        "@@",
        writes={f"{APP}/ks.yaml.rej": "@@ -1 +1 @@\n-a\n+b\n"},
    ),
    Mutation(
        "an old patch that names what is not built",
        "kustomize-patch-without-target",
        LIST,
        "./patch.yaml",
        with_list("patchesStrategicMerge:\n  - ./patch.yaml\n"),
        {f"{APP}/app/patch.yaml": f"---\n{NOBODY}"},
    ),
    Mutation(
        "an old patch whose file is not there",
        "resource-missing",
        LIST,
        "./patch.yaml",
        with_list("patchesStrategicMerge:\n  - ./patch.yaml\n"),
    ),
    Mutation(
        "an old patch of operations about what is not built",
        "kustomize-patch-without-target",
        LIST,
        "target:",
        with_list(f"patchesJson6902:\n  - target:\n{inline(TARGET.format('nobody'))}    patch: |-\n{NO_TIMEOUT}"),
    ),
    Mutation(
        "resources that an old patch takes away",
        "resources-missing",
        RELEASE,
        "resources:",
        with_list("patchesStrategicMerge:\n  - |-\n" + with_resources("{limits: null}")),
    ),
    Mutation(
        "an entry that an operation adds to a list",
        "depends-on-unknown",
        f"{APP}/ks.yaml",
        "name: local-path-provisioner",
        {
            "kubernetes/apps/media/kustomization.yaml": (
                "resources:\n",
                "patches:\n  - target:\n      kind: Kustomization\n      name: app-template-internal-none\n"
                "    patch: |-\n      - op: add\n        path: /spec/dependsOn/-\n        value:\n"
                "          name: nobody\nresources:\n",
            )
        },
    ),
]

HARMLESS = [
    Harmless(
        "resources that an old patch brings",
        with_list("patchesStrategicMerge:\n  - ./patch.yaml\n") | {RELEASE: (RESOURCES, "            resources: {}\n")},
        {f"{APP}/app/patch.yaml": "---\n" + textwrap.dedent(with_resources(FULL))},
    ),
    Harmless(
        "an old patch of operations",
        with_list(f"patchesJson6902:\n  - target:\n{inline(TARGET.format(NAME))}    patch: |-\n{NO_TIMEOUT}"),
    ),
    Harmless(
        "a class that is copied from another object",
        with_replacement("data.class"),
        {f"{APP}/app/source.yaml": SOURCE},
    ),
    Harmless(
        "a class that comes from where nobody knows",
        with_replacement("data.other"),
        {f"{APP}/app/source.yaml": SOURCE},
    ),
    Harmless(
        "an object that a patch deletes",
        {LIST: ("resources:\n", "patchesStrategicMerge:\n  - ./patch.yaml\nresources:\n  - ./unused.yaml\n")},
        {
            f"{APP}/app/unused.yaml": "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: unused\n",
            f"{APP}/app/patch.yaml": "---\n$patch: delete\napiVersion: v1\nkind: ConfigMap\nmetadata:\n"
            "  name: unused\n",
        },
    ),
]
