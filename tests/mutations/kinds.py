"""Objects whose kind can't be told, or is of no API."""

from tests.mutations.mutation import APP, Mutation

RULE = "kind-unknown"
LIST = f"{APP}/app/kustomization.yaml"
EXTRA = f"{APP}/app/extra.yaml"
LISTED = {LIST: ("resources:\n", "resources:\n  - ./extra.yaml\n")}
MAP = "kind: ConfigMap\nmetadata:\n  name: extra\ndata:\n  LEVEL: info\n"


def unknown(name: str, at: str, text: str) -> Mutation:
    return Mutation(name, RULE, EXTRA, at, LISTED, {EXTRA: text})


MUTATIONS = [
    unknown("an object without an apiVersion", "kind: ConfigMap", f"---\n{MAP}"),
    unknown("an object whose apiVersion has another case", "apiversion: v1", f"---\napiversion: v1\n{MAP}"),
    unknown("an object whose apiVersion follows the dashes", "apiVersion: v1", f"---apiVersion: v1\n{MAP}"),
    unknown(
        "a kind whose name has another case",
        "kind: Helmrepository",
        "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: Helmrepository\nmetadata:\n  name: extra\n"
        "spec:\n  url: https://charts.example.net\n",
    ),
    unknown(
        "a kind of another group",
        "apiVersion: gateway.networking.k8s.io/v1",
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: extra\n",
    ),
]
