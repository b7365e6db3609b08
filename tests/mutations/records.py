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

HARMLESS = [
    Harmless("a target under both prefixes", {INGRESS: (TARGET, f"{TARGET}\n    {OLD_TARGET}")}),
    Harmless("external-dns by its default", {DNS: (PREFIX, "")}),
    # k8s_gateway reads it.
    Harmless("a Service with a name for home", {SERVICE: ("metadata:\n", OLD_NAME)}),
]
