"""What kustomize refuses to build, and what it makes of names and texts."""

from tests.mutations.mutation import APP, MEDIA, Harmless, Mutation

LIST = f"{APP}/app/kustomization.yaml"
CLAIMS = f"{APP}/app/pvc.yaml"
KS = f"{APP}/ks.yaml"
NAMESPACE = f"{MEDIA}/namespace.yaml"
LAYER = "  layerSelector:\n    mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip\n    operation: copy\n"
SOURCE = "kubernetes/flux/meta/repos/app-template.yaml"
PART = "kubernetes/components/part"
COMPONENT = "---\napiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
HASHED = "configMapGenerator:\n  - name: made\n"
VALUES = {
    f"{APP}/app/helmrelease.yaml": (
        "spec:\n  interval",
        "spec:\n  valuesFrom:\n    - kind: ConfigMap\n      name: made\n  interval",
    )
}
MADE = (
    "configMapGenerator:\n  - name: made\n    options:\n      disableNameSuffixHash: true\n    literals:\n      - a=b\n"
)


def with_list(text: str) -> dict[str, tuple[str, str]]:
    """Return the change that puts more into an app's kustomization.yaml."""
    return {LIST: ("resources:\n", f"{text}resources:\n")}


def with_resource(path: str) -> dict[str, tuple[str, str]]:
    """Return the change that lists one more resource."""
    return {LIST: ("resources:\n", f"resources:\n  - {path} # this\n")}


MUTATIONS = [
    Mutation(
        "an entry of patches that is empty",
        "build-refused",
        LIST,
        "# this",
        with_list("patches:\n  - # this\n"),
    ),
    Mutation(
        "a Component among the resources",
        "build-refused",
        LIST,
        "../../../../components/part # this",
        with_resource("../../../../components/part"),
        {f"{PART}/kustomization.yaml": f"{COMPONENT}{MADE}"},
    ),
    Mutation(
        "a Component of another version",
        "build-refused",
        f"{PART}/kustomization.yaml",
        "apiVersion:",
        with_list("components:\n  - ../../../../components/part\n"),
        {f"{PART}/kustomization.yaml": f"{COMPONENT.replace('alpha', 'beta')}{MADE}"},
    ),
    Mutation(
        "a listed folder without kustomization.yaml",
        "build-refused",
        LIST,
        "./more # this",
        with_resource("./more"),
        {f"{APP}/app/more/README.md": "More.\n"},
    ),
    Mutation(
        "a listed folder with an empty kustomization.yaml",
        "build-refused",
        f"{APP}/app/more/kustomization.yaml",
        "apiVersion:",
        with_resource("./more"),
        {
            f"{APP}/app/more/kustomization.yaml": COMPONENT.replace("alpha", "beta").replace(
                "Component", "Kustomization"
            )
        },
    ),
    Mutation(
        "two generators of one name",
        "build-refused",
        LIST,
        "name: made # again",
        with_list(f"{MADE}  - name: made # again\n    literals:\n      - c=d\n"),
    ),
    Mutation(
        "a generator's key twice",
        "build-refused",
        LIST,
        "name: made",
        with_list(f"{MADE}      - a=c\n"),
    ),
    Mutation(
        "a generator's file that is not there",
        "resource-missing",
        LIST,
        "./made.ini",
        with_list(f"{MADE}    files:\n      - ./made.ini\n"),
    ),
    Mutation(
        "a key twice",
        "key-twice",
        KS,
        "prune: true # again",
        {KS: ("  prune: true\n", "  prune: true\n  prune: true # again\n")},
    ),
]
MUTATIONS += [
    Mutation(
        "a Namespace in an app",
        "namespace-renamed",
        f"{APP}/app/namespace.yaml",
        "name: extra",
        with_resource("./namespace.yaml"),
        {f"{APP}/app/namespace.yaml": "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: extra\n"},
    ),
    Mutation(
        "the Namespace of the others in an app",
        "object-twice",
        f"{APP}/app/namespace.yaml",
        "name: media",
        with_resource("./namespace.yaml"),
        {f"{APP}/app/namespace.yaml": "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: media\n"},
    ),
    Mutation(
        "a tag with a digest",
        "source-reference-wrong",
        SOURCE,
        "tag: 5.0.0@sha256:",
        {SOURCE: ("    tag: ", "    tag: 5.0.0@sha256:abc # ")},
    ),
    Mutation(
        "a chart of any layer",
        "layer-unselected",
        SOURCE,
        "spec:",
        {
            SOURCE: (
                LAYER,
                "",
            )
        },
    ),
]
MUTATIONS += [
    Mutation(
        "values of a ConfigMap with a hash",
        "name-hashed",
        f"{APP}/app/helmrelease.yaml",
        "name: made",
        with_list(f"{HASHED}    files:\n      - values.yaml=./made.yaml\n") | VALUES,
        {f"{APP}/app/made.yaml": "{}\n"},
    ),
]
HARMLESS = [
    Harmless(
        "values of a ConfigMap with a hash that kustomize is told of",
        with_list(f"configurations:\n  - ./names.yaml\n{HASHED}    files:\n      - values.yaml=./made.yaml\n") | VALUES,
        {
            f"{APP}/app/made.yaml": "{}\n",
            f"{APP}/app/names.yaml": "nameReference:\n  - kind: ConfigMap\n    version: v1\n    fieldSpecs:\n"
            "      - path: spec/valuesFrom/name\n        kind: HelmRelease\n",
        },
    ),
    Harmless(
        "a boolean for an annotation, which kustomize makes a text",
        {NAMESPACE: ("  annotations:\n", "  annotations:\n    example.net/backup: true\n")},
    ),
]
