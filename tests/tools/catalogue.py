"""The tools that judge what the template creates: which version, where its binary is published, how it is built.

Release pages can't be reached everywhere this runs, Go's module proxy can: so each tool that can't be had otherwise
is built from the modules that its authors published.
"""

import platform
import re
from dataclasses import dataclass, field
from pathlib import Path

MODULE = "tests/tools/go"  # the Go module of the tools that are built together


def _required(module: str) -> str:
    """Return the version of a module that go.mod of MODULE requires, without its v."""
    required = (Path(__file__).parent / "go/go.mod").read_text()
    return re.findall(rf"^\t{re.escape(module)} v(\S+)$", required, re.MULTILINE)[0]


# What judges is of these versions; what a new cluster gets, questions/pins.yml, may be later patches of them.
KUBERNETES = _required("k8s.io/kubernetes")
TALOS = _required("github.com/siderolabs/talos/pkg/machinery")

_SYSTEM = platform.system().lower()
_MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())

# What no test asks External Secrets for; each would bring the SDK of its vendor.
UNREGISTERED = {
    "provider": (
        "akeyless", "alibaba", "aws", "azure/keyvault", "beyondtrust", "bitwarden", "chef", "cloudru/secretmanager",
        "conjur", "delinea", "device42", "doppler", "fake", "fortanix", "gcp/secretmanager", "github", "gitlab", "ibm",
        "infisical", "keepersecurity", "kubernetes", "onboardbase", "onepassword", "oracle", "passbolt",
        "passworddepot", "previder", "pulumi", "scaleway", "secretserver", "senhasegura", "webhook",
        "yandex/certificatemanager", "yandex/lockbox",
    ),
    "generator": (
        "acr", "ecr", "gcr", "github", "grafana", "password", "quay", "sts", "uuid", "vault", "webhook",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Release:
    """What the authors publish: the address of a file, that of the list with its SHA-256, its member in an archive.

    A list is either lines of `<sha256>  <file>` or the sum alone.
    """

    url: str
    checksums: str
    member: str = ""


@dataclass(frozen=True)
class GoModule:
    """How to build a binary from a module on Go's proxy.

    `package` is below the module. `pins` replaces a dependency ({module: "version"} or {module: "other version"}).
    `edits` are (file, old text, new text) and mean a build in a writable copy of the module.
    """

    module: str
    package: str = "."
    pins: dict[str, str] = field(default_factory=dict)
    edits: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class OwnModule:
    """A Go module of this project, whose package is named like the tool."""

    folder: str


@dataclass(frozen=True)
class Tool:
    """One binary.

    `source` is None for a package of MODULE, which is named like the tool. `reports` is the text by which
    `version_command` shows that an installed tool is this version; without it, one on PATH is never taken.
    `stand_in` is the tool that does its part in `make test`, where building this one takes too long.
    """

    name: str
    version: str
    source: GoModule | OwnModule | None = None
    ldflags: str = ""
    release: Release | None = None
    version_command: tuple[str, ...] = ("version",)
    reports: str = ""
    stand_in: str = ""

    @property
    def own_module(self) -> str:
        """The folder of the Go module of this project that has the tool's package; empty for others' modules."""
        if isinstance(self.source, OwnModule):
            return self.source.folder
        return "" if self.source else MODULE


def _on_github(repository: str, tag: str, file: str, checksums: str, member: str = "") -> Release:
    """Return a release on GitHub; {os} and {arch} in a file's name are filled in."""
    address = f"https://github.com/{repository}/releases/download/{tag}"
    file, member = (text.format(os=_SYSTEM, arch=_MACHINE) for text in (file, member))
    return Release(f"{address}/{file}", f"{address}/{checksums.format(file=file)}", member)


def _kubernetes(name: str, version_command: tuple[str, ...], *, published: bool = True) -> Tool:
    major, minor, _ = KUBERNETES.split(".")
    stamp = "k8s.io/component-base/version"
    url = f"https://dl.k8s.io/v{KUBERNETES}/bin/{_SYSTEM}/{_MACHINE}/{name}"
    return Tool(
        name=name,
        version=f"v{KUBERNETES}",
        # Without its version a kubectl can't parse itself, and charts fail on kubeVersion.
        ldflags=f"-X {stamp}.gitVersion=v{KUBERNETES} -X {stamp}.gitMajor={major} -X {stamp}.gitMinor={minor}",
        release=Release(url, f"{url}.sha256") if published or _SYSTEM == "linux" else None,
        version_command=version_command,
        reports=f"v{KUBERNETES}",
    )


# In the order in which they are had: what many tests need first, then what is quickly there.
TOOLS = (
    Tool(
        name="kustomize",
        version="v5.8.1",
        ldflags="-X sigs.k8s.io/kustomize/api/provenance.version=v5.8.1",
        release=_on_github(
            "kubernetes-sigs/kustomize",
            "kustomize%2Fv5.8.1",
            "kustomize_v5.8.1_{os}_{arch}.tar.gz",
            "checksums.txt",
            "kustomize",
        ),
        reports="v5.8.1",
    ),
    # What stands in for talosctl, helm and kustomize-controller in `make test`, and builds as Flux does everywhere.
    Tool(name="quick", version=f"talos-{TALOS}"),
    Tool(
        name="etcd",
        version="v3.6.8",
        release=_on_github(
            "etcd-io/etcd",
            "v3.6.8",
            "etcd-v3.6.8-{os}-{arch}.tar.gz",
            "SHA256SUMS",
            "etcd-v3.6.8-{os}-{arch}/etcd",
        ),
        version_command=("--version",),
        reports="3.6.8",
    ),
    _kubernetes("kube-apiserver", ("--version",), published=False),
    *(
        Tool(
            name=name,
            source=GoModule("filippo.io/age", f"cmd/{name}"),
            version="v1.3.1",
            ldflags="-X main.Version=v1.3.1",
            version_command=("--version",),
            reports="v1.3.1",
        )
        for name in ("age", "age-keygen")
    ),
    Tool(
        name="actionlint",
        source=GoModule("github.com/rhysd/actionlint", "cmd/actionlint"),
        version="v1.7.12",
        ldflags="-X github.com/rhysd/actionlint.version=1.7.12",
        release=_on_github(
            "rhysd/actionlint",
            "v1.7.12",
            "actionlint_1.7.12_{os}_{arch}.tar.gz",
            "actionlint_1.7.12_checksums.txt",
            "actionlint",
        ),
        version_command=("-version",),
        reports="1.7.12",
    ),
    Tool(
        name="gitleaks",
        source=GoModule("github.com/zricethezav/gitleaks/v8"),
        version="v8.30.1",
        ldflags="-X github.com/zricethezav/gitleaks/v8/version.Version=8.30.1",
        release=_on_github(
            "gitleaks/gitleaks",
            "v8.30.1",
            f"gitleaks_8.30.1_{{os}}_{'x64' if _MACHINE == 'amd64' else _MACHINE}.tar.gz",
            "gitleaks_8.30.1_checksums.txt",
            "gitleaks",
        ),
        reports="8.30.1",
    ),
    _kubernetes("kubectl", ("version", "--client")),
    _kubernetes("kube-scheduler", ("--version",), published=False),
    _kubernetes("kube-controller-manager", ("--version",), published=False),
    # These two look every 5 seconds at what they wait for, which no flag changes, and a cluster has ten levels of
    # waiting: here they look every second. They say no version, so one on PATH is never taken for the pinned one.
    Tool(
        name="kustomize-controller",
        version="v1.9.5",
        source=GoModule(
            "github.com/fluxcd/kustomize-controller",
            edits=(
                (
                    "internal/controller/kustomization_controller.go",
                    "Interval:    5 * time.Second",
                    "Interval:    1 * time.Second",
                ),
            ),
        ),
    ),
    Tool(
        name="helm-controller",
        version="v1.6.4",
        source=GoModule(
            "github.com/fluxcd/helm-controller",
            edits=(
                (
                    "internal/action/wait.go",
                    "Interval:    5 * time.Second, // Copied",
                    "Interval:    1 * time.Second, // Copied",
                ),
            ),
        ),
    ),
    Tool(
        name="notification-controller",
        version="v1.9.3",
        source=GoModule("github.com/fluxcd/notification-controller"),
    ),
    Tool(
        name="external-secrets",
        # The last version that is one module with all its providers; 2.x is no path of a module.
        version="v0.16.2",
        source=GoModule(
            "github.com/external-secrets/external-secrets",
            edits=tuple(
                (
                    f"pkg/{kind}/register/register.go",
                    f'\t_ "github.com/external-secrets/external-secrets/pkg/{kind}/{name}"\n',
                    "",
                )
                for kind, names in UNREGISTERED.items()
                for name in names
            ),
        ),
    ),
    Tool(
        name="kwok",
        source=GoModule("sigs.k8s.io/kwok", "cmd/kwok"),
        version="v0.8.0",
        ldflags="-X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0",
        version_command=("--version",),
        reports="v0.8.0",
    ),
    Tool(
        name="talosctl",
        version=f"v{TALOS}",
        source=GoModule(
            "github.com/siderolabs/talos",
            "cmd/talosctl",
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
        ),
        ldflags=f"-X github.com/siderolabs/talos/pkg/machinery/version.Tag=v{TALOS}",
        release=_on_github("siderolabs/talos", f"v{TALOS}", "talosctl-{os}-{arch}", "sha256sum.txt"),
        version_command=("version", "--client", "--short"),
        reports=f"v{TALOS}",
        stand_in="quick",
    ),
    Tool(
        name="helm",
        source=GoModule("helm.sh/helm/v4", "cmd/helm"),
        version="v4.3.1",
        ldflags="-X helm.sh/helm/v4/internal/version.version=v4.3.1",
        release=Release(
            f"https://get.helm.sh/helm-v4.3.1-{_SYSTEM}-{_MACHINE}.tar.gz",
            f"https://get.helm.sh/helm-v4.3.1-{_SYSTEM}-{_MACHINE}.tar.gz.sha256sum",
            f"{_SYSTEM}-{_MACHINE}/helm",
        ),
        version_command=("version", "--short"),
        reports="v4.3.1",
        stand_in="quick",
    ),
    Tool(
        name="sops",
        source=GoModule("github.com/getsops/sops/v3", "cmd/sops"),
        version="v3.13.3",
        release=_on_github("getsops/sops", "v3.13.3", "sops-v3.13.3.{os}.{arch}", "sops-v3.13.3.checksums.txt"),
        version_command=("--version", "--disable-version-check"),
        reports="3.13.3",
    ),
    Tool(
        name="registry",
        source=GoModule("github.com/distribution/distribution/v3", "cmd/registry"),
        version="v3.0.0",
        ldflags="-X github.com/distribution/distribution/v3/version.version=v3.0.0",
        release=_on_github(
            "distribution/distribution",
            "v3.0.0",
            "registry_3.0.0_{os}_{arch}.tar.gz",
            "{file}.sha256",
            "registry",
        ),
        version_command=("--version",),
        reports="v3.0.0",
    ),
    Tool(name="schematic", version="v1.4.0", source=OwnModule("tests/tools/factory")),
    Tool(name="workflow", version="v0.2.89", source=OwnModule("tests/tools/actions")),
    Tool(name="cilium-policy", version="v1.20.1", source=OwnModule("tests/tools/cilium")),
    Tool(
        name="flux",
        source=GoModule(
            "github.com/fluxcd/flux2/v2",
            "cmd/flux",
            # What `flux install` applies is no part of the module, and nothing here installs Flux.
            edits=(("cmd/flux/manifests.embed.go", "//go:embed manifests/*.yaml", "//go:embed main.go"),),
        ),
        version="v2.9.4",
        ldflags="-X main.VERSION=2.9.4",
        release=_on_github(
            "fluxcd/flux2", "v2.9.4", "flux_2.9.4_{os}_{arch}.tar.gz", "flux_2.9.4_checksums.txt", "flux"
        ),
        version_command=("--version",),
        reports="2.9.4",
    ),
    Tool(
        name="flate",
        source=GoModule("github.com/home-operations/flate", "cmd/flate"),
        version="v0.6.5",
        version_command=("--version",),
    ),
    Tool(
        name="helmfile",
        source=GoModule("github.com/helmfile/helmfile"),
        version="v1.7.4",
        ldflags="-X go.szostok.io/version.version=v1.7.4",
        release=_on_github(
            "helmfile/helmfile",
            "v1.7.4",
            "helmfile_1.7.4_{os}_{arch}.tar.gz",
            "helmfile_1.7.4_checksums.txt",
            "helmfile",
        ),
        reports="1.7.4",
    ),
)
BY_NAME = {tool.name: tool for tool in TOOLS}
