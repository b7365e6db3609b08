"""Machine configurations made from a rendered repository as its tasks make them, by the real talosctl."""

from pathlib import Path
from typing import Any

import yaml

from tests.support import tools

Document = dict[str, Any]


def new_secrets(folder: Path) -> Path:
    """Create a secrets bundle that only a test uses, and return its path."""
    tools.run("talosctl", "gen", "secrets", "--output-file", folder / "secrets.yaml")
    return folder / "secrets.yaml"


def patches(talos: Path, node: Document) -> list[str]:
    """Return the arguments that lay the patches on, each layer over the one before: all nodes, the role, the node."""
    own_flag = {"controller": "--config-patch-control-plane", "worker": "--config-patch-worker"}[node["role"]]
    layers = [
        ("--config-patch", sorted((talos / "patches/global").glob("*.yaml"))),
        (own_flag, sorted((talos / "patches" / node["role"]).glob("*.yaml"))),
        (own_flag, [talos / "nodes" / f"{node['name']}.yaml"]),
    ]
    return [part for flag, files in layers for file in files for part in (flag, f"@{file}")]


class Machines:
    """The nodes of a rendered repository with their complete configurations."""

    def __init__(self, repository: Path, secrets: Path, made: Path) -> None:
        self.talos = repository / "talos"
        self.inventory = yaml.safe_load((self.talos / "inventory.yaml").read_text())
        self.versions = yaml.safe_load((self.talos / "versions.yaml").read_text())
        self.nodes = {node["name"]: node for node in self.inventory["nodes"]}
        self.made = made
        self.secrets = secrets
        self.configurations = {name: self.generate(node) for name, node in self.nodes.items()}

    def generate(self, node: Document) -> list[Document]:
        """Generate a node's documents; raise RuntimeError with talosctl's words when it refuses the patches."""
        target = self.made / f"{node['name']}.yaml"
        tools.run(
            "talosctl",
            *("gen", "config", self.inventory["cluster"], self.inventory["endpoint"]),
            *("--with-secrets", self.secrets),
            *("--talos-version", self.versions["talosVersion"]),
            *("--kubernetes-version", self.versions["kubernetesVersion"]),
            *("--install-image", f"{node['image']}:{self.versions['talosVersion']}"),
            *("--with-docs=false", "--with-examples=false"),
            *patches(self.talos, node),
            *("--output-types", {"controller": "controlplane", "worker": "worker"}[node["role"]]),
            *("--output", target),
        )
        return list(yaml.safe_load_all(target.read_text()))

    def validate(self) -> None:
        """RuntimeError with talosctl's words for the first configuration that it does not accept."""
        for name, node in self.nodes.items():
            mode = "metal" if node["image"].startswith("factory.talos.dev/metal-installer") else "cloud"
            tools.run("talosctl", "validate", "--mode", mode, "--strict", "--config", self.made / f"{name}.yaml")

    def document(self, node: str, kind: str, name: str | None = None) -> Document | None:
        """Return a document of a node's configuration; the one without a kind is called v1alpha1."""
        found = [
            document
            for document in self.configurations[node]
            if document.get("kind", "v1alpha1") == kind and name in (None, document.get("name"))
        ]
        assert len(found) <= 1, f"{node} has {len(found)} documents {kind}"
        return found[0] if found else None

    def controllers(self) -> list[str]:
        return [name for name, node in self.nodes.items() if node["role"] == "controller"]
