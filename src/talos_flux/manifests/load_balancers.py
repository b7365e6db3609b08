"""The addresses that Services ask Cilium for, and the pools that it gives them from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import HELM, Object, Place
from talos_flux.manifests.post_build import Variables
from talos_flux.manifests.releases import VALUES, Keys, enabled, mapping, releases, sequence
from talos_flux.repository.files import Unreadable

Address = IPv4Address | IPv6Address
ASKS = ("lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips")
SHARES = ("lbipam.cilium.io/sharing-key", "io.cilium/lb-ipam-sharing-key")


@dataclass(frozen=True)
class AddressRequest:
    """An address that a Service asks for, in which cluster of a repository with several.

    `sharing` is the key with which it shares it, empty for none.
    """

    home: str
    address: Address
    item: Object
    place: Place
    holder: Keys
    sharing: str


@dataclass(frozen=True)
class Block:
    """A range of a pool, both ends included, in which cluster of a repository with several."""

    home: str
    pool: Object
    place: Place
    first: Address
    last: Address

    def has(self, address: Address) -> bool:
        """Return whether an address is in it."""
        return address.version == self.first.version and int(self.first) <= int(address) <= int(self.last)

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def parsed(text: Any) -> Address | None:
    """Return an address, of IPv4 what IPv6 has of it; None for anything else."""
    try:
        address = ip_address(str(text).strip())
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


# --- Services ---


def services(cluster: Cluster) -> Iterator[tuple[Kustomization, Object, Keys, Mapping[str, Any]]]:
    """Yield every mapping that can describe a Service: its object, and those inside what makes Services."""
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.is_a("Service", ""):
                yield kustomization, item, (), item.content
            elif item.is_a("HelmRelease", HELM):
                yield from ((kustomization, item, keys, value) for keys, value in _mappings(item.get(*VALUES), VALUES))
            elif item.kind in ("Gateway", "EnvoyProxy"):
                yield from (
                    (kustomization, item, keys, value) for keys, value in _mappings(item.get("spec"), ("spec",))
                )


def _mappings(value: Any, keys: Keys) -> Iterator[tuple[Keys, Mapping[str, Any]]]:
    return ((inner_keys, content) for inner_keys, content in enabled(value, keys) if isinstance(content, dict))


def address_requests(cluster: Cluster, variables: Variables) -> Iterator[AddressRequest]:
    """Yield every address that a Service asks for, without those with unknown variables."""
    of_app_template = {id(release.item) for release in releases(cluster) if release.is_app_template}
    for kustomization, item, keys, content in services(cluster):
        is_object = not keys
        # Kubernetes and app-template make a ClusterIP where no type is said; other charts may not.
        may_be_unsaid = not is_object and id(item) not in of_app_template
        spec = mapping(content.get("spec")) if is_object else content
        annotations = item.annotations if is_object else mapping(content.get("annotations"))
        if not _is_ciliums(spec) or not (may_be_unsaid or "type" in spec):
            continue
        inner: Keys = ("metadata",) if is_object else keys
        wanted = [(annotations[name], (*inner, "annotations", name)) for name in ASKS if name in annotations]
        if "loadBalancerIP" in spec:
            wanted.append((spec["loadBalancerIP"], (*(("spec",) if is_object else keys), "loadBalancerIP")))
        sharing = next((str(annotations[name]) for name in SHARES if name in annotations), "")
        for text, value_keys in wanted:
            for part in variables.resolve(text, kustomization, item).split(","):
                if address := parsed(part):
                    yield AddressRequest(
                        cluster.home_of(kustomization), address, item, item.at(*value_keys), keys, sharing
                    )


def _is_ciliums(spec: Mapping[str, Any]) -> bool:
    """Return whether a Service is one that Cilium gives an address, as far as it says."""
    of_class = str(spec.get("loadBalancerClass") or "io.cilium/")
    return spec.get("type", "LoadBalancer") == "LoadBalancer" and of_class.startswith("io.cilium/")


# --- Pools ---


def blocks(cluster: Cluster, variables: Variables) -> tuple[list[Block], bool]:
    """Return the ranges of every pool, and whether these are all."""
    ranges: list[Block] = []
    is_whole = True
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.is_a("CiliumLoadBalancerIPPool", "cilium.io") and item.spec.get("disabled") is not True:
                for key in ("blocks", "cidrs"):
                    for number, entry in enumerate(sequence(item.spec.get(key))):
                        fields = {
                            name: variables.resolve(text, kustomization, item) for name, text in mapping(entry).items()
                        }
                        ends = _ends(fields)
                        is_whole = is_whole and ends is not None
                        if ends:
                            place = item.at("spec", key, number)
                            ranges.append(Block(cluster.home_of(kustomization), item, place, *ends))
    return ranges, is_whole


def _ends(fields: Mapping[str, str]) -> tuple[Address, Address] | None:
    if "cidr" in fields:
        try:
            network = ip_network(fields["cidr"], strict=False)
        except ValueError:
            return None
        return network[0], network[-1]
    first, last = parsed(fields.get("start")), parsed(fields.get("stop") or fields.get("start"))
    return (first, last) if first and last and first.version == last.version else None


# --- Nodes ---


def machines(cluster: Cluster) -> Iterator[tuple[str, Address]]:
    """Yield the addresses of the nodes and of the API, each with whose it is."""
    for path, key in (("talos/inventory.yaml", "address"), ("talos/talconfig.yaml", "ipAddress"),
                      ("talconfig.yaml", "ipAddress")):  # fmt: skip
        content = _content(cluster, path)
        for node in map(mapping, sequence(content.get("nodes"))):
            for part in str(node.get(key, "")).split(","):
                if address := parsed(part.partition("/")[0]):
                    yield f"node {node.get('name') or node.get('hostname')}", address
        try:
            host = urlsplit(str(content.get("endpoint", ""))).hostname
        except ValueError:
            host = None
        if address := parsed(host):
            yield "the API", address


def _content(cluster: Cluster, path: str) -> Mapping[str, Any]:
    try:
        documents = cluster.files[path].documents if path in cluster.files else []
    except Unreadable:
        documents = []
    return next((document for document in documents if isinstance(document, dict)), {})
