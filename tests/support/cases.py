"""The clusters that are judged: every example, every pair of choices, awkward answers, each storage with disks."""

import itertools
from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.render import PROJECT
from tests.tools import records
from tests.tools.records import dns, git_hosts, secret_stores
from tests.tools.records.component import components
from tests.tools.records.ingress import ingresses
from tests.tools.records.storage import storages

EXAMPLES: dict[str, dict[str, Any]] = {
    file.stem: yaml.safe_load(file.read_text()) for file in sorted((PROJECT / "examples").glob("*.yaml"))
}

# The choices of the question `components`, with words that only a cluster with the component may contain.
COMPONENT_WORDS = {each.choice.name: each.choice.words for each in components() if each.choice}
COMPONENTS = tuple(sorted(COMPONENT_WORDS))
# The addresses by which a Git host is recognised.
ADDRESSES = tuple(sorted(address for each in git_hosts.hosts() for address in each.hosts))
# What can be chosen, by name of the choice. Most are a question and its answers; `answers_to` says what the rest mean.
CHOICES: dict[str, tuple[str, ...]] = {
    "external_access": ("quic", "http2", "direct-name", "direct-address", "none"),
    "webhook_provider": (*git_hosts.webhooks(), "none"),
    "repository": (*ADDRESSES, "own-ssh", "github-ssh"),
    "nodes": ("one", "three", "mixed"),
    "storage": (*(each.name for each in storages()), "none"),
    "ci": (*git_hosts.pipelines(), "none"),
    "dns_provider": (*(each.name for each in dns.providers()), "none"),
    "ingress_backend": tuple(each.name for each in ingresses()),
    "secrets_backend": tuple(each.name for each in secret_stores.backends()),
    "load_balancer_announcement": ("l2", "bgp"),
    "load_balancer_mode": ("dsr", "snat"),
    "ip_families": ("ipv4", "dual-stack"),
    "vlan": ("untagged", "tagged"),
    "backups": ("none", "s3", "nfs"),
    "alerts": ("none", "ntfy", "pushover", "discord", "webhook"),
    **{component: ("on", "off") for component in COMPONENTS},
}


def is_possible(picked: dict[str, str]) -> bool:
    """Whether the rules of the questions allow these choices together; choices not made yet are absent."""
    external, webhook = (picked.get(name, "none") for name in ("external_access", "webhook_provider"))
    if picked.get("dns_provider") == "none" and (external, webhook) != ("none", "none"):
        return False
    if picked.get("dns_provider", "cloudflare") != "cloudflare" and external in ("quic", "http2"):
        return False
    if picked.get("storage") == "none" and picked.get("backups", "none") != "none":
        return False
    if picked.get("alerts") == "pushover" and picked.get("monitoring", "on") == "off":
        return False
    return webhook == "none" or picked.get("external_access") != "none"


def pairs_of(picked: dict[str, str]) -> set[frozenset[tuple[str, str]]]:
    """Every two of the choices made."""
    return {frozenset(pair) for pair in itertools.combinations(picked.items(), 2)}


def possible_pairs() -> Iterator[dict[str, str]]:
    """Every two choices that the rules allow together, in the order of CHOICES."""
    for one, other in itertools.combinations(CHOICES, 2):
        for values in itertools.product(CHOICES[one], CHOICES[other]):
            if is_possible(pair := dict(zip((one, other), values, strict=True))):
                yield pair


def pairwise() -> list[dict[str, str]]:
    """Few sets of choices that together hold every possible pair; the same ones at every call.

    Each set starts from the first pair that no set holds yet; every other choice is then the one that adds
    the most new pairs.
    """
    missing = {frozenset(pair.items()): pair for pair in possible_pairs()}
    rows = []
    while missing:
        row = dict(next(iter(missing.values())))
        for name in [name for name in CHOICES if name not in row]:
            candidates = [row | {name: value} for value in CHOICES[name] if is_possible(row | {name: value})]
            row = max(candidates, key=lambda candidate: len(pairs_of(candidate) & missing.keys()))
        for pair in pairs_of(row):
            missing.pop(pair, None)
        rows.append(row)
    return rows


def answers_to(picked: dict[str, str]) -> dict[str, Any]:
    """Return the answers to the questions that a set of choices stands for."""
    ssh_example = EXAMPLES["private-ssh"]
    answers: dict[str, Any] = {
        "cluster_name": "pairs",
        "domain": "pairs.example.net",
        **{name: picked[name] for name in ("storage", "ci", "ingress_backend", "secrets_backend", "dns_provider")},
        **{
            name: answer
            for each in records.backends()
            if each.answers.items() & picked.items()
            for name, answer in each.answers.items()
        },
        **{name: picked[name] for name in ("load_balancer_announcement", "load_balancer_mode", "webhook_provider")},
        **{name: picked[name] for name in ("backups", "alerts")},
        "components": [component for component in COMPONENTS if picked[component] == "on"],
        "repository_url": {
            **{address: f"https://{address}/copier-talos-flux/pairs.git" for address in ADDRESSES},
            "github-ssh": "ssh://git@github.com/copier-talos-flux/pairs.git",
            "own-ssh": ssh_example["repository_url"],
        }[picked["repository"]],
        "vlan_id": 30 if picked["vlan"] == "tagged" else None,
    }
    if picked["repository"] == "own-ssh":
        answers["repository_known_hosts"] = ssh_example["repository_known_hosts"]
    answers |= {
        "quic": {"external_access": "cloudflare-tunnel", "tunnel_transport": "quic"},
        "http2": {
            "external_access": "cloudflare-tunnel",
            "tunnel_transport": "http2",
            "acme_server": "staging",
        },
        "direct-name": {"external_access": "direct", "external_dns_target": "home.example.net"},
        "direct-address": {"external_access": "direct", "external_dns_target": "93.184.215.14"},
        "none": {"external_access": "none"},
    }[picked["external_access"]]
    if picked["load_balancer_announcement"] == "bgp":
        answers |= {
            "bgp_router_address": "192.168.1.254",
            "bgp_router_asn": 64513,
            "bgp_node_asn": 4200000001,
            "load_balancer_pool": "192.168.66.0/27",
        }
    if picked["ip_families"] == "dual-stack":
        # A global network: pods and services take one of their own.
        answers |= {"node_cidr_ipv6": "2001:db8:0:66::/64", "dns_servers": ["1.1.1.1", "2606:4700:4700::1111"]}
        if picked["load_balancer_announcement"] == "bgp":
            answers["bgp_router_address_ipv6"] = "2001:db8:0:66::1"
    if picked["backups"] == "s3":
        answers["backup_s3_url"] = "https://minio.example.net:9000/pairs/volumes"
    if picked["backups"] == "nfs":
        answers["backup_nfs"] = "nas.example.net:/volume1/backups"
    if picked["alerts"] == "ntfy":
        answers["ntfy_topic"] = "https://ntfy.example.net:8443/home/pairs_1"
    if picked["nodes"] == "one":
        answers["nodes"] = [{"name": "only", "address": "192.168.1.98", "disk": "/dev/sda", "interface": "eno1"}]
    if picked["nodes"] == "mixed":
        large = EXAMPLES["large"]["nodes"]
        answers["nodes"] = [node | {"address": f"192.168.1.{90 + i}"} for i, node in enumerate(large)]
    return answers


# Answers that are fine by their rules and that YAML, Jinja or Flux could each take for something else.
AWKWARD: dict[str, Any] = {
    "cluster_name": "null",
    "domain": "on.example.net",
    "onepassword_vault": "Zuhause: \"Büro\" #1, Omas 'Keller' & {mehr}",
    "repository_branch": "feature/1.0",
    "timezone": "America/Port-au-Prince",
    "api_extra_sans": ["123.example.net", "10.1.2.3"],
    "nodes": [
        {
            "name": "1e3",
            "address": "192.168.1.98",
            "disk_serial": "00012345",
            "mac_address": "12:34:56:78:90:12",
            "labels": {"example.net/yes": "yes", "example.net/number": "0123"},
            "taints": {"example.net/on": "on:NoSchedule", "example.net/bare": ":PreferNoSchedule"},
        }
    ],
}

# Every way to name a disk for volumes and a link, each with what it may meet.
EQUIPPED_NODES: list[dict[str, Any]] = [
    {
        "name": "c1",
        "address": "192.168.1.11",
        "disk_serial": "S1",
        "ephemeral_size": "100GiB",
        "encrypt_disk": True,
        "storage_disks": [{"disk_serial": "S1", "name": "rest"}, {"disk": "/dev/disk/by-id/nvme-WD_1"}],
        "bond": {"mac_addresses": ["58:47:ca:00:00:01", "58:47:ca:00:00:02"], "mode": "802.3ad"},
        "mtu": 9000,
        "links": [
            {"interface": "bond0", "vlan_id": 40, "addresses": ["10.4.0.11/24"], "mtu": 9000},
            {"mac_address": "58:47:ca:00:00:03", "addresses": ["10.100.0.0/31", "10.100.1.0/31"], "mtu": 9000,
             "routes": [{"network": "10.100.100.2/32", "gateway": "10.100.0.1"}]},
        ],
        "labels": {"example.net/rack": "7"},
        "taints": {"dedicated": "gpu:NoSchedule"},
    },
    {
        "name": "c2",
        "address": "192.168.1.12",
        "disk": "/dev/sda",
        "storage_disks": [{"min_size": "500GB"}, {"min_size": "1TiB"}],
        "bond": {"interfaces": ["eno1", "eno2"], "mode": "balance-xor"},
        "links": [{"interface": "enp2s0f0np0", "vlan_id": 41, "addresses": ["10.5.0.12/24"], "mtu": 9000}],
    },
    {
        "name": "c3",
        "address": "192.168.1.13",
        "disk": "/dev/sda",
        "ephemeral_size": "1TB",
        "bond": {"interfaces": ["eno1.5"]},
        "links": [{"interface": "007", "addresses": ["10.6.0.13/24"]}],
    },
    {"name": "w1", "address": "192.168.1.14", "controller": False, "disk": "/dev/sda", "interface": "enp1s0"},
    {
        "name": "w2",
        "address": "192.168.1.15",
        "controller": False,
        "disk": "/dev/sda",
        "mac_address": "58:47:ca:00:00:15",
        "storage_disks": [{"disk": "/dev/sdb", "name": "1e3"}],
        "links": [{"mac_address": "58:47:ca:00:00:15", "vlan_id": 40, "addresses": ["10.4.0.15/24"]}],
    },
]  # fmt: skip

CASES: dict[str, dict[str, Any]] = {
    **EXAMPLES,
    **{f"pair-{number:02}": answers_to(picked) for number, picked in enumerate(pairwise(), 1)},
    "awkward": AWKWARD,
    **{f"disks-{each.name}": {"nodes": EQUIPPED_NODES, "storage": each.name} for each in storages()},
}
