"""What Flux fills in after it has built a Kustomization."""

from tests.mutations.mutation import APP, Mutation

KS = f"{APP}/ks.yaml"
RELEASE = f"{APP}/app/helmrelease.yaml"
LIST = f"{APP}/app/kustomization.yaml"
PLAIN = "kubernetes/apps/media/manifests-none-none/app/deployment.yaml"
PLAIN_KS = "kubernetes/apps/media/manifests-none-none/ks.yaml"
SETTINGS = "kubernetes/flux/meta/settings/cluster-settings.yaml"
REPOSITORY = "kubernetes/flux/meta/repos/app-template.yaml"
ENV = '              TZ: "${TIMEZONE}"\n'
LISTED = {LIST: ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./script.yaml\n")}
SCRIPT = (
    "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: script\ndata:\n  run.sh: |\n    #!/bin/sh\n    set -eu\n"
)
GENERATOR = "configMapGenerator:\n  - name: made\n    options:\n      disableNameSuffixHash: true\n"


def with_post_build(text: str) -> dict[str, tuple[str, str]]:
    """Return the change that makes an app fill in more than the others."""
    return {KS: ("  prune: true\n", f"  prune: true\n  postBuild:\n{text}")}


def with_env(text: str) -> dict[str, tuple[str, str]]:
    """Return the change that adds an environment variable to an app."""
    return {RELEASE: (ENV, f"{ENV}              {text}\n")}


SOURCE = "    substituteFrom:\n      - kind: ConfigMap\n        name: cluster-settings\n"
# The same without the root's defaults, which would replace its list.
WITHOUT_DEFAULTS = (
    "  namespace: flux-system\nspec:\n",
    "  namespace: flux-system\n  labels:\n    flux.home.arpa/defaults: disabled\nspec:\n",
)
RETRIES = "".join(f"  {action}:\n    remediation:\n      retries: 3\n" for action in ("install", "upgrade"))
TRIED_AGAIN = {RELEASE: ("spec:\n  interval", f"spec:\n{RETRIES}  interval")}


def alone_with(post_build: str) -> dict[str, tuple[str, str]]:
    """Return the changes that exempt an app from the root's defaults."""
    old, new = WITHOUT_DEFAULTS
    return {KS: (old, f"{new}{post_build}")} | TRIED_AGAIN


MUTATIONS = [
    Mutation(
        "a variable without its dollar sign",
        "substitution-misspelt",
        f"{APP}/app/script.yaml",
        "externalName: nas.{DOMAIN}",
        LISTED,
        {
            f"{APP}/app/script.yaml": "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: nas\nspec:\n"
            "  type: ExternalName\n  externalName: nas.{DOMAIN}\n"
        },
    ),
    Mutation(
        "a variable with a typing error",
        "substitution-undefined",
        RELEASE,
        "TZ:",
        {RELEASE: ("${TIMEZONE}", "${TIMEZOEN}")},
    ),
    Mutation(
        "a variable that nobody defines",
        "substitution-undefined",
        RELEASE,
        "SERVER:",
        with_env("SERVER: http://${FAR_AWAY_HOST}"),
    ),
    Mutation(
        "a variable with an operation and no default",
        "substitution-undefined",
        RELEASE,
        "SERVER:",
        with_env("SERVER: ${OTHER_THING//./-}"),
    ),
    Mutation(
        "the second of two variables",
        "substitution-undefined",
        RELEASE,
        "SERVER:",
        with_env("SERVER: $${A} ${B:-c} ${DOMAIN/./-} $E ${QUITE_ANOTHER}"),
    ),
    Mutation(
        "a variable as a key",
        "substitution-undefined",
        RELEASE,
        '"${WHICH}"',
        with_env('"${WHICH}": here'),
    ),
    Mutation(
        "a variable of a plain manifest",
        "substitution-undefined",
        PLAIN,
        'value: "${TZ}"',
        {PLAIN: ('value: "${TIMEZONE}"', 'value: "${TZ}"')},
    ),
    Mutation(
        "a variable of a group that a program counts",
        "substitution-undefined",
        RELEASE,
        "REPLACEMENT:",
        with_env('REPLACEMENT: "${1}:9100"'),
    ),
    Mutation(
        "a script that Flux fills in",
        "substitution-undefined",
        f"{APP}/app/script.yaml",
        'echo "${name}"',
        LISTED,
        {f"{APP}/app/script.yaml": f'{SCRIPT}    name=x\n    echo "$${{name}}"\n    echo "${{name}}"\n'},
    ),
    Mutation(
        "a file of a generator",
        "substitution-undefined",
        f"{APP}/app/made.ini",
        "home = ${HOME_PAGE}",
        {LIST: ("resources:\n", f"{GENERATOR}    files:\n      - ./made.ini\nresources:\n")},
        {f"{APP}/app/made.ini": "[made]\nhome = ${HOME_PAGE}\n"},
    ),
    Mutation(
        "a literal of a generator",
        "substitution-undefined",
        LIST,
        "home=${HOME_PAGE}",
        {LIST: ("resources:\n", f"{GENERATOR}    literals:\n      - home=${{HOME_PAGE}}\nresources:\n")},
    ),
    Mutation(
        "an array of a script",
        "substitution-malformed",
        f"{APP}/app/script.yaml",
        "for file in",
        LISTED,
        {f"{APP}/app/script.yaml": f'{SCRIPT}    files=(*.mkv)\n    for file in "${{files[@]}}"; do echo; done\n'},
    ),
    Mutation(
        "a default as a shell writes it",
        "substitution-malformed",
        RELEASE,
        "SERVER:",
        with_env("SERVER: ${TIMEZONE-UTC}"),
    ),
    Mutation(
        "a variable that a shell would insist on",
        "substitution-unlike-shell",
        RELEASE,
        "SERVER:",
        with_env('SERVER: "${NOT_THERE:?must be set}"'),
    ),
    Mutation(
        "a text that a shell would put in the place of a variable that is set",
        "substitution-unlike-shell",
        RELEASE,
        "SERVER:",
        with_env('SERVER: "${DOMAIN:+https}"'),
    ),
    Mutation(
        "an expression of another language",
        "substitution-malformed",
        RELEASE,
        "SERVER:",
        with_env("SERVER: ${{ inputs.server }}"),
    ),
    Mutation(
        "a variable without an end",
        "substitution-malformed",
        RELEASE,
        "SERVER:",
        with_env("SERVER: https://${DOMAIN/"),
    ),
    Mutation(
        "a file of a generator that Flux can't parse",
        "substitution-malformed",
        f"{APP}/app/made.ini",
        "home = ${home.page}",
        {LIST: ("resources:\n", f"{GENERATOR}    files:\n      - ./made.ini\nresources:\n")},
        {f"{APP}/app/made.ini": "[made]\nhome = ${home.page}\n"},
    ),
    Mutation(
        "variables from a ConfigMap with a typing error",
        "substitution-source-missing",
        KS,
        "kind: ConfigMap",
        alone_with(f"  postBuild:\n{SOURCE.replace('settings', 'setting')}"),
    ),
    Mutation(
        "variables from a Secret that nobody makes",
        "substitution-source-missing",
        KS,
        "kind: Secret",
        alone_with(f"  postBuild:\n{SOURCE}      - kind: Secret\n        name: cluster-secrets\n"),
    ),
    Mutation(
        "variables from a ConfigMap in another namespace",
        "substitution-source-missing",
        KS,
        "kind: ConfigMap # here",
        alone_with(f"  postBuild:\n{SOURCE}      - kind: ConfigMap # here\n        name: script\n") | LISTED,
        {f"{APP}/app/script.yaml": SCRIPT},
    ),
    Mutation(
        "a variable that nothing uses",
        "substitution-unused",
        KS,
        "APP:",
        with_post_build("    substitute:\n      APP: x\n"),
    ),
    Mutation(
        "one of two variables that nothing uses",
        "substitution-unused",
        KS,
        "AP:",
        with_post_build("    substitute:\n      AP: x\n      APP: x\n") | with_env("SERVER: ${APP}"),
    ),
    Mutation(
        "a number for an environment variable, once it is filled in",
        "field-type",
        PLAIN,
        'value: "${PORT}"',
        {PLAIN: ('value: "${TIMEZONE}"', 'value: "${PORT}"'), SETTINGS: ("\ndata:\n", '\ndata:\n  PORT: "8080"\n')},
    ),
    Mutation(
        "a boolean for an annotation, once it is filled in",
        "field-type",
        PLAIN,
        'annotations: {a: "${FLAG}"}',
        {
            PLAIN: ("metadata:\n  name", 'metadata:\n  annotations: {a: "${FLAG}"}\n  name'),
            SETTINGS: ("\ndata:\n", '\ndata:\n  FLAG: "yes"\n'),
        },
    ),
    Mutation(
        "a text for a number, once it is filled in",
        "field-type",
        PLAIN,
        "replicas: ${TIMEZONE}",
        {PLAIN: ("  replicas: 1\n", "  replicas: ${TIMEZONE}\n")},
    ),
    Mutation(
        "a value that ends the text it is put into",
        "substitution-breaks-yaml",
        PLAIN,
        'value: "${TITLE}"',
        {
            PLAIN: ('value: "${TIMEZONE}"', 'value: "${TITLE}"'),
            SETTINGS: ("\ndata:\n", '\ndata:\n  TITLE: "home: mine"\n'),
        },
    ),
    Mutation(
        "no substitution at all",
        "substitution-off",
        PLAIN,
        'value: "${TIMEZONE}"',
        {PLAIN_KS: WITHOUT_DEFAULTS},
    ),
    Mutation(
        "a variable in what the root applies",
        "substitution-off",
        REPOSITORY,
        "url:",
        {REPOSITORY: ("oci://ghcr.io/", "oci://${DOMAIN}/")},
    ),
]
