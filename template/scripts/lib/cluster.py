"""What this repository says about its cluster, read from the files that Talos and Flux use."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lib.process import ROOT
from lib.refusal import Refusal

FLUX_INSTANCE = ROOT / "kubernetes/apps/flux-system/flux-instance/app/helmrelease.yaml"
CLUSTER_SETTINGS = ROOT / "kubernetes/flux/meta/settings/cluster-settings.yaml"
INVENTORY = ROOT / "talos/inventory.yaml"
VERSIONS = ROOT / "talos/versions.yaml"
PLACEHOLDER_TUNNEL = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Node:
    """One machine. `installer` is the image without its tag, `schematic` the file that describes it.

    It has a `disk` or a `disk_serial`, and a `link` or a `mac_address`.
    """

    name: str
    address: str
    role: str
    installer: str
    schematic: str = ""
    disk: str = ""
    disk_serial: str = ""
    link: str = ""
    mac_address: str = ""

    @classmethod
    def read(cls, entry: dict[str, Any]) -> "Node":
        """An entry of talos/inventory.yaml; Refusal when it lacks something or has something unknown."""
        names = {"image": "installer", "diskSerial": "disk_serial", "macAddress": "mac_address"}
        try:
            return cls(**{names.get(key, key): value for key, value in entry.items()})
        except TypeError as error:
            reason = str(error).removeprefix("Node.__init__() ")
            raise Refusal(f"{short(INVENTORY)} has a node that can't be used: {reason}.") from None

    @property
    def controller(self) -> bool:
        """Whether it runs the control plane."""
        return self.role == "controller"

    @property
    def image(self) -> str:
        """The installer of the Talos version that the repository asks for."""
        return f"{self.installer}:{version_of('talos')}"

    @property
    def schematic_id(self) -> str:
        """The Image Factory's id of what its image holds."""
        return self.installer.rpartition("/")[2]

    @property
    def config(self) -> Path:
        """Its rendered machine configuration."""
        return ROOT / "talos/clusterconfig" / f"{self.name}.yaml"

    def __str__(self) -> str:
        return f"{self.name} ({self.address})"


@dataclass(frozen=True)
class Inventory:
    """The machines and what they form."""

    cluster: str
    endpoint: str
    nodes: tuple[Node, ...]

    @property
    def controllers(self) -> tuple[Node, ...]:
        """The nodes of the control plane."""
        return tuple(node for node in self.nodes if node.controller)

    def at(self, address: str) -> Node:
        """The node with an address; Refusal when no node has it."""
        for node in self.nodes:
            if address in (node.address, node.name):
                return node
        known = ", ".join(str(node) for node in self.nodes)
        raise Refusal(f"no node has the address {address or '(empty)'}; talos/inventory.yaml names {known}.")


def short(path: Path) -> str:
    """A path as one reads it in this repository."""
    return str(path.relative_to(ROOT))


def load(path: Path) -> Any:
    """The content of a YAML file of one document; Refusal when it is missing or broken."""
    try:
        return yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise Refusal(f"{short(path)} is missing: restore it with `git checkout`.") from None
    except yaml.YAMLError as error:
        raise Refusal(f"{short(path)} is not YAML: {' '.join(str(error).split())}") from None


def look_up(path: Path, *keys: str) -> Any:
    """A value in a YAML file; Refusal that names the key when it is not there."""
    found = load(path)
    for depth, key in enumerate(keys):
        if not isinstance(found, dict) or key not in found:
            raise Refusal(f"{short(path)} has no {'.'.join(keys[: depth + 1])}.")
        found = found[key]
    return found


@cache
def inventory() -> Inventory:
    """talos/inventory.yaml."""
    nodes = tuple(Node.read(node) for node in look_up(INVENTORY, "nodes"))
    return Inventory(look_up(INVENTORY, "cluster"), look_up(INVENTORY, "endpoint"), nodes)


def version_of(component: str) -> str:
    """The version of talos or kubernetes that the repository asks for, with its leading v."""
    return str(look_up(VERSIONS, f"{component}Version"))


def repository_url() -> str:
    """Where Flux finds this repository."""
    return str(look_up(FLUX_INSTANCE, "spec", "values", "instance", "sync", "url"))


def repository_branch() -> str:
    """The branch that Flux follows."""
    return str(look_up(FLUX_INSTANCE, "spec", "values", "instance", "sync", "ref")).removeprefix("refs/heads/")


def domain() -> str:
    """The domain of the apps."""
    return str(look_up(CLUSTER_SETTINGS, "data", "DOMAIN"))


def files_with_the_placeholder_tunnel() -> list[str]:
    """Manifests that name the tunnel that nobody has."""
    manifests = sorted((ROOT / "kubernetes").rglob("*.yaml"))
    return [short(path) for path in manifests if PLACEHOLDER_TUNNEL in path.read_text()]
