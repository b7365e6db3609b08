"""Checks by yamllint, kustomize, gitleaks and talosctl."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from talos_flux.check.rule import Finding, Rule, Severity
from talos_flux.errors import UserError
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from talos_flux.paths import ROOT
from talos_flux.process import ToolError, has, run
from talos_flux.repository.settings import INVENTORY, inventory, short
from talos_flux.talos import config

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
GITLEAKS = Rule(
    "secret-leaked",
    Severity.ERROR,
    "Whoever reads the repository, now or in its history, has what gitleaks takes for a secret.",
    "Revoke it where it was made, then take it out. What is none gets `gitleaks:allow` in a comment on its line, or an "
    "entry in .gitleaks.toml.",
)
GITLEAKS_CONFIG = ROOT / ".gitleaks.toml"
DEEPEST = "5"  # archives inside of archives
TALOS = Rule(
    "talos-config",
    Severity.ERROR,
    "Talos refuses a configuration that talosctl refuses.",
    "Correct the patch; `task configure` shows the same.",
)


def yamllint(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """Yield yamllint's findings in the YAML files of every folder; UserError when it fails otherwise."""
    _need("yamllint")
    files = [file for file in cluster.files.values() if file.is_yaml and (chosen is None or file.path in chosen)]
    manifests = {file.path for file in cluster.manifests}
    for file in files:
        # The rule not-yaml reports manifests. yamllint takes minutes and gigabytes for large files.
        if file.unread and file.path not in manifests:
            yield Finding(YAMLLINT, Place(file.path, file.unread.line), str(file.unread))
    paths = [file.path for file in files if not file.unread]
    if not paths:
        return
    try:
        run("yamllint", "--strict", "--format", "parsable", *paths)
    except ToolError as failed:
        lines = [re.fullmatch(r"(.+?):(\d+):\d+: (?:\[\w+\] )?(.*)", line) for line in failed.stderr.splitlines()]
        if not any(lines):
            # A traceback: its last line is the reason.
            raise UserError(f"yamllint failed: {(failed.stderr or 'it gave no reason').splitlines()[-1]}") from None
        for match in filter(None, lines):
            yield Finding(YAMLLINT, Place(match[1].removeprefix("./"), int(match[2])), match[3])


def kustomize(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """Yield the errors of `kustomize build` in each kustomization's folder, except Components, which others build."""
    _need("kustomize")
    files = [file for file in cluster.manifests if cluster.kustomize_file(file.folder) is file]
    files = [file for file in files if cluster.content_of(file).get("kind") != "Component"]
    if chosen is not None:
        files = [file for file in files if any(path.startswith(f"{file.folder}/") for path in chosen)]

    def build(folder: str) -> str:
        try:
            run("kustomize", "build", "--load-restrictor", "LoadRestrictionsNone", folder)
        except ToolError as failed:
            return " ".join(failed.stderr.split())
        return ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, message in zip(files, pool.map(build, [file.folder for file in files]), strict=True):
            if message:
                yield Finding(KUSTOMIZE, Place(file.path, 1), message.replace(str(ROOT), ".").removesuffix("."))


def gitleaks(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """Yield what gitleaks takes for secrets in what is staged, and in the files that differ from it."""
    del cluster, chosen
    with tempfile.TemporaryDirectory(prefix="gitleaks-") as scratch:
        # Of the index and not of the work tree: a commit takes what is staged, files added by force among it.
        run("git", "checkout-index", "--all", "--quiet", f"--prefix={scratch}/staged/")
        _copy_what_differs(Path(scratch, "work-tree"))
        config = ["--config", str(GITLEAKS_CONFIG)] if GITLEAKS_CONFIG.exists() else []
        words = ["--no-banner", "--redact", "--log-level=error", "--exit-code=0", f"--max-archive-depth={DEEPEST}"]
        report = run("gitleaks", "dir", scratch, *config, *words, "--report-format=json", "--report-path=-")
        for leak in json.loads(report or "[]"):
            # In an archive: its path, and after a ! the path of the file in it.
            _, _, inside = str(leak["File"]).removeprefix(f"{scratch}/").partition("/")
            path, _, member = inside.partition("!")
            where = f"in {member} " if member else ""
            line = 1 if member else max(1, int(leak["StartLine"]))
            yield Finding(
                GITLEAKS, Place(path, line), f"what gitleaks knows as {leak['RuleID']} {where}can be read here"
            )


def _copy_what_differs(folder: Path) -> None:
    """Copy the files that are not staged as they are; of a symlink, what it says."""
    listed = run("git", "ls-files", "-z", "--modified", "--others", "--exclude-standard")
    for path in filter(None, listed.split("\0")):
        source, target = ROOT / path, folder / path
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target, follow_symlinks=False)


def machines(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """Yield talosctl's errors in each node's configuration, rendered with temporary secrets."""
    if not INVENTORY.exists() or (chosen is not None and not any(path.startswith("talos/") for path in chosen)):
        return
    try:
        bundle = config.new_secrets_bundle()
        nodes = inventory()
    except UserError as refusal:
        yield Finding(TALOS, Place(short(INVENTORY), 1), str(refusal).removesuffix("."))
        return
    for node in nodes.nodes:
        try:
            config.validate(node, config.render(nodes, node, bundle))
        except UserError as refusal:
            message = refusal.stderr if isinstance(refusal, ToolError) else str(refusal)
            yield Finding(TALOS, Place(f"talos/nodes/{node.name}.yaml", 1), " ".join(message.split()).removesuffix("."))


def changed() -> set[str]:
    """Return the files that differ from the last commit, and the untracked ones."""
    listed = run("git", "diff", "--name-only", "-z", "HEAD")
    listed += run("git", "ls-files", "-z", "--others", "--exclude-standard")
    return set(listed.split("\0")) - {""}


def _need(tool: str) -> None:
    if not has(tool):
        raise UserError(f"{tool} is not on PATH, so what it checks is unchecked: `mise install` installs it.")
