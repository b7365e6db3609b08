"""Which version runs, and whether Renovate sees it."""

from tests.mutations.mutation import APP, MEDIA, Harmless, Mutation
from tests.pins import pinned

RELEASE = f"{APP}/app/helmrelease.yaml"
LIST = f"{APP}/app/kustomization.yaml"
PLAIN = f"{MEDIA}/manifests-none-none/app/deployment.yaml"
REPOSITORY = "kubernetes/flux/meta/repos/app-template.yaml"
PIN = f"tag: {pinned()['pin_app_template']}"
RENOVATE = ".renovaterc.json5"
NOTED = "talos/noted.yaml"
CHART = (
    "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: chart\nspec:\n  interval: 1h\n"
    "  chart:\n    spec:\n      chart: chart\n{version}"
    "      sourceRef:\n        kind: HelmRepository\n        name: charts\n"
    "  values:\n    resources: {{requests: {{cpu: 10m}}, limits: {{memory: 64Mi}}}}\n"
    "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata:\n  name: charts\nspec:\n"
    "  url: https://charts.example.net\n"
)
TAG = '              tag: "1.2.3"\n'
IMAGE = "image: ghcr.io/example/app:1.2.3"
# Renovate's configuration is elsewhere, so nobody knows which comments it wants.
PRESETS = {RENOVATE: ('    "config:recommended",\n', '    "config:recommended",\n    "local>example/presets",\n')}


def with_chart(name: str, version: str) -> Mutation:
    """Return a mutation that adds a release to an app, with its chart in that version."""
    return Mutation(
        name,
        "version-floating",
        f"{APP}/app/chart.yaml",
        "version:",
        {LIST: ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./chart.yaml\n")},
        {f"{APP}/app/chart.yaml": CHART.format(version=version)},
    )


def with_resource(name: str, url: str, rule: str = "resource-remote") -> Mutation:
    """Return a mutation that makes an app build something from a URL."""
    return Mutation(name, rule, LIST, url, {LIST: ("  - ./pvc.yaml\n", f"  - ./pvc.yaml\n  - {url}\n")})


def with_comment(name: str, text: str, replaces: dict[str, tuple[str, str]] | None = None) -> Mutation:
    """Return a mutation that adds a file with a comment for Renovate."""
    return Mutation(name, "renovate-comment-wrong", NOTED, "# renovate:", replaces or {}, {NOTED: f"---\n{text}"})


FLUX = "kubernetes/apps/flux-system/flux-instance/app/helmrelease.yaml"
INSTANCE = (
    "---\napiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata:\n  name: flux\nspec:\n  distribution:\n"
    "    version: 2.x\n    registry: ghcr.io/fluxcd\n    artifact: oci://ghcr.io/example/manifests:{}\n"
)


MUTATIONS = [
    with_chart("a chart of any version", '      version: "*"\n'),
    with_chart("a chart of a range", '      version: ">=1.0.0"\n'),
    with_chart("a chart of a caret", "      version: ^1.2.3\n"),
    with_chart("a chart of half a version", "      version: 1.2.x\n"),
    Mutation(
        "a chart without a version",
        "version-floating",
        f"{APP}/app/chart.yaml",
        "spec: # of the chart",
        {LIST: ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./chart.yaml\n")},
        {f"{APP}/app/chart.yaml": CHART.format(version="").replace("    spec:\n", "    spec: # of the chart\n")},
    ),
    Mutation("the latest artifact", "version-floating", REPOSITORY, "tag:", {REPOSITORY: (PIN, "tag: latest")}),
    Mutation(
        "an artifact of a range",
        "version-floating",
        REPOSITORY,
        "semver:",
        {REPOSITORY: (PIN, 'semver: "5.x"')},
    ),
    Mutation(
        "an artifact without a reference",
        "version-floating",
        REPOSITORY,
        "spec:",
        {REPOSITORY: (f"  ref:\n    {PIN}\n", "")},
    ),
    Mutation("the latest image of a pod", "version-floating", PLAIN, "image:", {PLAIN: (IMAGE, f"{IMAGE[:-5]}latest")}),
    Mutation("an image of a pod without a tag", "version-floating", PLAIN, "image:", {PLAIN: (IMAGE, IMAGE[:-6])}),
    Mutation(
        "an image of a pod from a port without a tag",
        "version-floating",
        PLAIN,
        "image:",
        {PLAIN: (IMAGE, "image: registry.example.net:5000/app")},
    ),
    Mutation("the latest image of a release", "version-floating", RELEASE, "tag:", {RELEASE: ("1.2.3", "latest")}),
    Mutation("a variant that moves", "version-floating", RELEASE, "tag:", {RELEASE: ("1.2.3", "stable-alpine")}),
    Mutation("an image of a release without a tag", "version-floating", RELEASE, "image:", {RELEASE: (TAG, "")}),
    Mutation(
        "an image of a release in one text",
        "version-floating",
        RELEASE,
        "image: busybox",
        {RELEASE: ("    defaultPodOptions:\n", "    tests:\n      image: busybox:latest\n    defaultPodOptions:\n")},
    ),
    with_resource("a file of a branch", "https://raw.githubusercontent.com/example/app/main/deploy/1.2/app.yaml"),
    with_resource(
        "a file of a branch with its full name",
        "https://raw.githubusercontent.com/example/app/refs/heads/release-1.2/app.yaml",
    ),
    with_resource("a file of the latest release", "https://github.com/example/app/releases/latest/download/app.yaml"),
    with_resource("a file of no version", "https://example.net/install.yaml"),
    with_resource("a repository without a reference", "https://github.com/example/app//config/1.2"),
    with_resource(
        "a file of a release", "https://github.com/example/app/releases/download/v1.2.3/app.yaml", "resource-fetched"
    ),
    with_resource("a repository of a release", "github.com/example/app/config?ref=v1.2.3", "resource-fetched"),
    with_resource("a repository of a branch", "github.com/example/app/config?ref=master"),
    with_comment("a comment without a data source", "# renovate: depName=example/app\nversion: 1.2.3\n"),
    with_comment("a comment above no version", "# renovate: datasource=docker depName=a/b\nb:\n  - ./b.yaml\n"),
    with_comment("a comment in another order", "# renovate: depName=a/b datasource=docker\nversion: 1.2.3\n"),
    Mutation(
        "a comment in a file that Renovate does not read",
        "renovate-comment-wrong",
        "docs/noted.yaml",
        "# renovate:",
        writes={"docs/noted.yaml": "---\n# renovate: datasource=docker depName=a/b\nversion: 1.2.3\n"},
    ),
    with_comment("no data source for presets", "# renovate: depName=a/b\nversion: 1.2.3\n", PRESETS),
    with_comment("no name for presets", "# renovate: datasource=docker\nversion: 1.2.3\n", PRESETS),
    with_comment(
        "no version for presets", "# renovate: datasource=docker depName=a/b\nresources:\n  - ./b.yaml\n", PRESETS
    ),
    Mutation(
        "another chart in a helmfile",
        "bootstrap-differs",
        "bootstrap/helmfile.yaml",
        "version:",
        writes={
            "bootstrap/helmfile.yaml": "---\nreleases:\n  - name: app\n    namespace: media\n"
            "    chart: oci://ghcr.io/bjw-s-labs/helm/app-template\n    version: 5.0.0\n"
        },
    ),
    Mutation(
        "another chart in a resource",
        "bootstrap-differs",
        "bootstrap/first/chart.yaml",
        "tag:",
        writes={
            "bootstrap/first/chart.yaml": "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\n"
            "metadata:\n  name: app-template\nspec:\n"
            "  url: oci://ghcr.io/bjw-s-labs/helm/app-template\n  ref:\n    tag: 5.0.0\n"
        },
    ),
    Mutation("a range of Flux", "version-floating", FLUX, "version:", {FLUX: ("version: 2.9.6", "version: 2.x")}),
    Mutation(
        "a range of Flux in an instance",
        "version-floating",
        f"{APP}/app/flux.yaml",
        "version:",
        {LIST: ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./flux.yaml\n")},
        {f"{APP}/app/flux.yaml": INSTANCE.format("latest")},
    ),
]

HARMLESS = [
    Harmless(
        "a comment about a data source of one's own",
        PRESETS,
        {NOTED: "---\n# renovate: datasource=custom.game\nversion: 1.2.3\n"},
    ),
    Harmless(
        "a range of the Flux that a fixed artifact has",
        {FLUX: ("version: 2.9.6", "version: 2.x\n        artifact: oci://ghcr.io/example/manifests:v0.57.0")},
    ),
    Harmless(
        "an instance with a range of the Flux that a fixed artifact has",
        {LIST: ("  - ./pvc.yaml\n", "  - ./pvc.yaml\n  - ./flux.yaml\n")},
        {f"{APP}/app/flux.yaml": INSTANCE.format("v0.57.0")},
    ),
]
