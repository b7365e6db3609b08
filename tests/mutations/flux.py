"""What Flux is told about each Kustomization and HelmRelease."""

from tests.mutations.mutation import APP, ROOT, Harmless, Mutation

KS = f"{APP}/ks.yaml"
RELEASE = f"{APP}/app/helmrelease.yaml"
OWN = "    - target:\n        kind: HelmRelease\n      patch: |-\n        - op: remove\n          path: /spec/timeout\n"

# An app that the root's defaults leave alone, and what it then says itself.
ALONE = {
    KS: (
        "  namespace: flux-system\nspec:\n",
        "  namespace: flux-system\n  labels:\n    flux.home.arpa/defaults: disabled\nspec:\n  postBuild:\n"
        "    substituteFrom:\n      - kind: ConfigMap\n        name: cluster-settings\n",
    )
}
# Where a new cluster says which intervals it has for what.
TIERS = {
    "AGENTS.md": (" Critical: 5m and 5m; core: 15m and 10m.", ""),
    "docs/runbooks/add-an-app.md": ("critical 5m and 5m, core 15m and 10m,", "as every app,"),
}
FLUX = "kubernetes/apps/flux-system/flux-instance/app/helmrelease.yaml"
SOURCE = "kubernetes/flux/meta/repos/app-template.yaml"
OLD_SOURCE = {SOURCE: ("source.toolkit.fluxcd.io/v1\n", "source.toolkit.fluxcd.io/v1beta2\n")}


def with_retries(install: str, upgrade: str) -> dict[str, tuple[str, str]]:
    actions = "".join(
        f"  {action}:\n    remediation:\n      retries: {retries} # {action}\n"
        for action, retries in (("install", install), ("upgrade", upgrade))
        if retries
    )
    return ALONE | {RELEASE: ("spec:\n  interval", f"spec:\n{actions}  interval")}


MUTATIONS = [
    Mutation("an install for ever", "retries-forever", RELEASE, "retries: -1", with_retries("-1", "3")),
    Mutation("an upgrade for ever", "retries-forever", RELEASE, "retries: -1", with_retries("3", "-1")),
    Mutation(
        "installs for ever by the root's patch",
        "retries-forever",
        "kubernetes/apps/cert-manager/cert-manager/app/helmrelease.yaml",
        "spec:",
        {
            ROOT: (
                "name: RetryOnFailure\n",
                "name: RemediateOnFailure\n                    remediation:\n                      retries: -1\n",
            )
        },
    ),
    Mutation("no remediation at all", "no-remediation", RELEASE, "spec:", ALONE),
    Mutation("no remediation of upgrades", "no-remediation", RELEASE, "spec:", with_retries("3", "")),
    Mutation(
        "an own patch about nothing",
        "patch-without-target",
        KS,
        "target:",
        {KS: (ALONE[KS][0], ALONE[KS][1] + "  patches:\n" + OWN.replace("HelmRelease", "DaemonSet"))}
        | {RELEASE: with_retries("3", "3")[RELEASE]},
    ),
    Mutation(
        "an interval outside the tiers",
        "interval-unusual",
        KS,
        "interval: 10m",
        {KS: ("  interval: 1h\n", "  interval: 10m\n")},
    ),
    Mutation(
        "an interval of a release outside the tiers",
        "interval-unusual",
        RELEASE,
        "interval: 10m",
        {RELEASE: ("  interval: 1h\n", "  interval: 10m\n")},
    ),
    Mutation(
        "an hour for what is critical",
        "interval-unusual",
        "kubernetes/apps/kube-system/cilium/ks.yaml",
        "interval: 1h",
        {"kubernetes/apps/kube-system/cilium/ks.yaml": ("  interval: 5m\n", "  interval: 1h\n")},
    ),
    Mutation(
        "half an hour for a release that is core",
        "interval-unusual",
        "kubernetes/apps/kube-system/metrics-server/app/helmrelease.yaml",
        "interval: 30m",
        {
            "kubernetes/apps/kube-system/metrics-server/app/helmrelease.yaml": (
                "  interval: 15m\n  timeout",
                "  interval: 30m\n  timeout",
            )
        },
    ),
    Mutation(
        "an interval that is no duration",
        "field-form",
        KS,
        "interval: 1 hour",
        {KS: ("  interval: 1h\n", "  interval: 1 hour\n")},
    ),
    Mutation("no timeout", "no-timeout", KS, "spec:", {KS: ("  timeout: 10m\n", "")}),
    Mutation(
        "no retry interval in any app",
        "tries-unsaid",
        "kubernetes/apps/default/echo/ks.yaml",
        "spec:",
        {
            ROOT: (
                "        spec:\n          postBuild:\n",
                "        spec:\n          retryInterval: null\n          postBuild:\n",
            )
        },
    ),
    Mutation("no word about readiness", "readiness-unsaid", KS, "spec:", {KS: ("  wait: true\n", "")}),
    Mutation("no retry interval", "no-retry-interval", KS, "spec:", {KS: ("  retryInterval: 2m\n", "")}),
    Mutation(
        "no retry interval within ten minutes",
        "no-retry-interval",
        KS,
        "spec:",
        TIERS | {KS: ("  interval: 1h\n  retryInterval: 2m\n", "  interval: 10m\n")},
    ),
    Mutation(
        "an old version of the HelmRelease",
        "api-deprecated",
        RELEASE,
        "apiVersion",
        {RELEASE: ("helm.toolkit.fluxcd.io/v2\n", "helm.toolkit.fluxcd.io/v2beta2\n")},
    ),
    Mutation("an old version of the source", "api-deprecated", SOURCE, "apiVersion", OLD_SOURCE),
    Mutation(
        "an old version of the source for the first Flux with a new one",
        "api-deprecated",
        SOURCE,
        "apiVersion",
        OLD_SOURCE | {FLUX: ("version: 2.9.6", "version: 2.6.0")},
    ),
    Mutation(
        "substitutions that the root's patch replaces",
        "root-patch-replaces",
        KS,
        "substituteFrom:",
        {
            KS: (
                "  prune: true\n",
                "  prune: true\n  postBuild:\n    substituteFrom:\n      - kind: Secret\n        name: mine\n",
            )
        },
    ),
    Mutation(
        "patches that the root's patch replaces",
        "root-patch-replaces",
        KS,
        "patches:",
        {KS: ("  prune: true\n", f"  prune: true\n  patches:\n{OWN}")},
    ),
    Mutation(
        "no label",
        "label-unlike-others",
        KS,
        "spec:",
        {KS: ("  commonMetadata:\n    labels:\n      app.kubernetes.io/name: *app\n", "")},
    ),
    Mutation(
        "another label",
        "label-unlike-others",
        KS,
        "labels:",
        {KS: ("app.kubernetes.io/name: *app\n", "app: *app\n")},
    ),
]

HARMLESS = [
    Harmless(
        "an interval outside tiers that no document names", TIERS | {KS: ("  interval: 1h\n", "  interval: 10m\n")}
    ),
    Harmless(
        "an hour for what is critical where no document names tiers",
        TIERS | {"kubernetes/apps/kube-system/cilium/ks.yaml": ("  interval: 5m\n", "  interval: 1h\n")},
    ),
    Harmless(
        "an old version of the source for a Flux without a new one",
        OLD_SOURCE | {FLUX: ("version: 2.9.6", "version: 2.5.1")},
    ),
    Harmless("an interval of half an hour", {KS: ("  interval: 1h\n", "  interval: 30m\n")}),
]
