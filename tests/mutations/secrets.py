"""What whoever reads the repository should not be able to read."""

import base64

from tests.mutations.mutation import APP, MEDIA, Mutation

RELEASE = f"{APP}/app/helmrelease.yaml"
LIST = f"{APP}/app/kustomization.yaml"
PLAIN = f"{MEDIA}/manifests-none-none/app/deployment.yaml"
CLEAR = "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: clear\n"
GENERATOR = "secretGenerator:\n  - name: made\n    options:\n      disableNameSuffixHash: true\n"
PEM = f"-----BEGIN {'PRIVATE'} KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----\n"
ENV = '              TZ: "${TIMEZONE}"\n'
# Names of a kind and values of another, none of which is a secret.
NO_SECRETS = (
    "DB_PASSWORD_FILE: /run/secrets/db",
    "API_TOKEN: ${DOMAIN}",
    'USE_PASSWORD: "false"',
    'MAX_TOKEN: "4096"',
    "TOKEN_URL: https://example.com/oauth/token",
    "SMTP_PASSWORD: $(SMTP_PASSWORD_OF_THE_POD)",
    "CLIENT_SECRET: op://Homelab/app/secret",
    'JWT_SECRET: "{{ .Values.elsewhere }}"',
    "ADMIN_PASSWORD: { valueFrom: { secretKeyRef: { name: app, key: password } } }",
)


def secret(name: str, path: str, text: str, at: str, rule: str = "secret-plain") -> Mutation:
    """Return a mutation that adds a readable file."""
    return Mutation(name, rule, path, at, writes={path: text})


def with_env(name: str, *lines: str, at: str) -> Mutation:
    """Return a mutation that adds environment variables to a release."""
    text = "".join(f"              {line}\n" for line in lines)
    return Mutation(name, "secret-in-values", RELEASE, at, {RELEASE: (ENV, ENV + text)})


def with_value(name: str, text: str, at: str) -> Mutation:
    """Return a mutation that adds values to a release."""
    old = "    defaultPodOptions:\n"
    return Mutation(name, "secret-in-values", RELEASE, at, {RELEASE: (old, text + old)})


ENCRYPTED = (
    f"{CLEAR}stringData:\n  a: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops:\n  mac: ENC[AES256_GCM,data:x]\n"
)

RARE = "kubernetes/apps/rare/app-template-root"
DECRYPTION = "  prune: true\n  decryption:\n    provider: sops\n    secretRef:\n      name: sops-age\n"


MUTATIONS = [
    Mutation(
        "an encrypted Secret that nothing decrypts",
        "secret-not-decrypted",
        f"{APP}/app/x.sops.yaml",
        "apiVersion",
        {LIST: ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./x.sops.yaml\n")},
        {f"{APP}/app/x.sops.yaml": ENCRYPTED},
    ),
    Mutation(
        "an encrypted Secret in a folder that nothing builds",
        "secret-not-listed",
        "kubernetes/left/x.sops.yaml",
        "apiVersion",
        writes={"kubernetes/left/x.sops.yaml": ENCRYPTED},
    ),
    secret("a Secret in clear", "kubernetes/clear.yaml", f"{CLEAR}stringData:\n  a: hunter2\n", "a:"),
    secret("a Secret in base64", "kubernetes/clear.yaml", f"{CLEAR}data:\n  a: aHVudGVyMg==\n", "a:"),
    secret(
        "half a Secret in clear",
        "kubernetes/clear.yaml",
        f"{CLEAR}stringData:\n  a: ENC[AES256_GCM,data:x]\n  b: op://Homelab/a/b\n  c: ${{C}}\n  d: '${{D#: }}'\n"
        "  e: hunter2\n  f: ak://homelab/a/b\n  g: ref+vault://homelab/a#/b\n",
        "e:",
    ),
    secret(
        "the address of a backup with its password",
        "kubernetes/clear.yaml",
        f"{CLEAR}stringData:\n  RESTIC_REPOSITORY: rest:https://me:hunter2@nas.example.net/\n",
        "RESTIC_REPOSITORY",
    ),
    secret(
        "a variable with a default",
        "kubernetes/clear.yaml",
        f"{CLEAR}stringData:\n  RESTIC_REPOSITORY: s3:https://s3.example.net/b\n  password: ${{A:-hunter2}}\n",
        "password:",
    ),
    secret(
        "a Secret in a list",
        "kubernetes/clear.yaml",
        "---\napiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: Secret\n"
        "    data:\n      a: aHVudGVyMg==\n",
        "a:",
    ),
    secret(
        "a Secret in a template",
        "bootstrap/clear.yaml.tpl",
        f"{CLEAR}stringData:\n  a: {{{{ op://Homelab/a/b }}}}\n  b: {{{{ hunter2 }}}}\n",
        "b:",
    ),
    secret(
        "a Secret in JSON",
        "bootstrap/clear.json",
        '{\n"apiVersion": "v1",\n"kind": "Secret",\n"stringData": {\n"a": "hunter2"\n}}\n',
        '"a":',
    ),
    Mutation(
        "a literal of a generator of Secrets",
        "secret-plain",
        LIST,
        "a=hunter2",
        {LIST: ("resources:\n", f"{GENERATOR}    literals:\n      - a=hunter2\nresources:\n")},
    ),
    secret("a file that only says it is encrypted", "talos/x.sops.yaml", "a: b\n", "a:", "secret-not-encrypted"),
    secret("variables that only say so", "talos/x.sops.env", "A=b\n", "A=b", "secret-not-encrypted"),
    secret("a private key", "talos/key.pem", PEM, "BEGIN", "secret-readable"),
    secret(
        "a private key in base64",
        "docs/kubeconfig.yaml",
        f"---\nclient-key-data: {base64.b64encode(PEM.encode()).decode()}\n",
        "client-key-data",
        "secret-readable",
    ),
    secret("a key of age", "docs/age.md", f"Key:\n{'AGE-SECRET-KEY'}-1{'Q' * 58}\n", "AGE", "secret-readable"),
    secret("a token of GitHub", "docs/token.sh", f"# Token\nTOKEN={'ghp'}_{'a1B2' * 9}\n", "TOKEN", "secret-readable"),
    with_env("a password in the environment", "DB_PASSWORD: hunter2", at="DB_PASSWORD"),
    with_env("a password of digits", "DB_PASSWORD: 12345678", at="DB_PASSWORD"),
    with_env("a secret among what is none", *NO_SECRETS, "APP_SECRET: 0f3d2c8ab1", at="APP_SECRET"),
    with_env("a password with its own mapping", "DB_PASSWORD:", "  value: hunter2", at="value: hunter2"),
    Mutation(
        "a password in a list of variables",
        "secret-in-values",
        RELEASE,
        "value: hunter2",
        {
            RELEASE: (
                f"            env:\n{ENV}",
                '            env:\n              - name: TZ\n                value: "${TIMEZONE}"\n'
                "              - name: DB_PASSWORD\n                value: hunter2\n",
            )
        },
    ),
    with_value("a password of a chart", "    auth:\n      adminPassword: hunter2\n", "adminPassword"),
    with_value("a token of a chart", "    remote:\n      api-key: 0f3d2c8ab1f3\n", "api-key"),
    with_value(
        "a password beside keys of a Secret",
        "    auth:\n      existingSecret: app\n      password: password\n    other:\n      password: hunter2\n",
        "password: hunter2",
    ),
    Mutation(
        "a password in a pod",
        "secret-in-values",
        PLAIN,
        "value: hunter2",
        {
            PLAIN: (
                '              value: "${TIMEZONE}"\n',
                '              value: "${TIMEZONE}"\n            - name: DB_PASSWORD\n              value: hunter2\n',
            )
        },
    ),
    Mutation(
        "a key for two namespaces",
        "decryption-key-spread",
        f"{APP}/app/key.sops.yaml",
        "name: sops-age",
        {
            f"{APP}/ks.yaml": ("  prune: true\n", DECRYPTION),
            LIST: ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./key.sops.yaml\n"),
            f"{RARE}/ks.yaml": ("  prune: true\n", DECRYPTION),
            f"{RARE}/app/kustomization.yaml": ("resources:\n", "resources:\n  - ./key.sops.yaml\n"),
        },
        {f"{folder}/app/key.sops.yaml": ENCRYPTED.replace("clear", "sops-age") for folder in (APP, RARE)},
    ),
]
