"""DNS records: what external-dns reads on apps."""

from tests.mutations.mutation import OTHER, Harmless, Mutation

INGRESS = "kubernetes/apps/media/manifests-external-none/app/ingress.yaml"
RELEASE = f"{OTHER}/app/helmrelease.yaml"
DNS = "kubernetes/apps/network/external-dns/app/helmrelease.yaml"
GATEWAY = "kubernetes/apps/network/k8s-gateway/app/helmrelease.yaml"
SERVICE = "kubernetes/apps/media/manifests-internal-none/app/service.yaml"
READ, UNREAD = "external-dns.kubernetes.io/", "external-dns.alpha.kubernetes.io/"
TARGET = f'{READ}target: "external.${{DOMAIN}}"'
OLD_TARGET = TARGET.replace(READ, UNREAD)
PREFIX = f"    annotationPrefix: {READ}\n"
OLD_NAME = f"metadata:\n  annotations:\n    {UNREAD}hostname: lan.example.net\n"

MUTATIONS = [
    Mutation(
        "an Ingress with a target under the old prefix",
        "annotation-prefix-unread",
        INGRESS,
        OLD_TARGET,
        {INGRESS: (TARGET, OLD_TARGET)},
    ),
    Mutation(
        "a release with a target under the old prefix",
        "annotation-prefix-unread",
        RELEASE,
        OLD_TARGET,
        {RELEASE: (TARGET, OLD_TARGET)},
    ),
    Mutation(
        "an app that asks for Cloudflare's proxy under the old prefix",
        "annotation-prefix-unread",
        INGRESS,
        f'{UNREAD}cloudflare-proxied: "true"',
        {INGRESS: (TARGET, f'{TARGET}\n    {UNREAD}cloudflare-proxied: "true"')},
    ),
    Mutation(
        "external-dns by its default, and a target under the old prefix",
        "annotation-prefix-unread",
        INGRESS,
        OLD_TARGET,
        {INGRESS: (TARGET, OLD_TARGET), DNS: (PREFIX, "")},
    ),
]

EXTRA = "kubernetes/apps/network/external-record/app/extra.yaml"
LIST = "kubernetes/apps/network/external-record/app/kustomization.yaml"
ENDPOINT = (
    "---\napiVersion: externaldns.k8s.io/v1alpha1\nkind: DNSEndpoint\nmetadata:\n  name: extra\nspec:\n  endpoints:\n"
    "    - dnsName: vpn.example.net\n      recordType: CNAME\n      targets:\n        - home.example.net\n"
    "      providerSpecific:\n        - name: {prefix}cloudflare-proxied\n          value: 'false'\n"
)
ARGUMENTS = "    extraArgs:\n"
LISTED = {LIST: ("resources:\n", "resources:\n  - ./extra.yaml\n")}

MUTATIONS += [
    Mutation(
        "a record that asks for no proxy under the old prefix",
        "annotation-prefix-unread",
        EXTRA,
        f"name: {UNREAD}cloudflare-proxied",
        LISTED,
        {EXTRA: ENDPOINT.format(prefix=UNREAD)},
    ),
    Mutation(
        "a filter for the old prefix among the arguments",
        "annotation-prefix-unread",
        DNS,
        "annotation-filter",
        {DNS: (ARGUMENTS, f"{ARGUMENTS}      annotation-filter: {UNREAD}target\n")},
    ),
    Mutation(
        "a filter for the old prefix",
        "annotation-prefix-unread",
        DNS,
        "annotationFilter",
        {DNS: (PREFIX, f"{PREFIX}    annotationFilter: {UNREAD}target in (a, b)\n")},
    ),
]

HARMLESS = [
    Harmless("a record that asks for no proxy", LISTED, {EXTRA: ENDPOINT.format(prefix=READ)}),
    Harmless("a filter for the prefix that is read", {DNS: (PREFIX, f"{PREFIX}    annotationFilter: {READ}target\n")}),
    Harmless("a target under both prefixes", {INGRESS: (TARGET, f"{TARGET}\n    {OLD_TARGET}")}),
    Harmless("external-dns by its default", {DNS: (PREFIX, "")}),
    # k8s_gateway reads it.
    Harmless("a Service with a name for home", {SERVICE: ("metadata:\n", OLD_NAME)}),
]
