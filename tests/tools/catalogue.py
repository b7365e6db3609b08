"""The Go tools that judge what the template creates: which module, which version, what each build needs.

Release pages can't be reached everywhere this runs, Go's module proxy can: so each tool is built
from the module that its authors published, at one pinned version.
"""

from dataclasses import dataclass, field

KUBERNETES = "1.36.4"
TALOS = "1.14.1"


@dataclass(frozen=True)
class GoTool:
    """One binary.

    `module` and `version` are as Go's proxy spells them, `package` is below the module.
    `pins` replaces a dependency ({module: "version"} or {module: "other-module version"}).
    `relative_replaces` says what becomes of the module's own `replace x => ./y`, which only work
    in its authors' checkout: "" drops them, a version uses the published x at that version.
    `edits` are (file, old text, new text) and mean a build in a writable copy of the module.
    `reports` is the text by which `version_command` shows that an installed tool is this version.
    """

    name: str
    module: str
    version: str
    package: str = "."
    ldflags: str = ""
    pins: dict[str, str] = field(default_factory=dict)
    relative_replaces: str = ""
    edits: tuple[tuple[str, str, str], ...] = ()
    version_command: tuple[str, ...] = ("version",)
    reports: str = ""
    minutes: float = 1


def _kubernetes(name: str, version_command: tuple[str, ...], minutes: float) -> GoTool:
    major, minor, _ = KUBERNETES.split(".")
    stamp = "k8s.io/component-base/version"
    return GoTool(
        name=name,
        module="k8s.io/kubernetes",
        version=f"v{KUBERNETES}",
        package=f"cmd/{name}",
        # Without its version a kubectl can't parse itself, and charts fail on kubeVersion.
        ldflags=f"-X {stamp}.gitVersion=v{KUBERNETES} -X {stamp}.gitMajor={major} -X {stamp}.gitMinor={minor}",
        relative_replaces=f"v0.{minor}.{KUBERNETES.split('.')[2]}",
        version_command=version_command,
        reports=f"v{KUBERNETES}",
        minutes=minutes,
    )


TOOLS = (
    GoTool(
        name="kustomize",
        module="sigs.k8s.io/kustomize/kustomize/v5",
        version="v5.8.1",
        ldflags="-X sigs.k8s.io/kustomize/api/provenance.version=v5.8.1",
        reports="v5.8.1",
        minutes=0.5,
    ),
    GoTool(
        name="talosctl",
        module="github.com/siderolabs/talos",
        version=f"v{TALOS}",
        package="cmd/talosctl",
        ldflags=f"-X github.com/siderolabs/talos/pkg/machinery/version.Tag=v{TALOS}",
        # The versions that Talos itself pins of these three are not on the proxy.
        pins={
            "github.com/cosi-project/runtime": "v1.16.2",
            "github.com/mdlayher/ethtool": "github.com/siderolabs/ethtool v0.4.0-sidero",
            "github.com/jsimonetti/rtnetlink/v2": "v2.2.0",
        },
        # The older rtnetlink has no RouteVia; the file is a QEMU test fabric that nothing here runs.
        edits=tuple(
            (
                "cmd/talosctl/cmd/mgmt/bgp_launch_linux.go",
                f"Via = &rtnetlink.RouteVia{{Family: unix.AF_INET6, Addr: {hop}.gw.AsSlice()}}",
                f"Gateway = {hop}.gw.AsSlice()",
            )
            for hop in ("hops[0]", "h")
        ),
        version_command=("version", "--client", "--short"),
        reports=f"v{TALOS}",
        minutes=4,
    ),
    GoTool(
        name="etcd",
        module="go.etcd.io/etcd/server/v3",
        version="v3.6.6",
        version_command=("--version",),
        reports="3.6.6",
        minutes=1,
    ),
    _kubernetes("kube-apiserver", ("--version",), 4),
    _kubernetes("kubectl", ("version", "--client"), 1),
    _kubernetes("kube-controller-manager", ("--version",), 2),
    _kubernetes("kube-scheduler", ("--version",), 0.3),
    # These two look every 5 seconds at what they wait for, which no flag changes, and a cluster has ten levels of
    # waiting: here they look every second. They say no version, so one on PATH is never taken for the pinned one.
    GoTool(
        name="kustomize-controller",
        module="github.com/fluxcd/kustomize-controller",
        version="v1.9.5",
        edits=(
            (
                "internal/controller/kustomization_controller.go",
                "Interval:    5 * time.Second",
                "Interval:    1 * time.Second",
            ),
        ),
        minutes=3,
    ),
    GoTool(
        name="helm-controller",
        module="github.com/fluxcd/helm-controller",
        version="v1.6.4",
        edits=(
            (
                "internal/action/wait.go",
                "Interval:    5 * time.Second, // Copied",
                "Interval:    1 * time.Second, // Copied",
            ),
        ),
        minutes=2,
    ),
    GoTool(
        name="kwok",
        module="sigs.k8s.io/kwok",
        version="v0.8.0",
        package="cmd/kwok",
        ldflags="-X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0",
        version_command=("--version",),
        reports="v0.8.0",
        minutes=2,
    ),
    GoTool(
        name="registry",
        module="github.com/distribution/distribution/v3",
        version="v3.0.0",
        package="cmd/registry",
        ldflags="-X github.com/distribution/distribution/v3/version.version=v3.0.0",
        version_command=("--version",),
        reports="v3.0.0",
        minutes=1.5,
    ),
    GoTool(
        name="helm",
        module="helm.sh/helm/v4",
        version="v4.3.1",
        package="cmd/helm",
        ldflags="-X helm.sh/helm/v4/internal/version.version=v4.3.1",
        version_command=("version", "--short"),
        reports="v4.3.1",
        minutes=2,
    ),
    GoTool(
        name="helmfile",
        module="github.com/helmfile/helmfile",
        version="v1.7.4",
        ldflags="-X go.szostok.io/version.version=v1.7.4",
        reports="1.7.4",
        minutes=5,
    ),
    GoTool(
        name="flux",
        module="github.com/fluxcd/flux2/v2",
        version="v2.9.4",
        package="cmd/flux",
        ldflags="-X main.VERSION=2.9.4",
        # What `flux install` applies is no part of the module, and nothing here installs Flux.
        edits=(("cmd/flux/manifests.embed.go", "//go:embed manifests/*.yaml", "//go:embed main.go"),),
        version_command=("--version",),
        reports="2.9.4",
        minutes=3,
    ),
    GoTool(
        name="sops",
        module="github.com/getsops/sops/v3",
        version="v3.13.3",
        package="cmd/sops",
        version_command=("--version", "--disable-version-check"),
        reports="3.13.3",
        minutes=1.5,
    ),
    GoTool(
        name="age",
        module="filippo.io/age",
        version="v1.3.1",
        package="cmd/age",
        ldflags="-X main.Version=v1.3.1",
        version_command=("--version",),
        reports="v1.3.1",
        minutes=0.3,
    ),
    GoTool(
        name="age-keygen",
        module="filippo.io/age",
        version="v1.3.1",
        package="cmd/age-keygen",
        ldflags="-X main.Version=v1.3.1",
        version_command=("--version",),
        reports="v1.3.1",
        minutes=0.1,
    ),
    GoTool(
        name="actionlint",
        module="github.com/rhysd/actionlint",
        version="v1.7.12",
        package="cmd/actionlint",
        ldflags="-X github.com/rhysd/actionlint.version=1.7.12",
        version_command=("-version",),
        reports="1.7.12",
        minutes=0.3,
    ),
)
