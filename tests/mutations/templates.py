"""Templates by which External Secrets writes Secrets."""

from tests.mutations.keys import AWAITS, FOLDER, KS, LIST, listed, variable
from tests.mutations.mutation import Harmless, Mutation

RULE = "template-malformed"
SECRET = f"{FOLDER}/app/secret.yaml"
TEXT = (
    "---\napiVersion: external-secrets.io/v1\nkind: {kind}\nmetadata:\n  name: app\nspec:\n  refreshInterval: 1h\n"
    "  secretStoreRef:\n    kind: ClusterSecretStore\n    name: onepassword\n  target:\n    name: settings\n"
    "    template:\n      data:\n        LEVEL: {template}\n  dataFrom:\n    - extract:\n        key: app\n"
)


def secret(template: str) -> dict[str, str]:
    return {SECRET: TEXT.format(kind="ExternalSecret", template=template)}


LISTED = {LIST: ("resources:\n", "resources:\n  - ./secret.yaml\n"), KS: AWAITS}


def malformed(name: str, template: str) -> Mutation:
    return Mutation(name, RULE, SECRET, "LEVEL", LISTED, secret(template))


MUTATIONS = [
    malformed("a template with a word that is no function", '"{{ LEVEL }}"'),
    malformed("a template with a function of another engine", '"{{ .LEVEL | b4dec }}"'),
    malformed("a template with a dot too many", '"{{ .level. }}"'),
    malformed("a template with a key that has a dash", '"{{ .APP-LEVEL }}"'),
    malformed("a template with single quotes", "\"{{ .LEVEL | replace '@@' '%40' }}\""),
    malformed("a template whose block has no end", '"{{ if .LEVEL }}debug"'),
]
HARMLESS = [
    Harmless(
        "templates that Go reads",
        listed(variable("Secret", "LEVEL"), "ExternalSecret")
        | {LIST: ("resources:\n", "resources:\n  - ./secret.yaml\n")},
        secret('\'{{ if eq .LEVEL "x}}" }}{{ .LEVEL | b64dec }}{{ else }}{{ index . "a-b" }}{{ end }}\''),
    ),
]
