"""Values that a release takes from ConfigMaps: files that a generator reads, and texts in manifests."""

from tests.mutations.mutation import MEDIA, Harmless, Mutation

FOLDER = f"{MEDIA}/chart-internal-none/app"
RELEASE = f"{FOLDER}/helmrelease.yaml"
LIST = f"{FOLDER}/kustomization.yaml"
VALUES = f"{FOLDER}/helm/values.yaml"
MANIFEST = f"{FOLDER}/settings.yaml"
OWN = (
    '  values:\n    resources:\n      requests:\n        cpu: "10m"\n        memory: "128Mi"\n'
    '      limits:\n        memory: "512Mi"\n'
)
RESOURCES = "resources:\n  requests:\n    memory: 128Mi\n  limits:\n    memory: 512Mi\n"
READABLE = "auth:\n  password: readable-by-all\n"
REFERENCE = "auth:\n  password: op://Homelab/app/password\n"
GENERATOR = (
    "generatorOptions:\n  disableNameSuffixHash: true\nconfigMapGenerator:\n  - name: settings\n    files:\n"
    "      - values.yaml=./helm/values.yaml\n"
)
SETTINGS = "    - kind: ConfigMap\n      name: settings\n"
OTHERS = "    - kind: ConfigMap\n      name: settings\n      valuesKey: others.yaml\n"
UNKNOWN = "    - kind: ConfigMap\n      name: unknown\n      optional: true\n"
OPTIONAL = "    - kind: Secret\n      name: more-settings\n      optional: true\n"
FOR_ONE_PLACE = (
    "    - kind: ConfigMap\n      name: settings\n      valuesKey: password\n      targetPath: auth.password\n"
)


def data(**texts: str) -> str:
    """Return the data of a ConfigMap, as block scalars."""
    entries = {key.replace("_", "."): text for key, text in texts.items()}
    return "".join(f"  {key}: |\n{indented(text, 4)}" for key, text in entries.items())


def indented(text: str, spaces: int) -> str:
    return "".join(f"{' ' * spaces}{line}\n" for line in text.splitlines())


def generated(name: str, values: str, *, own: str = "", more: str = "") -> Harmless:
    """Return a harmless change: a release whose values are in a file that a generator reads."""
    release = (OWN, f"  valuesFrom:\n{SETTINGS}{more}{own}")
    return Harmless(
        name, {RELEASE: release, LIST: ("resources:\n", f"{GENERATOR}resources:\n")}, {VALUES: f"---\n{values}"}
    )


def plain(name: str, text: str, sources: str = SETTINGS, own: str = OWN) -> Harmless:
    """Return a harmless change: a release whose values are in a ConfigMap that is a manifest."""
    release = (OWN, f"  valuesFrom:\n{sources}{own}")
    listed = ("  - ./ingress.yaml\n", "  - ./ingress.yaml\n  - ./settings.yaml\n")
    head = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n"
    return Harmless(name, {RELEASE: release, LIST: listed}, {MANIFEST: head + text})


def defect(change: Harmless, rule: str, found_in: str, at: str) -> Mutation:
    """Return the same change where it does harm."""
    return Mutation(change.name, rule, found_in, at, change.replaces, change.writes)


def in_file(name: str, rule: str, at: str, values: str) -> Mutation:
    """Return a defect in the file that a generator reads, in a release that is fine otherwise."""
    return defect(generated(name, RESOURCES + values), rule, VALUES, at)


def password(name: str, text: str, sources: str = SETTINGS) -> Mutation:
    """Return a defect: a password in a ConfigMap."""
    return defect(plain(name, text, sources), "secret-in-values", MANIFEST, "password: readable")


MUTATIONS = [
    in_file("a password in a values file", "secret-in-values", "password:", READABLE),
    in_file("an image in a values file", "version-floating", "tag:", "image:\n  repository: a/b\n  tag: latest\n"),
    in_file(
        "a class in a values file",
        "class-unknown",
        "ingressClassName:",
        "ingress:\n  enabled: true\n  ingressClassName: nginx\n",
    ),
    in_file(
        "storage in a values file",
        "storage-class-unknown",
        "storageClass:",
        "persistence:\n  enabled: true\n  storageClass: fast\n",
    ),
    in_file(
        "an address in a values file",
        "address-outside-pool",
        "lbipam.cilium.io/ips:",
        "service:\n  type: LoadBalancer\n  annotations:\n    lbipam.cilium.io/ips: 203.0.113.7\n",
    ),
    in_file("a variable in a values file", "substitution-undefined", "host:", "host: app.${DOMIAN}\n"),
    defect(generated("a values file without resources", "a: 1\n"), "resources-unsaid", RELEASE, "valuesFrom:"),
    defect(
        generated("a value over a values file's", RESOURCES, own="  values:\n    resources: null\n"),
        "resources-unsaid",
        RELEASE,
        "values:",
    ),
    password("a password in a ConfigMap", data(values_yaml=READABLE)),
    password("a password under another key", data(values_yaml="a: 1\n", others_yaml=READABLE), OTHERS),
    password("a password that comes last", data(values_yaml=REFERENCE, others_yaml=READABLE), SETTINGS + OTHERS),
    password("a password for one place", "  password: readable-by-all\n", FOR_ONE_PLACE),
]

HARMLESS = [
    generated("resources in a values file", RESOURCES),
    generated(
        "a password that the release itself replaces",
        RESOURCES + READABLE,
        own=f"  values:\n{indented(REFERENCE, 4)}",
    ),
    plain(
        "a password that a later ConfigMap replaces",
        data(values_yaml=READABLE, others_yaml=REFERENCE),
        SETTINGS + OTHERS,
    ),
    generated("resources that a Secret may bring", "a: 1\n", more=OPTIONAL),
    plain("resources that an unknown ConfigMap may bring", data(values_yaml="a: 1\n"), UNKNOWN, ""),
    plain("values that are no YAML", data(values_yaml="a: [\n"), own=""),
]
