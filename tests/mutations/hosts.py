"""Host names of Services in texts."""

from tests.mutations.mutation import APP, Harmless, Mutation

RELEASE = f"{APP}/app/helmrelease.yaml"
SERVICE = "        controller: app-template-internal-none\n"


def asking(host: str) -> dict[str, tuple[str, str]]:
    return {RELEASE: (SERVICE, f"{SERVICE}        annotations:\n          example.net/asks: {host}\n")}


MUTATIONS = [
    Mutation(
        "a host in a namespace that is not there",
        "host-namespace-unknown",
        RELEASE,
        "example.net/asks",
        asking("http://notes.medai.svc.cluster.local:8080/api"),
    ),
    Mutation(
        "a short host in a namespace that is not there",
        "host-namespace-unknown",
        RELEASE,
        "example.net/asks",
        asking("notes.medai.svc:8080"),
    ),
]
HARMLESS = [
    Harmless("a host in a namespace that is there", asking("http://notes.media.svc.cluster.local:8080")),
    Harmless("a host of a domain with a label like it", asking("keycloak.nas.svc.example.net")),
    Harmless("a host with a placeholder", asking("http://{}.medai.svc.cluster.local")),
]
