"""yamllint, kustomize and talosctl, on the files that they are for."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from lib import talos
from lib.checks.flux import Cluster
from lib.checks.objects import Place
from lib.checks.rules import Finding, Rule, Severity
from lib.cluster import INVENTORY, inventory, short
from lib.process import ROOT, ToolFailed, has, run
from lib.refusal import Refusal

YAMLLINT = Rule(
    "yamllint",
    Severity.ERROR,
    "YAML that one parser reads and another does not breaks in the cluster first.",
    "Correct the line; .yamllint says what is checked.",
)
KUSTOMIZE = Rule(
    "kustomize-build",
    Severity.ERROR,
    "What can't be built is not applied.",
    "Run `kustomize build` in the folder.",
)
TALOS = Rule(
    "talos-config",
    Severity.ERROR,
    "Talos refuses a configuration that talosctl refuses.",
    "Correct the patch; `task configure` shows the same.",
)


def yamllint(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """What yamllint says of the YAML files, in every folder; Refusal when it says something else."""
    _need("yamllint")
    files = [file for file in cluster.files.values() if file.is_yaml and (chosen is None or file.path in chosen)]
    manifests = {file.path for file in cluster.manifests}
    for file in files:
        # Of manifests the rule not-yaml says it. yamllint takes minutes and gigabytes for what is large.
        if file.unread and file.path not in manifests:
            yield Finding(YAMLLINT, Place(file.path, file.unread.line), str(file.unread))
    paths = [file.path for file in files if not file.unread]
    if not paths:
        return
    try:
        run("yamllint", "--strict", "--format", "parsable", *paths)
    except ToolFailed as failed:
        lines = [re.fullmatch(r"(.+?):(\d+):\d+: (?:\[\w+\] )?(.*)", line) for line in failed.said.splitlines()]
        if not any(lines):
            # A traceback: its last line is the reason.
            raise Refusal(f"yamllint failed: {(failed.said or 'it gave no reason').splitlines()[-1]}") from None
        for match in filter(None, lines):
            yield Finding(YAMLLINT, Place(match[1].removeprefix("./"), int(match[2])), match[3])


def kustomize(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """What kustomize says of each folder with a kustomization.yaml, except Components, which others build."""
    _need("kustomize")
    files = [file for file in cluster.manifests if cluster.kustomize_file(file.folder) is file]
    files = [file for file in files if cluster.content_of(file).get("kind") != "Component"]
    if chosen is not None:
        files = [file for file in files if any(path.startswith(f"{file.folder}/") for path in chosen)]

    def build(folder: str) -> str:
        try:
            run("kustomize", "build", "--load-restrictor", "LoadRestrictionsNone", folder)
        except ToolFailed as failed:
            return " ".join(failed.said.split())
        return ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, said in zip(files, pool.map(build, [file.folder for file in files]), strict=True):
            if said:
                yield Finding(KUSTOMIZE, Place(file.path, 1), said.replace(str(ROOT), ".").removesuffix("."))


def machines(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """What talosctl says of each node's configuration, with secrets made for this; they are forgotten again."""
    if not INVENTORY.exists() or (chosen is not None and not any(path.startswith("talos/") for path in chosen)):
        return
    try:
        bundle = talos.new_secrets_bundle()
        nodes = inventory()
    except Refusal as refusal:
        yield Finding(TALOS, Place(short(INVENTORY), 1), str(refusal).removesuffix("."))
        return
    for node in nodes.nodes:
        try:
            talos.validate(node, talos.render(nodes, node, bundle))
        except Refusal as refusal:
            said = refusal.said if isinstance(refusal, ToolFailed) else str(refusal)
            yield Finding(TALOS, Place(f"talos/nodes/{node.name}.yaml", 1), " ".join(said.split()).removesuffix("."))


def changed() -> set[str]:
    """The files that differ from the last commit, or that git does not know yet."""
    listed = run("git", "diff", "--name-only", "-z", "HEAD")
    listed += run("git", "ls-files", "-z", "--others", "--exclude-standard")
    return set(listed.split("\0")) - {""}


def _need(tool: str) -> None:
    if not has(tool):
        raise Refusal(f"{tool} is not on PATH, so what it checks is unchecked: `mise install` installs it.")
