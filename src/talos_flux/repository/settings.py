"""What this repository says about its cluster, read from the files that Talos and Flux use."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from talos_flux.errors import UserError
from talos_flux.paths import ROOT

FLUX_INSTANCE = ROOT / "kubernetes/apps/flux-system/flux-instance/app/helmrelease.yaml"
CLUSTER_SETTINGS = ROOT / "kubernetes/flux/meta/settings/cluster-settings.yaml"
INVENTORY = ROOT / "talos/inventory.yaml"
VERSIONS = ROOT / "talos/versions.yaml"
PLACEHOLDER_TUNNEL = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Node:
    """A machine. `installer` is the image without its tag, `schematic` the file that describes it.

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
        """Return the node of an entry of talos/inventory.yaml; UserError for a missing or an unknown field."""
        names = {"image": "installer", "diskSerial": "disk_serial", "macAddress": "mac_address"}
        try:
            return cls(**{names.get(key, key): value for key, value in entry.items()})
        except TypeError as error:
            reason = str(error).removeprefix("Node.__init__() ")
            raise UserError(f"{short(INVENTORY)} has a node that can't be used: {reason}.") from None

    @property
    def controller(self) -> bool:
        """Return whether it runs the control plane."""
        return self.role == "controller"

    @property
    def disk_may_be_another(self) -> bool:
        """Return whether its disk has a name that Linux gives in the order in which disks are found."""
        return self.disk.startswith("/dev/sd")

    @property
    def image(self) -> str:
        """Return the installer of the Talos version that the repository asks for."""
        return f"{self.installer}:{version_of('talos')}"

    @property
    def schematic_id(self) -> str:
        """Return the Image Factory's id of what its image holds."""
        return self.installer.rpartition("/")[2]

    @property
    def mode(self) -> str:
        """Return what Talos takes the machine for: metal, or cloud where the platform may bring a configuration."""
        return "cloud" if "/nocloud-installer" in self.installer else "metal"

    @property
    def config(self) -> Path:
        """Return the path of its rendered machine configuration."""
        return ROOT / "talos/clusterconfig" / f"{self.name}.yaml"

    def __str__(self) -> str:
        return f"{self.name} ({self.address})"


@dataclass(frozen=True)
class Inventory:
    """The machines and the cluster that they form."""

    cluster: str
    endpoint: str
    nodes: tuple[Node, ...]

    @property
    def controllers(self) -> tuple[Node, ...]:
        """Return the nodes of the control plane."""
        return tuple(node for node in self.nodes if node.controller)

    def at(self, address: str) -> Node:
        """Return the node with an address or a name; UserError when there is none."""
        for node in self.nodes:
            if address in (node.address, node.name):
                return node
        known = ", ".join(str(node) for node in self.nodes)
        raise UserError(f"no node has the address {address or '(empty)'}; talos/inventory.yaml names {known}.")


def short(path: Path) -> str:
    """Return a path relative to the repository."""
    return str(path.relative_to(ROOT))


def load(path: Path) -> Any:
    """Return the content of a YAML file of one document; UserError when it is missing or broken."""
    try:
        return yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{short(path)} is missing: restore it with `git checkout`.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{short(path)} is not YAML: {' '.join(str(error).split())}") from None


def look_up(path: Path, *keys: str) -> Any:
    """Return a value in a YAML file; UserError that names the key when it is not there."""
    value = load(path)
    for depth, key in enumerate(keys):
        if not isinstance(value, dict) or key not in value:
            raise UserError(f"{short(path)} has no {'.'.join(keys[: depth + 1])}.")
        value = value[key]
    return value


@cache
def inventory() -> Inventory:
    """Return talos/inventory.yaml; UserError where it can't be used."""
    listed = look_up(INVENTORY, "nodes")
    if not isinstance(listed, list) or not all(isinstance(node, dict) for node in listed):
        raise UserError(f"{short(INVENTORY)}: nodes is a list of nodes, each with a name and an address.")
    loaded = Inventory(look_up(INVENTORY, "cluster"), look_up(INVENTORY, "endpoint"), tuple(map(Node.read, listed)))
    if not loaded.controllers:
        raise UserError(f"{short(INVENTORY)} names no node whose role is controller.")
    return loaded


def version_of(component: str) -> str:
    """Return the version of talos or kubernetes that the repository asks for, with its leading v."""
    return str(look_up(VERSIONS, f"{component}Version"))


def repository_url() -> str:
    """Return the URL at which Flux finds this repository."""
    return str(look_up(FLUX_INSTANCE, "spec", "values", "instance", "sync", "url"))


def repository_branch() -> str:
    """Return the branch that Flux follows."""
    return str(look_up(FLUX_INSTANCE, "spec", "values", "instance", "sync", "ref")).removeprefix("refs/heads/")


def domain() -> str:
    """Return the domain of the apps."""
    return str(look_up(CLUSTER_SETTINGS, "data", "DOMAIN"))


def files_with_the_placeholder_tunnel() -> list[str]:
    """Return the manifests that name the placeholder tunnel, which nobody has."""
    manifests = sorted((ROOT / "kubernetes").rglob("*.yaml"))
    return [short(path) for path in manifests if PLACEHOLDER_TUNNEL in path.read_text()]
