"""Keys of Secrets and ConfigMaps."""

from tests.mutations.mutation import APP, MEDIA, Harmless, Mutation

FOLDER = f"{MEDIA}/manifests-none-none"
DEPLOYMENT = f"{FOLDER}/app/deployment.yaml"
LIST = f"{FOLDER}/app/kustomization.yaml"
KS = f"{FOLDER}/ks.yaml"
ENV = "          env:\n"
SETTINGS = f"{FOLDER}/app/settings.yaml"
MAP = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  LEVEL: info\n"
FROM_A_STORE = (
    "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata:\n  name: app\nspec:\n"
    "  refreshInterval: 1h\n  secretStoreRef:\n    kind: ClusterSecretStore\n    name: onepassword\n"
    "  target:\n    name: settings\n{target}{source}"
)
ONE_KEY = "  data:\n    - secretKey: LEVEL\n      remoteRef:\n        key: app\n        property: level\n"
ALL_KEYS = "  dataFrom:\n    - extract:\n        key: app\n"
TEMPLATE = "    template:\n      data:\n        LEVEL: '{{ .level }}'\n"
NAMED = "generatorOptions: {disableNameSuffixHash: true}\n"
GENERATOR = "configMapGenerator:\n  - name: settings\n    literals:\n      - LEVEL=info\nresources:\n"
URL = "    template:\n      data:\n        URL: 'level://{{ .LEVEL | trim }}{{ index . \"LEVEL\" }}'\n"
MOUNTED = (
    "      volumes:\n",
    "            - name: settings\n              mountPath: /level.yaml\n              subPath: level.yaml\n"
    "      volumes:\n        - name: settings\n          configMap:\n            name: settings\n",
)
AWAITS = ("  dependsOn:\n", "  dependsOn:\n    - name: external-secrets\n")


def variable(kind: str, key: str, more: str = "") -> tuple[str, str]:
    """Return the change that adds an environment variable from a key."""
    reference = f"{kind[0].lower()}{kind[1:]}KeyRef"
    lines = ("- name: LEVEL", "  valueFrom:", f"    {reference}:", "      name: settings", f"      key: {key}")
    return ENV, ENV + "".join(f"            {line}\n" for line in lines) + more


def listed(asked: tuple[str, str], text: str) -> dict[str, tuple[str, str]]:
    """Return the changes that add a variable, and list the file with the settings."""
    change = {LIST: ("resources:\n", "resources:\n  - ./settings.yaml\n"), DEPLOYMENT: asked}
    return change | ({KS: AWAITS} if "ExternalSecret" in text else {})


def asks(name: str, kind: str, text: str) -> Mutation:
    """Return a mutation that adds a variable from a key that does not exist."""
    change = listed(variable(kind, "LEVLE"), text)
    return Mutation(name, "key-unknown", DEPLOYMENT, "key: LEVLE", change, {SETTINGS: text})


def fine(name: str, asked: tuple[str, str], text: str) -> Harmless:
    """Return a change that adds a variable from a key that exists, may exist, or need not exist."""
    return Harmless(name, listed(asked, text), {SETTINGS: text})


MUTATIONS = [
    Mutation(
        "a template that reads what the data do not bring",
        "key-unknown",
        SETTINGS,
        "URL",
        listed(variable("Secret", "URL"), "ExternalSecret"),
        {SETTINGS: FROM_A_STORE.format(target=URL.replace(".LEVEL", ".LEVLE"), source=ONE_KEY)},
    ),
    Mutation(
        "a key that is mounted alone, with another ending",
        "key-unknown",
        DEPLOYMENT,
        "subPath: level.yaml",
        {LIST: ("resources:\n", GENERATOR.replace("LEVEL=info", "level.yml=info")), DEPLOYMENT: MOUNTED},
    ),
    Mutation(
        "a key that app-template mounts alone, with another ending",
        "key-unknown",
        f"{APP}/app/helmrelease.yaml",
        "subPath: level.yaml",
        {
            f"{APP}/app/kustomization.yaml": (
                "resources:\n",
                f"generatorOptions: {{disableNameSuffixHash: true}}\n{GENERATOR}".replace(
                    "LEVEL=info", "level.yml=info"
                ),
            ),
            f"{APP}/app/helmrelease.yaml": (
                "    persistence:\n",
                "    persistence:\n      settings:\n        type: configMap\n        name: settings\n"
                "        globalMounts:\n          - path: /level.yaml\n            subPath: level.yaml\n",
            ),
        },
    ),
    asks("a key with a typing error", "ConfigMap", MAP),
    asks("a key that is not taken from the store", "Secret", FROM_A_STORE.format(target="", source=ONE_KEY)),
    asks("a key that the template leaves out", "Secret", FROM_A_STORE.format(target=TEMPLATE, source=ALL_KEYS)),
    Mutation(
        "a key that is not generated",
        "key-unknown",
        DEPLOYMENT,
        "key: LEVLE",
        {LIST: ("resources:\n", GENERATOR), DEPLOYMENT: variable("ConfigMap", "LEVLE")},
    ),
]

HARMLESS = [
    fine("a key that is there", variable("ConfigMap", "LEVEL"), MAP),
    fine(
        "a key that the pod can do without",
        variable("ConfigMap", "LEVLE", "                  optional: true\n"),
        MAP,
    ),
    fine(
        "a key of an item that nobody here can see",
        variable("Secret", "LEVLE"),
        FROM_A_STORE.format(target="", source=ALL_KEYS),
    ),
    Harmless(
        "a key of a Secret that a script makes",
        {DEPLOYMENT: variable("Secret", "LEVLE")},
        {"scripts/own.sh": "kubectl --namespace media create secret generic settings --from-env-file=.env\n"},
    ),
    fine(
        "a template of what the data bring",
        variable("Secret", "URL"),
        FROM_A_STORE.format(target=URL, source=ONE_KEY),
    ),
]
