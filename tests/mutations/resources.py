"""What pods ask for and may take."""

from tests.mutations.mutation import APP, MEDIA, Harmless, Mutation

RELEASE = f"{APP}/app/helmrelease.yaml"
MANIFESTS = f"{MEDIA}/manifests-internal-none/app/deployment.yaml"
CRONJOB = "kubernetes/apps/rare/manifests-cronjob/app/cronjob.yaml"
CHART = f"{MEDIA}/chart-internal-none/app/helmrelease.yaml"
RULE = "resources-missing"

OWN = (
    "            resources:\n              requests:\n                cpu: 10m\n                memory: 128Mi\n"
    "              limits:\n                memory: 512Mi\n"
)
EMPTY = "            resources: {}\n"
LIMITS = "limits:\n                memory: 512Mi\n"
REQUESTS = "requests:\n                cpu: 10m\n                memory: 128Mi\n"
OF_CHART = (
    '    resources:\n      requests:\n        cpu: "10m"\n        memory: "128Mi"\n'
    '      limits:\n        memory: "512Mi"\n'
)
CONTAINERS = "        containers:\n          app:\n"
SECOND = (
    "          second:\n            image:\n              repository: ghcr.io/example/app\n              tag: 1.2.3\n"
)
FIRST = f"        initContainers:\n{SECOND}".replace("second", "first")
DEFAULTS = "        defaultContainerOptions:\n          resources:\n            requests:\n              cpu: 10m\n"

MUTATIONS = [
    Mutation("a container with empty resources", RULE, RELEASE, "resources:", {RELEASE: (OWN, EMPTY)}),
    Mutation(
        "a container without resources",
        RULE,
        RELEASE,
        "second:",
        {RELEASE: (CONTAINERS, CONTAINERS.replace("          app:", f"{SECOND}          app:"))},
    ),
    Mutation(
        "a container without a memory limit",
        RULE,
        RELEASE,
        "resources:",
        {RELEASE: (LIMITS, "limits:\n                cpu: 1\n")},
    ),
    Mutation("a container without requests", RULE, RELEASE, "resources:", {RELEASE: (REQUESTS, "requests: {}\n")}),
    Mutation(
        "a first container without resources", RULE, RELEASE, "first:", {RELEASE: (CONTAINERS, FIRST + CONTAINERS)}
    ),
    Mutation(
        "defaults without a memory limit",
        RULE,
        RELEASE,
        "second:",
        {RELEASE: (CONTAINERS, DEFAULTS + CONTAINERS.replace("          app:", f"{SECOND}          app:"))},
    ),
    Mutation(
        "a manifest's container without requests",
        RULE,
        MANIFESTS,
        "resources:",
        {MANIFESTS: ("            requests:\n              cpu: 10m\n              memory: 128Mi\n", "")},
    ),
    Mutation(
        "a manifest's container without a memory limit",
        RULE,
        MANIFESTS,
        "resources:",
        {MANIFESTS: ("            limits:\n              memory: 512Mi\n", "")},
    ),
    Mutation(
        "a manifest's first container without resources",
        RULE,
        MANIFESTS,
        "name: first",
        {
            MANIFESTS: (
                "      containers:\n",
                "      initContainers:\n        - name: first\n          image: busybox:1.37.0\n      containers:\n",
            )
        },
    ),
    Mutation(
        "a scheduled container without a memory limit",
        RULE,
        CRONJOB,
        "resources:",
        {CRONJOB: ("limits:\n                  memory: 512Mi\n", "limits: {}\n")},
    ),
    Mutation(
        "a chart without resources", "resources-unsaid", CHART, "values:", {CHART: (OF_CHART, "    replicas: 1\n")}
    ),
    Mutation(
        "a chart with empty resources", "resources-unsaid", CHART, "values:", {CHART: (OF_CHART, "    resources: {}\n")}
    ),
    Mutation(
        "a chart with the resources of a claim alone",
        "resources-unsaid",
        CHART,
        "values:",
        {CHART: (OF_CHART, "    claim:\n      resources:\n        requests:\n          storage: 1Gi\n")},
    ),
    Mutation("a chart without values", "resources-unsaid", CHART, "spec:", {CHART: (f"  values:\n{OF_CHART}", "")}),
]

COREDNS = "kubernetes/apps/kube-system/coredns/app/helmrelease.yaml"
VENDOR = "kubernetes/flux/meta/repos/vendor.yaml"
HARMLESS = [
    Harmless("a chart that brings resources", {COREDNS: ("    resources:\n", "    unused:\n")}),
    *(
        Harmless(
            f"{chart}, which brings resources",
            {VENDOR: ("/vendor\n", f"/{chart}\n"), CHART: (OF_CHART, "    replicas: 1\n")},
        )
        for chart in ("forgejo-runner", "miroir", "tofu-controller")
    ),
]
