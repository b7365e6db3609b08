"""Rules about machine configurations: the parts that talosctl takes as they come."""

import re
from collections.abc import Iterator

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.machine_options import is_for_machines, known, problems, programs, sysctl_problems
from talos_flux.manifests.node_files import misfits
from talos_flux.manifests.objects import Place
from talos_flux.repository.files import Map, RepositoryFile, Unreadable

VERSIONS = "talos/versions.yaml"
MARKS = (
    "extraArgs", "extraConfig", "sysctls", "extraKernelArgs", "KubeletConfig", "KubeProxyConfig", "KubeSchedulerConfig",
    "SysctlConfig",
)  # fmt: skip


@rule(
    "machine-option-unknown",
    Severity.ERROR,
    "Talos takes these options as they come, and the program that they are for does not start with one that is wrong.",
    "Correct the name, or take it out; the reference of Kubernetes has every field and flag.",
)
def machine_option_unknown(cluster: Cluster) -> Violations:
    """Find fields and flags that kubelet, kube-apiserver and the others do not have, or that Talos denies."""
    is_known = is_known_kubernetes(cluster)
    for file, document in _documents(cluster):
        for program in programs(document):
            for problem in problems(program, is_known_version=is_known):
                yield Place(file.path, problem.line), problem.text


@rule(
    "kernel-option-malformed",
    Severity.ERROR,
    "The kernel has no parameter of such a name, and what was meant to change does not.",
    'Write `net.core.rmem_max: "7500000"` for a parameter, `name=value` for an argument.',
)
def kernel_option_malformed(cluster: Cluster) -> Violations:
    """Find sysctls and kernel arguments whose form is wrong."""
    for file, document in _documents(cluster):
        for problem in sysctl_problems(document):
            yield Place(file.path, problem.line), problem.text


@rule(
    "node-differs",
    Severity.ERROR,
    "Tasks talk to the node of the inventory, while the node takes its name, address and disk from its own file.",
    "Change the answer `nodes` instead, which writes both: docs/runbooks/nodes.md.",
)
def node_differs(cluster: Cluster) -> Violations:
    """Find nodes of which the inventory, their files, the patches for all and the answers say different things."""
    yield from misfits(cluster.files)


def _documents(cluster: Cluster) -> Iterator[tuple[RepositoryFile, Map]]:
    for file in cluster.files.values():
        if not file.is_yaml or not any(mark in file.text for mark in MARKS):
            continue
        try:
            found = [document for document in file.documents if isinstance(document, Map)]
        except Unreadable:
            continue
        for document in found:
            # A schematic of the Image Factory has arguments of the kernel, too.
            if is_for_machines(document) or set(document) <= {"customization", "overlay"}:
                yield file, document


def is_known_kubernetes(cluster: Cluster) -> bool:
    """Return whether the cluster runs the minor version of Kubernetes whose fields and flags are known."""
    file = cluster.files.get(VERSIONS)
    match = re.search(r"^kubernetes(?:Version)?:\s*[\"']?v?(\d+\.\d+)\.", file.text, re.MULTILINE) if file else None
    return match is not None and known()["kubernetes"].startswith(f"v{match[1]}.")
