"""What Flux would apply of a tree, charts rendered with their values, by flate."""

import json
import posixpath
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from talos_flux.charts.rendering import API_VERSIONS
from talos_flux.errors import UserError
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.process import environment, has
from talos_flux.repository.settings import version_of

Manifest = dict[str, Any]
OWNERS = {"HelmRelease": "helm.toolkit.fluxcd.io", "Kustomization": "kustomize.toolkit.fluxcd.io"}
# As flate lists what it could not render: "✗  HelmRelease  media/jellyfin  reason".
FAILED = re.compile(r"\s*✗\s+(\w+)\s+(\S+/\S+)\s+(\S.*)")


class Owner(NamedTuple):
    """What applies an object: a HelmRelease, or a Kustomization."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class Key(NamedTuple):
    """What an object is, whatever its API version and its content."""

    owner: Owner
    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass
class Rendering:
    """The objects of one side, and why some are not among them: a reason for each thing that can't be rendered."""

    objects: dict[Key, Manifest] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def folder_of_roots(*clusters: Cluster) -> str:
    """Return the folder from which Flux reaches everything, on either side; UserError when it reaches nothing."""
    folders = [root.file.folder for cluster in clusters for root in cluster.roots]
    if not folders:
        raise UserError("no Kustomization is here with which Flux could start.")
    return posixpath.commonpath(folders)


def render(tree: Path, other: Path, root: str) -> Rendering:
    """Render what differs in a tree from another one, and what uses that; UserError when flate can't do its work.

    `root` is the folder with which Flux starts.
    """
    if not has("flate"):
        raise UserError("flate is not on PATH: `mise install` installs it.")
    command = [
        "flate", "build", "all", f"--path={tree / root}", f"--path-orig={other / root}",
        "--output=json", "--skip-secrets=false", "--skip-crds=false", "--no-hooks", "--no-progress",
        "--allow-missing-secrets", "--log-level=error",
        f"--kube-version={version_of('kubernetes')}", f"--api-versions={','.join(API_VERSIONS)}",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tree, env=environment(), capture_output=True, text=True, check=False)
    try:
        manifests = json.loads(done.stdout or "[]")
    except ValueError:
        raise UserError(f"flate build failed: {one_line(done.stderr)}.") from None
    failed = failures(done.stderr) if done.returncode else {}
    if done.returncode and not failed:
        raise UserError(f"flate build failed: {one_line(done.stderr)}.")
    return Rendering({key_of(manifest): manifest for manifest in manifests or []}, failed)


def key_of(manifest: Manifest) -> Key:
    """Return what an object is, by the labels that Flux puts on it as well."""
    metadata = manifest.get("metadata") or {}
    labels = metadata.get("labels") or {}
    for kind, group in OWNERS.items():
        if name := labels.get(f"{group}/name"):
            owner = Owner(kind, str(labels.get(f"{group}/namespace", "")), str(name))
            break
    else:
        owner = Owner("", "", "")
    group, _, version = str(manifest.get("apiVersion", "")).rpartition("/")
    namespace = str(metadata.get("namespace") or "")
    return Key(owner, group if version else "", str(manifest.get("kind", "")), namespace, str(metadata.get("name", "")))


def failures(stderr: str) -> dict[str, str]:
    """Return what flate could not render, with the reason that it gives.

    A source that can't be had is named with each release that needs it, and alone where none does.
    """
    matches = [match for line in stderr.splitlines() if (match := FAILED.fullmatch(line))]
    owners = [match for match in matches if match[1] in OWNERS]
    return {f"{match[1]} {match[2]}": one_line(match[3]) for match in owners or matches}


def one_line(text: str) -> str:
    return " ".join(text.split()).removesuffix(".") or "it gave no reason"
