"""Names by which app-template's values refer to one another."""

from tests.mutations.mutation import APP, Harmless, Mutation

RULE = "identifier-unknown"
RELEASE = f"{APP}/app/helmrelease.yaml"
CONTROLLER = "        controller: app-template-internal-none\n"
SERVICE = "                  identifier: app\n"
TMP = "        type: emptyDir\n        globalMounts:\n          - path: /tmp\n"
ADVANCED = (
    "        type: emptyDir\n        advancedMounts:\n          {}:\n            app:\n              - path: /tmp\n"
)

MUTATIONS = [
    Mutation(
        "a service of a controller that is not there",
        RULE,
        RELEASE,
        "controller: main",
        {RELEASE: (CONTROLLER, "        controller: main\n")},
    ),
    Mutation(
        "an ingress to a service that is not there",
        RULE,
        RELEASE,
        "identifier: main",
        {RELEASE: (SERVICE, "                  identifier: main\n")},
    ),
    Mutation(
        "a mount in a controller that is not there",
        RULE,
        RELEASE,
        "main:",
        {RELEASE: (TMP, ADVANCED.format("main"))},
    ),
]
HARMLESS = [
    Harmless("a mount in one controller", {RELEASE: (TMP, ADVANCED.format("app-template-internal-none"))}),
]
