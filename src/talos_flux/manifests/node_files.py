"""The nodes of talos/inventory.yaml, and what their machine configurations say of them."""

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from talos_flux.manifests.objects import Place
from talos_flux.paths import ANSWERS_FILE
from talos_flux.repository.files import List, Map, RepositoryFile, Unreadable

INVENTORY_FILE = "talos/inventory.yaml"
NODES = "talos/nodes/"
PATCHES = "talos/patches/"
# Documents that give a link addresses.
LINKS = ("BondConfig", "BridgeConfig", "DummyLinkConfig", "LinkConfig", "VLANConfig")
# Where kubelet and etcd are told in which networks their address is.
SUBNET_KEYS = ("validSubnets", "advertisedSubnets")
SUBNETS = (
    ("nodeIP", "validSubnets"),
    ("machine", "kubelet", "nodeIP", "validSubnets"),
    ("cluster", "etcd", "advertisedSubnets"),
)
DEVICE = re.compile(r"disk\.(dev_path|serial) == (\"(?:[^\"\\]|\\.)*\"|'[^']*')")
Misfit = tuple[Place, str]


@dataclass(frozen=True)
class ListedNode:
    """A node as the inventory lists it."""

    entry: Map
    name: str
    address: str

    def of(self, key: str) -> str:
        """Return another of its fields as text; empty where it has none."""
        return str(self.entry.get(key) or "")

    def line(self, key: str) -> int:
        """Return the line of a field, or of the entry."""
        return self.entry.lines.get(key, self.entry.line)


def misfits(files: Mapping[str, RepositoryFile]) -> Iterator[Misfit]:
    """Yield where the inventory, the files of its nodes and the recorded answers say different things."""
    content = next(iter(_maps(files.get(INVENTORY_FILE))), None)
    listed = content.get("nodes") if content else None
    if content is None or not isinstance(listed, List):
        return
    nodes = [ListedNode(one, str(one.get("name")), str(one.get("address"))) for one in listed if isinstance(one, Map)]
    yield from _repeated(nodes)
    yield from _of_answers(nodes, files)
    host = urlsplit(str(content.get("endpoint"))).hostname or ""
    for node in nodes:
        if node.of("schematic") and f"talos/{node.of('schematic')}" not in files:
            yield (
                Place(INVENTORY_FILE, node.line("schematic")),
                f"{node.name} is made of {node.of('schematic')}, which is not in talos/",
            )
        file = files.get(f"{NODES}{node.name}.yaml")
        for document in _maps(file):
            if file:
                yield from _in_its_file(node, document, host, file.path)
    yield from _outside_of_subnets(nodes, files)
    names = {node.name for node in nodes}
    for path in files:
        if path.startswith(NODES) and path.endswith(".yaml") and path[len(NODES) : -5] not in names:
            yield Place(path, 1), f"{INVENTORY_FILE} has no node {path[len(NODES) : -5]}, so nothing reads this file"


def _maps(file: RepositoryFile | None) -> list[Map]:
    try:
        return [document for document in file.documents if isinstance(document, Map)] if file else []
    except Unreadable:
        return []


def _repeated(nodes: list[ListedNode]) -> Iterator[Misfit]:
    for key in ("name", "address"):
        seen: dict[str, str] = {}
        for node in nodes:
            if (value := node.of(key)) in seen:
                yield Place(INVENTORY_FILE, node.line(key)), f"two nodes have the {key} {value}"
            seen[value] = node.name


def _of_answers(nodes: list[ListedNode], files: Mapping[str, RepositoryFile]) -> Iterator[Misfit]:
    """Yield nodes whose address or role the next update would change back, since the answers have another."""
    answers = next(iter(_maps(files.get(ANSWERS_FILE))), Map())
    recorded = answers.get("nodes")
    known = (
        {str(one.get("name")): one for one in recorded if isinstance(one, Map)} if isinstance(recorded, List) else {}
    )
    for node in nodes if known else ():
        answer = known.get(node.name)
        if answer is None:
            continue  # The names of all nodes may follow from another answer.
        if (address := str(answer.get("address", node.address))) != node.address:
            text = f"{node.name} has the address {node.address} here, and {address} in the answer nodes"
            yield Place(INVENTORY_FILE, node.line("address")), text
        role = "controller" if answer.get("controller", True) else "worker"
        if node.of("role") in ("controller", "worker") and node.of("role") != role:
            yield (
                Place(INVENTORY_FILE, node.line("role")),
                f"{node.name} is a {node.of('role')} here, and a {role} in the answer nodes",
            )


def _in_its_file(node: ListedNode, document: Map, host: str, path: str) -> Iterator[Misfit]:
    kind = document.get("kind")
    if kind == "HostnameConfig" and document.get("hostname") not in (None, node.name):
        text = f"the node is called {document['hostname']} here, and {node.name} in {INVENTORY_FILE}"
        yield Place(path, document.lines["hostname"]), text
    elif kind == "UnattendedInstallConfig":
        yield from _disk(node, document, path)
    elif kind == "Layer2VIPConfig" and _is_address(host) and _is_address(document.get("name")):
        if ipaddress.ip_address(host) != ipaddress.ip_address(document["name"]):
            text = f"the API is shared at {document['name']} here, and at {host} in {INVENTORY_FILE}"
            yield Place(path, document.lines["name"]), text
    machine = document.get("machine")
    network = machine.get("network") if isinstance(machine, Map) else None
    interfaces = network.get("interfaces") if isinstance(network, Map) else None
    if isinstance(network, Map) and network.get("hostname") not in (None, node.name):
        text = f"the node is called {network['hostname']} here, and {node.name} in {INVENTORY_FILE}"
        yield Place(path, network.lines["hostname"]), text
    places = [document] if kind in LINKS else []
    places += [one for one in interfaces if isinstance(one, Map)] if isinstance(interfaces, List) else []
    yield from _addresses(node, places, path)


def _disk(node: ListedNode, document: Map, path: str) -> Iterator[Misfit]:
    provisioning = document.get("provisioning")
    selector = provisioning.get("diskSelector") if isinstance(provisioning, Map) else None
    match = DEVICE.fullmatch(str(selector.get("match"))) if isinstance(selector, Map) else None
    if match and isinstance(selector, Map):
        key = "disk" if match[1] == "dev_path" else "diskSerial"
        disk = json.loads(match[2]) if match[2].startswith('"') else match[2][1:-1]
        if node.of(key) and node.of(key) != disk:
            text = f"{node.name} installs on {disk} here, and on {node.of(key)} in {INVENTORY_FILE}"
            yield Place(path, selector.lines["match"]), text


def _addresses(node: ListedNode, places: list[Map], path: str) -> Iterator[Misfit]:
    """Yield the address of the link that routes to the world, where it is not the one of the inventory."""
    for place in places:
        listed = place.get("addresses")
        gateways = _default_gateways(place)
        entries = listed if isinstance(listed, List) else List()
        texts = [str(one.get("address") if isinstance(one, Map) else one) for one in entries]
        networks = [ipaddress.ip_interface(text) for text in texts if _is_interface(text)]
        # A second link, to storage or a management network, has addresses of its own and no gateway.
        if not networks or not (gateways or place.get("name", place.get("interface")) == node.of("link")):
            continue
        if _is_address(node.address) and ipaddress.ip_address(node.address) not in [one.ip for one in networks]:
            text = f"{node.name} has the address {networks[0].ip} here, and {node.address} in {INVENTORY_FILE}"
            yield Place(path, entries.lines[0]), text
        for gateway in (one for one in gateways if _is_address(one)):
            ip = ipaddress.ip_address(gateway)
            alike = [one.network for one in networks if one.version == ip.version]
            # A network of one address reaches its gateway on the link.
            is_alone = any(network.num_addresses == 1 for network in alike)
            if alike and not (is_alone or ip.is_link_local or any(ip in network for network in alike)):
                text = f"{node.name} can't reach its gateway {gateway}, which is not in {alike[0]}"
                yield Place(path, place.lines["routes"]), text


def _default_gateways(link: Map) -> list[str]:
    """Return the gateways of a link to the world; a route that names a destination leads to other machines alone."""
    routes = link.get("routes")
    everywhere = (None, "", "0.0.0.0/0", "::/0")
    return [
        str(one["gateway"])
        for one in (routes if isinstance(routes, List) else [])
        if isinstance(one, Map) and one.get("gateway") and one.get("destination", one.get("network")) in everywhere
    ]


def _outside_of_subnets(nodes: list[ListedNode], files: Mapping[str, RepositoryFile]) -> Iterator[Misfit]:
    """Yield patches for many nodes by whose subnets kubelet or etcd take no address of some of them."""
    for path in (path for path in files if path.startswith(PATCHES)):
        role = path[len(PATCHES) :].partition("/")[0]
        concerned = [node for node in nodes if role in ("global", node.of("role")) and _is_address(node.address)]
        for document in _maps(files[path]):
            for holder, wanted in _subnets(document):
                outside = [node.name for node in concerned if not _is_in(node.address, wanted)]
                if outside:
                    text = f"no address of {', '.join(outside)} is in {', '.join(map(str, wanted))}"
                    yield Place(path, holder.lines[next(key for key in SUBNET_KEYS if key in holder)]), text


def _subnets(document: Map) -> Iterator[tuple[Map, list[Any]]]:
    """Yield the mappings that say in which networks a program looks for its address, with these networks."""
    for keys in SUBNETS:
        holder: Any = document
        for key in keys[:-1]:
            holder = holder.get(key) if isinstance(holder, Map) else None
        listed = holder.get(keys[-1]) if isinstance(holder, Map) else None
        wanted = list(map(str, listed)) if isinstance(listed, List) else []
        if wanted and all(map(_is_network, wanted)):
            yield holder, [ipaddress.ip_network(one) for one in wanted]


def _is_in(address: str, networks: list[Any]) -> bool:
    ip = ipaddress.ip_address(address)
    alike = [network for network in networks if network.version == ip.version]
    return not alike or any(ip in network for network in alike)


def _is_address(text: Any) -> bool:
    return _is_read_by(ipaddress.ip_address, text)


def _is_interface(text: Any) -> bool:
    return _is_read_by(ipaddress.ip_interface, text)


def _is_network(text: Any) -> bool:
    return not str(text).startswith("!") and _is_read_by(ipaddress.ip_network, text)


def _is_read_by(read: Any, text: Any) -> bool:
    try:
        read(str(text))
    except ValueError:
        return False
    return True
