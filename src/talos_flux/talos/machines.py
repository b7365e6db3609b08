"""What the machines report over the Talos API."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from talos_flux.errors import UserError
from talos_flux.process import ToolError, run
from talos_flux.repository.settings import Node, short
from talos_flux.talos import config
from talos_flux.terminal import out

ANSWER_SECONDS = 30


@dataclass(frozen=True)
class NetworkLink:
    """A network link."""

    name: str
    mac: str
    up: bool
    speed: int = 0
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disk:
    """A disk."""

    path: str
    size: str
    model: str = ""
    serial: str = ""
    symlinks: tuple[str, ...] = ()
    readonly: bool = False

    def __str__(self) -> str:
        return f"{self.path} ({' '.join(filter(None, [self.size, self.model, self.serial]))})"


@dataclass(frozen=True)
class Machine:
    """A machine that answered. In maintenance mode it has no configuration yet and trusts anybody."""

    address: str
    maintenance: bool
    stage: str
    ready: bool
    links: tuple[NetworkLink, ...] = ()
    disks: tuple[Disk, ...] = ()


def ask(address: str, *arguments: str, insecure: bool = False, timeout: float = ANSWER_SECONDS) -> str:
    """Run talosctl against one machine, and return its output."""
    mode = ["--insecure"] if insecure else []
    return run("talosctl", *arguments, "--nodes", address, "--endpoints", address, *mode, timeout=timeout)


def inspect(address: str) -> Machine:
    """Return what a machine is made of; UserError when it does not answer."""
    try:
        return _inspect(address, maintenance=True)
    except ToolError as failed:
        without_keys = failed.stderr
    if not config.has_talosconfig():
        raise UserError(f"{address} does not answer in maintenance mode: {reason(without_keys)}")
    try:
        return _inspect(address, maintenance=False)
    except ToolError as failed:
        if "unknown authority" in failed.stderr:
            raise UserError(
                f"{address} runs Talos with the keys of another cluster: reset it, or boot it from the installer's "
                "image in maintenance mode."
            ) from None
        raise UserError(f"{address} does not answer: {reason(failed.stderr)}") from None


def waits_for_a_configuration(address: str) -> bool:
    """Return whether a machine is in maintenance mode."""
    try:
        return _inspect(address, maintenance=True).maintenance
    except ToolError:
        return False


def _inspect(address: str, *, maintenance: bool) -> Machine:
    status = next(resources(address, "machinestatus", maintenance=maintenance), None)
    if status is None:
        raise ToolError(["talosctl", "get", "machinestatus"], f"{address} has no machinestatus yet")
    return Machine(
        address,
        maintenance,
        stage=status["spec"]["stage"],
        ready=status["spec"]["status"]["ready"],
        links=tuple(_links(resources(address, "links", maintenance=maintenance))),
        disks=tuple(_disks(resources(address, "disks", maintenance=maintenance))),
    )


def resources(
    address: str, kind: str, *, maintenance: bool = False, timeout: float = ANSWER_SECONDS
) -> Iterator[dict[str, Any]]:
    """Yield resources as `talosctl get` prints them: JSON documents one after the other."""
    text = ask(address, "get", kind, "--output", "json", insecure=maintenance, timeout=timeout)
    decoder, position = json.JSONDecoder(), 0
    while position < len(text.rstrip()):
        document, position = decoder.raw_decode(text, position)
        yield document
        position = next((i for i in range(position, len(text)) if not text[i].isspace()), len(text))


def _links(resources: Iterator[dict[str, Any]]) -> Iterator[NetworkLink]:
    """Yield physical links: the others are made by the configuration."""
    for resource in resources:
        spec = resource["spec"]
        if spec.get("type") == "ether" and not spec.get("kind"):
            names = (*spec.get("altNames", []), *filter(None, [spec.get("alias")]))
            mac = spec.get("permanentAddr") or spec.get("hardwareAddr", "")
            yield NetworkLink(
                resource["metadata"]["id"], mac, spec.get("linkState", False), spec.get("speedMbit", 0), names
            )


def _disks(resources: Iterator[dict[str, Any]]) -> Iterator[Disk]:
    """Yield disks that could hold a system: Talos lists loop devices and drives for discs as well."""
    for resource in resources:
        spec = resource["spec"]
        if not spec.get("cdrom") and not spec["dev_path"].startswith("/dev/loop"):
            yield Disk(
                spec["dev_path"], spec.get("pretty_size", ""), spec.get("model", ""), spec.get("serial", ""),
                tuple(spec.get("symlinks", [])), spec.get("readonly", False),
            )  # fmt: skip


def show(title: str, machine: Machine) -> None:
    """Print a machine's links and disks."""
    state = "in maintenance mode" if machine.maintenance else machine.stage
    out.print(f"[bold]{title}[/bold], {state}")
    links = Table("link", "MAC address", "state", box=None, pad_edge=True)
    for link in machine.links:
        links.add_row(link.name, link.mac, f"up, {link.speed} Mbit/s" if link.up else "down")
    disks = Table("disk", "size", "model", "serial", box=None, pad_edge=True)
    for disk in machine.disks:
        disks.add_row(disk.path, disk.size, disk.model, disk.serial)
    out.print(links)
    out.print(disks)


# --- What a configuration requires of a machine ---


@dataclass(frozen=True)
class HardwareRequirements:
    """The hardware that a configuration names. Disks are expressions, of which a few kinds can be judged.

    `disk` is the one to install on, `volumes` are those of user volumes.
    """

    disk: str
    volumes: tuple[str, ...] = ()
    links: frozenset[str] = frozenset()
    macs: frozenset[str] = frozenset()


_MADE_BY_CONFIGURATION = {
    "VLANConfig",
    "BondConfig",
    "BridgeConfig",
    "DummyLinkConfig",
    "WireguardConfig",
    "LinkAliasConfig",
}
_NAME_A_LINK = {"LinkConfig": "name", "DHCPv4Config": "name", "VLANConfig": "parent", "Layer2VIPConfig": "link"}
_MAC_EXPRESSION = re.compile(r"""mac\(link\.(?:permanent_addr|hardware_addr)\)\s*==\s*["']([^"']+)["']""")
_DISK_EXPRESSION = re.compile(
    r"""disk\.(?:(dev_path|serial)\s*==\s*|symlinks\.exists\(\w+,\s*\w+\s*==\s*)("(?:[^"\\]|\\.)*"|'[^']*')\)?"""
)


def requirements_of(node: Node) -> HardwareRequirements:
    """Return what the node's rendered configuration names; UserError when it names no disk to install on."""
    documents = config.documents(node.config.read_text())
    made = {document["name"] for document in documents if document.get("kind") in _MADE_BY_CONFIGURATION}
    named = {
        document[_NAME_A_LINK[kind]] for document in documents if (kind := document.get("kind", "")) in _NAME_A_LINK
    }
    for document in documents:
        if document.get("kind") in {"BondConfig", "BridgeConfig"}:
            named |= set(document.get("links", []))
    aliases = [document["selector"]["match"] for document in documents if document.get("kind") == "LinkAliasConfig"]
    installs = [document for document in documents if document.get("kind") == "UnattendedInstallConfig"]
    if not installs:
        raise UserError(
            f"{short(node.config)} has no UnattendedInstallConfig: nothing says on which disk {node} installs."
        )
    volumes = [document for document in documents if document.get("kind") == "UserVolumeConfig"]
    return HardwareRequirements(
        installs[0]["provisioning"]["diskSelector"]["match"],
        tuple(volume["provisioning"]["diskSelector"]["match"] for volume in volumes if "provisioning" in volume),
        frozenset(named - made),
        frozenset(match[1].lower() for alias in aliases if (match := _MAC_EXPRESSION.fullmatch(alias.strip()))),
    )


def disk_for(expression: str, machine: Machine) -> Disk | None:
    """Return the disk that an expression matches; None when only Talos can judge the expression.

    Raise UserError when the machine has no such disk.
    """
    match = _DISK_EXPRESSION.fullmatch(expression.strip())
    if not match:
        return None
    kind, wanted = match[1], json.loads(match[2]) if match[2].startswith('"') else match[2][1:-1]
    matches: Callable[[Disk], bool] = {
        "dev_path": lambda disk: disk.path == wanted,
        "serial": lambda disk: disk.serial == wanted,
        None: lambda disk: wanted in disk.symlinks,
    }[kind]
    for disk in machine.disks:
        if matches(disk):
            return disk
    description = {"dev_path": "disk", "serial": "disk with the serial number", None: "disk"}[kind]
    raise UserError(f"there is no {description} {wanted}; there is {_list(machine.disks)}")


def refuse_unless_it_fits(node: Node, machine: Machine) -> Disk | None:
    """Return the disk that will be wiped; UserError when the machine lacks what its configuration names."""
    wanted = requirements_of(node)
    remedy = "change the answer `nodes` (docs/runbooks/nodes.md), commit, push and `task configure`."
    names = {name for link in machine.links for name in (link.name, *link.other_names)}
    if missing := sorted(wanted.links - names):
        raise UserError(
            f"{node} has no link {missing[0]}; it has {_list(link.name for link in machine.links)}: {remedy}"
        )
    if missing := sorted(wanted.macs - {link.mac.lower() for link in machine.links}):
        present = _list(f"{link.mac} ({link.name})" for link in machine.links)
        raise UserError(f"{node} has no link with the MAC address {missing[0]}; it has {present}: {remedy}")
    try:
        disk = disk_for(wanted.disk, machine)
        for volume in wanted.volumes:
            disk_for(volume, machine)
    except UserError as refusal:
        raise UserError(f"on {node} {refusal}: {remedy}") from None
    if disk and disk.readonly:
        raise UserError(f"on {node} the disk {disk} can't be written: {remedy}")
    return disk


def _list(things: Any) -> str:
    """Return things for a sentence."""
    return ", ".join(str(thing) for thing in things) or "none"


def reason(stderr: str) -> str:
    """Return the end of a chain of errors, which names the cause."""
    return " ".join(stderr.split()).rpartition("desc = ")[2] or "no reason given."


# --- Waiting ---


@dataclass
class Poller:
    """Repeats a step for at most `minutes`. `last` is why it did not succeed yet."""

    minutes: float
    pause: float = 5
    last: str = field(default="", init=False)

    def until(self, event: str, attempt: Callable[[], bool]) -> None:
        """Try until the attempt returns true; a tool that fails is tried again. UserError after `minutes`."""
        deadline = time.monotonic() + 60 * self.minutes
        while True:
            try:
                if attempt():
                    return
            except ToolError as failed:
                self.last = reason(failed.stderr)
            if time.monotonic() >= deadline:
                raise UserError(f"{event} did not happen within {self.minutes:g} min: {self.last or 'no reason given'}")
            time.sleep(self.pause)
