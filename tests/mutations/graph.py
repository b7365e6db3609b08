"""What waits for what."""

from tests.mutations.mutation import APP, OTHER, Harmless, Mutation

KS = f"{APP}/ks.yaml"
NAME = "app-template-internal-none"
DEPENDS = "    - name: nginx-internal\n"

CERTIFICATE = "kubernetes/apps/network/wildcard-certificate"


def with_remote(url: str) -> dict[str, tuple[str, str]]:
    """Return the changes that make a provider build something from elsewhere, and not wait for it."""
    return {
        f"{CERTIFICATE}/ks.yaml": ("wait: true", "wait: false"),
        f"{CERTIFICATE}/app/kustomization.yaml": (
            "resources:\n",
            f"resources:\n  - {url} # allow resource-fetched: it is meant so\n",
        ),
    }


MUTATIONS = [
    Mutation(
        "a dependency with a typing error",
        "depends-on-unknown",
        KS,
        "name: nginx-interna",
        {KS: ("- name: nginx-internal\n", "- name: nginx-interna\n")},
    ),
    Mutation(
        "a dependency in another namespace",
        "depends-on-unknown",
        KS,
        "name: nginx-internal",
        {KS: ("- name: nginx-internal\n", "- name: nginx-internal\n      namespace: network\n")},
    ),
    Mutation(
        "a release that waits for one that is not there",
        "depends-on-unknown",
        f"{APP}/app/helmrelease.yaml",
        "name: nobody",
        {f"{APP}/app/helmrelease.yaml": ("spec:\n  interval", "spec:\n  dependsOn:\n    - name: nobody\n  interval")},
    ),
    Mutation(
        "an app that waits for itself",
        "depends-on-cycle",
        KS,
        f"name: {NAME}",
        {KS: (DEPENDS, f"{DEPENDS}    - name: {NAME}\n")},
    ),
    Mutation(
        "two apps that wait for each other",
        "depends-on-cycle",
        f"{OTHER}/ks.yaml",
        f"name: {NAME}",
        {
            KS: (DEPENDS, f"{DEPENDS}    - name: app-template-external-none\n"),
            f"{OTHER}/ks.yaml": ("  dependsOn:\n", f"  dependsOn:\n    - name: {NAME}\n"),
        },
    ),
    Mutation(
        "a provider that is ready before its pods",
        "depends-on-not-waiting",
        "kubernetes/apps/network/nginx-internal/ks.yaml",
        "wait: false",
        {"kubernetes/apps/network/nginx-internal/ks.yaml": ("wait: true", "wait: false")},
    ),
    Mutation(
        "health checks that are ignored",
        "health-check-dead",
        KS,
        "healthChecks:",
        {
            KS: (
                "  wait: true\n",
                "  wait: true\n  healthChecks:\n    - apiVersion: helm.toolkit.fluxcd.io/v2\n      kind: HelmRelease\n"
                f"      name: {NAME}\n      namespace: media\n",
            )
        },
    ),
    *(
        Mutation(
            name,
            rule,
            KS,
            "apiVersion: helm",
            {
                KS: (
                    "  wait: true\n",
                    "  wait: false\n  healthChecks:\n    - apiVersion: helm.toolkit.fluxcd.io/v2\n"
                    f"      kind: HelmRelease\n      name: {NAME}\n{namespace}",
                )
            },
        )
        for name, rule, namespace in (
            ("a health check without a namespace", "health-check-without-namespace", ""),
            ("a health check in another namespace", "health-check-unknown", "      namespace: network\n"),
        )
    ),
    Mutation(
        "a provider that is ready before pods from elsewhere",
        "depends-on-not-waiting",
        f"{CERTIFICATE}/ks.yaml",
        "wait: false",
        with_remote("https://github.com/example/app/releases/download/v1.2.3/install.yaml"),
    ),
]

HARMLESS = [
    Harmless(
        "a release that waits for one whose name Flux fills in",
        {
            f"{APP}/app/helmrelease.yaml": (
                "spec:\n  interval",
                "spec:\n  dependsOn:\n    - name: ${STORE:=nobody}\n  interval",
            )
        },
    ),
    Harmless(
        "a provider of definitions from elsewhere",
        with_remote("https://github.com/example/app/releases/download/v1.2.3/crds.yaml"),
    ),
]
