"""Patches about nothing, and what copies and merges leave behind."""

from tests.mutations.mutation import APP, Mutation

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
]
