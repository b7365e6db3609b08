# ruff: noqa: E501 (tables of answers)
"""Answers that nobody would think of, to the questions of a cluster and of the generators, drawn by hypothesis.

A set of answers is a good one in which one or two questions are answered anew: with another good value, with a good
one that was damaged, or with one that YAML, Jinja, Flux, a shell or a terminal could take for something else.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from tests.support import app_cases
from tests.support.cases import AWKWARD, EXAMPLES
from tests.support.questions import is_public, questions
from tests.tools import records
from tests.tools.records import generator

Answers = dict[str, Any]
Strategy = st.SearchStrategy[Any]

CLUSTER: Answers = EXAMPLES["anton"]
BGP: Answers = {
    "load_balancer_announcement": "bgp",
    "bgp_router_address": "192.168.1.254",
    "bgp_router_asn": 64513,
    "bgp_node_asn": 64514,
}
DUAL_STACK: Answers = {"node_cidr_ipv6": "fd12:3456:789a:1::/64"}
HOST_KEY = "[git.example.net]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000000"
OWN_HOST: Answers = {
    "repository_url": "ssh://git@git.example.net:2222/a/b.git",
    "repository_known_hosts": HOST_KEY,
}
DIRECT: Answers = {"external_access": "direct", "external_dns_target": "home.example.org"}
NTFY: Answers = {"alerts": "ntfy", "ntfy_topic": "https://ntfy.sh/anton"}

INHERITED: Answers = {"external_access": "direct", "storage": "local-path", "secrets_backend": "onepassword"}
APP: Answers = {"generator": "app", "app_namespace": "media", "app_name": "films", **INHERITED}
IMAGE, MANIFESTS, CHART = (APP | app_cases.OF_KIND[kind] for kind in ("app-template", "manifests", "chart"))
PORT: Answers = {"app_port": 8080}
BACKED_UP: Answers = {"backups": "s3", "app_backup": True, "app_mounts": [{"path": "/data", "pvc": "1Gi"}]}
EVERYTHING = app_cases.everything("local-path")
EXTERNAL: Answers = {"app_secret": "external-secret", "app_exposure": "external"}

# Together they ask every question.
BASES: dict[str, list[Answers]] = {
    "cluster": [
        CLUSTER,
        CLUSTER | {"components": ["monitoring", "spegel", "tailscale"], "storage": "longhorn", **app_cases.TO_NFS},
        CLUSTER | {"secrets_backend": "sops", **NTFY, **app_cases.TO_S3},
        CLUSTER | {"ingress_backend": "envoy-gateway", **DIRECT},
        CLUSTER
        | {"dns_provider": "none", "components": [], "ci": "gitlab", "renovate_automerge": "minor", "vlan_id": 30},
        *(CLUSTER | DIRECT | each.answers for each in records.backends() if each.questions),
        CLUSTER | BGP | OWN_HOST | {"load_balancer_pool": "10.45.0.0/24"},
        CLUSTER | DUAL_STACK,
        CLUSTER | DUAL_STACK | BGP | {"bgp_router_address_ipv6": "2001:db8::1", "load_balancer_pool": "10.45.0.0/24"},
        CLUSTER | AWKWARD,
    ],
    **{each.name: each.additions for each in generator.records()},
    "app": [
        IMAGE | PORT,
        IMAGE | EVERYTHING | {"backups": "s3", "app_backup": True},
        IMAGE | PORT | {"app_secret": "onepassword", "app_secret_keys": ["API_KEY"]},
        IMAGE | PORT | {"ingress_backend": "envoy-gateway", "app_timeout": 60},
        IMAGE | {"app_secret": "external-secret"},
        IMAGE | {"app_schedule": "@daily"},
        MANIFESTS | EVERYTHING,
        MANIFESTS | PORT | EXTERNAL,
        MANIFESTS | {"app_schedule": "5 4 * * mon"},
        MANIFESTS | PORT | {"secrets_backend": "sops", "app_secret": "sops"} | BACKED_UP,
        CHART | PORT,
        CHART | {"app_chart_url": "https://charts.example.net/stable/films"},
    ],
}

# What is a text to us, and what somebody on the way may take for something else.
TEXTS = (
    "", " ", "~", "-", "=", "<<", ".", "..", "null", "Null", "y", "n", "yes", "No", "on", "OFF", "true", "False", "0",
    "00", "007", "1", "-1", "+1", "1_000", "0x1F", "0o17", "0b11", "1e3", "1E-3", ".5", "5.", "1.10", ".inf", "-.INF",
    ".nan", "12:30", "190:20:30", "2024-01-01", "2024-1-1", "2024-01-01T12:00:00Z", "2024-01-01 12:00:00 +1", "---",
    "--- a", "...", "- a", "-a", "? a", ": a", "a: b", "a:", "a #b", "#a", "[a]", "{a: b}", "&a", "*a", "!a", "!!int 1",
    "|", ">", "%TAG", "@a", "`a`", "'", '"', "''", '""', "'a'", '"a"', "a'b", 'a"b', "\\", "\\n", "\\x24", "\\u0041",
    "a\\", "$", "$$", "$$$", "$X", "${X}", "$${X}", "$$${X}", "${DOMAIN}", "$${DOMAIN}", "${X:-y}", "${", "${}", "${1}",
    "$(X)", "$(A)", "$$(A)", "$(", "$()", "`x`", "{{", "}}", "{{ x }}", "{{ .Values }}", "{{- x -}}", "{% raw %}",
    "{# x #}", "{{{", '{{ "{{" }}', "<% x %>", "%s", "%", "&amp;", "a b", " a", "a ", "  a\n  b", "\n", "\n\n", "a\n",
    "a\n\n", "\na", "a\nb", "a\n b\n", " a\nb\n", "a \nb\n", "#a\nb\n", "a: b\nc: d\n", "---\na\n", "a\n---\nb\n",
    "a\n...\n", "\t", "\ta", "a\t", "a\tb\n", "\ta\n", "\r", "a\rb", "a\r\nb\r\n", "\xa0", "\u3000a", "\u200b",
    "\u200f", "é", "e\u0301", "Ämter", "日本", "مرحبا", "\u202eabc", "😀", "👩\u200d👩", "\U0010ffff", "<script>", "a,b",
    "a=b", "a|b", "a>b", "a;b", "a&b", "~a", "/", "//", "/a/../b", "../a", "x" * 70, "x " * 60, "---\n", "é" * 50,
    "$" * 9, "word " * 30 + "${X} " + "word " * 30, "x" * 300,
)  # fmt: skip
# ... and what no YAML holds, or no program prints.
UNPRINTABLE = (
    "\u2028", "a\u2029b", "\x85", "\x7f", "\x00", "\x1b[31m", "\x07", "\x9b", "\ufeff", "\ufeffa", "a\ufeff", "\ufffe",
    "\uffff", "\ud800", "a\udcffb",
)  # fmt: skip
FRAGMENTS = (*TEXTS, *"$\\'\"{}[]:#,&*!|>%@` \n\t-?=~/ab01")


def mostly(good: Sequence[Any] | Strategy, odd: Sequence[Any] | Strategy) -> Strategy:
    """Draw a good value five times out of six. Alternatives of alternatives would all be drawn as often."""
    good, odd = (each if isinstance(each, st.SearchStrategy) else st.sampled_from(list(each)) for each in (good, odd))
    return st.integers(0, 5).flatmap(lambda number: odd if number == 5 else good)


def record(required: Mapping[str, Strategy], **optional: Strategy) -> Strategy:
    return st.fixed_dictionaries(dict(required), optional=optional)


joined = st.lists(st.sampled_from(FRAGMENTS), min_size=2, max_size=5).map("".join)
printable = st.one_of(st.sampled_from(TEXTS), joined)
texts = mostly(printable, st.one_of(st.sampled_from(UNPRINTABLE), st.text(max_size=8)))
# What a YAML file of answers can hold.
scalars = st.one_of(
    texts,
    st.integers(-10, 70000),
    st.sampled_from([None, True, False, 10**30, 1.5, 1e300, float("inf"), float("nan"), b"a"]),
    st.sampled_from([datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1, 12)]),
)
keys = st.one_of(texts, st.sampled_from([1, None, True, 1.5]))


def nested(leaves: Strategy, keys: Strategy) -> Strategy:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
        max_leaves=5,
    )


anything = nested(scalars, keys)
json_values = nested(st.one_of(printable, st.integers(), st.sampled_from([None, True, False, 1.5])), printable)

# Labels of DNS, and those that YAML takes for something else.
NAMES = ("a", "films", "x1", "1a", "0x", "a-b", "on-call", "e1", "1e", "x" * 40)
ODD_NAMES = ("on", "1", "y", "null", "1e3", "0x1", "007", "2024-01-01", "~", "A", "a.b", "-a", "é", "x" * 64)
names = mostly(NAMES, ODD_NAMES)
SETTINGS = st.sampled_from(
    ["https://${DOMAIN}/${HOME}", "${DOMAIN}", "$${DOMAIN} $$", "${TIMEZONE}$(A) {{ ${DOMAIN}", "${DOMAIN:-x}"]
)
VARIABLES = ("A", "B", "_", "y", "N", "on", "null", "NO", "TZ", "PUID", "API_KEY", "_1", "e1", "True")
variables = mostly(VARIABLES, texts)
ADDRESSES = ("1.1.1.1", "192.168.1.254", "10.0.0.1", "255.255.255.255")
ODD_ADDRESSES = ("1.1.1", "01.1.1.1", "256.1.1.1", "1.1.1.1 ", "0x1.1.1.1", "::1", "2001:1:1:1:1:1:1:1", "fd00::", "")
HOSTS = ("time.cloudflare.com", "a.b", "1.a", "1e3.on", "xn--a.de", "null.null", "no.e3")
names_or_addresses = st.lists(mostly(HOSTS + ADDRESSES, ODD_ADDRESSES + ODD_NAMES), min_size=1, max_size=3)
ports = mostly(st.integers(1, 65535), [0, 65536, True, "80", "0x50", 1.0])
SIZES = ("1Gi", "5Gi", "500Mi", "0.5Gi", "1.5Ti", "10M", 10000000, "10000000")
sizes = mostly(SIZES, ["1e9", "0x10", "1E", 1.5, "", "1 Gi", None, "1_0Gi", True])
PATHS = ("/a", "/config", "/on", "/1", "/null", "/a.b", "/.x/y", "/@", "/a/b/1e3", "/1_0", "/=", "/2024-01-01")
paths = mostly(PATHS, ["/~", "/a b", "/é", "/a/../b", "a", "/", "/a:b", "/a/", "/a\n", "/${X}", 1, None])
url_path = st.text("abc/?=&%$:#,!'\"{}[]()*@~-_.;|<>\\`^+019", max_size=9)
url_paths = mostly(url_path.map("/{}".format), texts.map("/{}".format))
export_path = st.text("abc/?=&%#,!'\"[]()*@~-_.;|<>\\`^+019éÄ", max_size=9)
exports = mostly(
    export_path.map("nas.lan:/{}".format), st.one_of(texts.map("nas:/{}".format), st.sampled_from(["on:/a", "1:/a"]))
)
titles = mostly(printable.filter(lambda text: text == text.strip() and text and "/" not in text), texts)
QUANTITIES = ("10m", "1", 1, 2, "0.5", 0.5)
requests = mostly(
    record(
        {"cpu": st.sampled_from(QUANTITIES), "memory": st.sampled_from(["1Mi", "128Mi", 134217728, "0.1Gi", "1.0Mi"])}
    ),
    st.dictionaries(
        st.sampled_from(["cpu", "memory", "gpu"]), st.sampled_from(["1e3", "1E3", "0x1", "1_0", True, None])
    ),
)
LABELS = ("a", "on", "1", "null", "y", "example.net/no", "1e3", "0x1", "2024-01-01", "1_0")

controllers = mostly(
    st.fixed_dictionaries(
        {"name": st.one_of(st.sampled_from([*NAMES, "on", "1e3", "0x1", "null", "no", "12", "007", "2024-01-01", "y"]))}
        | {"address": st.integers(50, 60).map("192.168.1.{}".format)}
    ),
    record({"name": names, "address": st.sampled_from([*ADDRESSES, *ODD_ADDRESSES])}),
)
disks = st.one_of(
    record({"disk": st.sampled_from(["/dev/sda", "/dev/disk/by-id/a:b_c", "/dev/nvme0n1"])}),
    record(
        {
            "disk_serial": st.sampled_from(
                ["00123", "1e3", "S4 EV", "0x1F", "a:b", "on", "1.0", "0b1", "2024-01-01", "a+b"]
            )
        }
    ),
    record({}, disk=texts, disk_serial=st.one_of(texts, st.just(123))),
)
links = st.one_of(
    record({"interface": st.sampled_from(["eth0", "on", "1", "0x1", "en.1", "null", "no", "1e3", "1_0", "007", "y"])}),
    record({"mac_address": st.sampled_from(["58:47:ca:00:00:01", "12:34:56:78:90:12", "00:00:00:00:00:00"])}),
    record({"bond": record(
        {},
        interfaces=st.lists(mostly(["eth0", "on", "0x1", "1e3"], anything), max_size=2),
        mac_addresses=st.lists(mostly(["58:47:ca:00:00:01", "12:34:56:78:90:12"], ["1", None]), max_size=2),
        mode=mostly(["active-backup", "802.3ad"], ["lacp", 4]),
    )}),
    record({}, interface=texts, mac_address=st.sampled_from(["58:47:CA:00:00:01", "1", ""])),
)  # fmt: skip
other_links = st.tuples(
    record({"addresses": st.lists(mostly(["10.1.2.1/30", "10.1.3.0/31", "172.31.0.1/32"], ["10.42.0.1/8", "a/b", 1]), max_size=2)}),
    st.one_of(
        record({"interface": mostly(["eth1", "yes", "007", "bond0"], ["a b", 1])}),
        record({"mac_address": mostly(["58:47:ca:00:00:09", "12:34:56:78:90:13"], ["1"])}),
    ),
    record(
        {},
        vlan_id=mostly([1, 40], ["40", None, True]),
        mtu=mostly([1500, 9000], ["9000"]),
        routes=st.lists(mostly([{"network": "10.9.0.0/16", "gateway": "10.1.2.2"}], [{"network": "10.9.0.0/16"}, "a"]), max_size=1),
    ),
).map(lambda parts: parts[0] | parts[1] | parts[2])  # fmt: skip
storage_disks = st.one_of(
    record(
        {"disk": mostly(["/dev/sdb", "/dev/disk/by-id/on"], ["sdb", 1])}, name=mostly(["on", "1e3", "films"], ["A", 1])
    ),
    record({"disk_serial": mostly(["0123", "1e4", "S5 EV", "no"], [123, ""])}),
    record({"min_size": mostly(["500GB", "1TiB"], ["1e3", 500])}),
)
options = record(
    {},
    mtu=mostly([1500, 9000, 1450], [100, "9000", True, 1e3]),
    ephemeral_size=mostly(["100GiB", "1TB"], ["1GiB", 100, None]),
    storage_disks=st.lists(mostly(storage_disks, anything), max_size=2),
    links=st.lists(mostly(other_links, anything), max_size=2),
    controller=mostly([True], [False, "no", 1]),
    secureboot=st.booleans(),
    encrypt_disk=st.booleans(),
    extensions=st.lists(mostly(["siderolabs/i915", "intel-ucode", "on", "1", "1.0"], ["A", "", 1]), max_size=2),
    architecture=mostly(["amd64", "arm64"], ["x86", 1]),
    platform=mostly(["metal", "nocloud"], ["aws", True]),
    board=mostly([""], ["rpi_generic", "nanopi-r4s", "rpi", 1]),
    kernel_args=st.lists(
        mostly(["a=1", "-a", "quiet", "1.a=on", "a=1:2,3", "a=*/+@%", "a="], ["on", "1e3", "a b", "a:", "", 1, "a=#"]), max_size=2
    ),
    schematic_id=mostly([""], ["0" * 64, "1e" * 32, "0" * 63, 1]),
    kernel_modules=st.lists(mostly(["nbd", "on", "null", "1", "y", "1e3", "0x1", "1_0", "_", "-"], ["a b", ""]), max_size=2),
    labels=st.dictionaries(
        mostly(LABELS, ["a b", "", 1, "é"]),
        mostly(["", "yes", "0123", "1e3", "null", "1.0", "a_b", "0x1", "2024-01-01"], scalars),
        max_size=2,
    ),
    taints=st.dictionaries(
        mostly(LABELS, ["a b", "", 1, "é"]),
        mostly(["NoSchedule", ":NoExecute", "on:NoSchedule", "1:NoExecute", "0x1:PreferNoSchedule"], ["a", 1, ":"]),
        max_size=2,
    ),
)  # fmt: skip
one_node = st.tuples(controllers, disks, links, options).map(lambda parts: parts[0] | parts[1] | parts[2] | parts[3])
mounts = st.lists(
    st.tuples(
        record({"path": paths}, read_only=mostly([True, False], ["no", 1])),
        st.one_of(
            record({"pvc": sizes}),
            record({"nfs": exports}),
            record({"claim": names}),
            record({"emptyDir": mostly([*SIZES, "", {}], ["1e9", "x"])}),
        ),
    ).map(lambda parts: parts[0] | parts[1]),
    max_size=3,
)

IN_THE_NETWORK = ("192.168.1.254", "192.168.1.1", "192.168.1.60", "192.168.1.103", "192.168.1.105")
# Answers that have a form of their own, and texts that a rule lets through in more than one spelling.
SHAPES: dict[str, Strategy] = {
    # --- A cluster ---
    "cluster_name": mostly([*NAMES[:-1], "on", "null", "123", "1e3", "0x1f", "007", "2024-01-01", "y"], ODD_NAMES),
    "repository_branch": mostly(
        ["main", "a/b", "on", "null", "1e3", "123", "0x1", "v1.0", "a'b", 'a"b', "#a", "a#b", "&a", "!a", "%a", "{a}", "a;b",
         "a|b", "a>b", "@a", "`a`", "a=b", "2024-01-01", "a,b", "{{a}}", "(a)", "1_0", "=", "<<", "{%a%}", "{#a#}"],
        ["$a", "-a", "é", "a b", "a..b", "a\\b", "a:b", "", "${X}", "a~", "\u2028"],
    ),
    "repository_url": mostly(
        ["https://github.com/a/b.git", "http://10.0.0.1:3000/a/b", "ssh://git@codeberg.org/a/b", "ssh://github.com:22/a/1",
         "https://a/b", "https://git.example.net/~a/b+c"],
        ["git@github.com:a/b", "https://u:p@h/a", "https://h/a b", "https://h/${X}", "ssh://git@h/a"],
    ),
    "repository_known_hosts": mostly(
        ["h ssh-ed25519 AAAA", "[h]:22 ssh-rsa AAAA c # d", "# a\n\nh ssh-ed25519 AAAA\n", "h ssh-ed25519 AAAA ${X} 'a'\r\n"],
        ["", "h", "h ssh-dss AAAA\nx"],
    ),
    "domain": mostly(["example.net", "on.example.net", "1.a", "1e3.e3", "0x1.null", "null.null", "no.on", "a.b.c.d"],
                     ["a.local", "home.arpa", "a", "a..b", "1.2"]),
    "timezone": mostly(["UTC", "Etc/UTC", "Etc/GMT+1", "Europe/Berlin", "America/Port-au-Prince"], ["Utc", "Etc/GMT 1"]),
    "nodes": st.lists(mostly(one_node, anything), min_size=1, max_size=1),
    "dns_servers": st.lists(mostly(ADDRESSES, ODD_ADDRESSES), min_size=1, max_size=3),
    "ntp_servers": names_or_addresses,
    "api_extra_sans": names_or_addresses,
    "talos_extensions": st.lists(mostly(["siderolabs/i915", "intel-ucode", "on", "1", "null", "1.0"], ["A", 1]), max_size=3),
    "docker_hub_mirror": mostly(["", "https://mirror.gcr.io", "http://nas.lan:5000/v2/hub"], ["mirror", "https://a b"]),
    "talos_schematic_id": mostly(["", "0" * 64, "1e" * 32, "376567988ad370138ad8b2698212367b" * 2], ["0" * 63, "A" * 64]),
    "vlan_id": mostly([None, 1, 30, 4094], [0, "30", True, 1e2]),
    "bgp_router_asn": mostly([1, 64513, 4294967295], [0, "64513"]),
    "bgp_node_asn": mostly([1, 64514, 4294967295], [0, "64514"]),
    **dict.fromkeys(
        ["default_gateway", "api_address", "dns_address", "internal_address", "external_address", "bgp_router_address"],
        mostly(IN_THE_NETWORK, ODD_ADDRESSES),
    ),
    "load_balancer_pool": mostly(
        ["192.168.1.102-192.168.1.110", "192.168.1.128/27"],
        ["192.168.1.110-192.168.1.102", "192.168.1.0/24", "a-b", "192.168.1.102-"],
    ),
    "node_cidr": mostly(["192.168.1.0/24", "192.168.0.0/16"], ["192.168.1.7/24", "192.168.1.0/30", "010.0.0.0/8"]),
    "node_cidr_ipv6": mostly(["", "fd00::/64", "2001:db8::/64", "fd01:2:3:4::/64"], ["2001:1:2:3:4:5:6:7/64", "fe80::/64", "::/64"]),
    "pod_cidr_ipv6": mostly(["fd00:1::/48", "2001:db8:1:100::/56", "fd01:2:3:4200::/56"], ["fd00::/64", "fd12:3456:789a::/48"]),
    "service_cidr_ipv6": mostly(["fd00:2::/112", "2001:1:1:1:1:1:1:0/112", "fdff::/108"], ["fd00:2::/64", "10.43.0.0/16"]),
    "load_balancer_cidr_ipv6": mostly(["fd00:3::/64", "2001:1:1:1::/64"], ["fd12:3456:789a:1::/64", "fd00:3::1/64", "fd00:3::/112"]),
    "bgp_router_address_ipv6": mostly(["fd00::1", "2001:1:1:1:1:1:1:1", "fd00::"], ["fe80::1", "::1", "192.168.1.254", "FD00::1"]),
    "pod_cidr": mostly(["10.42.0.0/16", "10.99.0.0/16", "172.30.0.0/16"], ["10.42.1.0/16", "192.168.0.0/16"]),
    "service_cidr": mostly(["10.43.0.0/16", "10.98.0.0/20"], ["10.43.1.0/16", "10.42.0.0/16"]),
    **{
        name: mostly(question.good, [*question.bad, "on", "123", "null", "a: b"])
        for each in records.backends()
        for name, question in each.questions.items()
    },
    "external_dns_target": mostly(["home.example.net", "93.184.215.14", "1.on", "null.null"], ["10.0.0.1", "a_b.c"]),
    "cloudflare_tunnel_id": mostly(["6f2b0a57-31c4-4f0e-8c62-1a7d3c5e9b40", "1e301e30-0000-0000-0000-000000000001"], texts),
    "backup_s3_url": mostly(
        ["https://s3.eu-central-1.amazonaws.com/anton", "http://10.0.0.1:9000/a.b/_c", "https://h/abc/1e3"],
        ["https://h/ab c", "https://h/ab", "s3://a/bcd"],
    ),
    "backup_s3_region": mostly(["us-east-1", "eu", "e3"], ["on", "null", "no", "y", "1", "a b", "é"]),
    "backup_nfs": mostly(exports, ["on:/1", "10.0.0.1:/volume1", "a:/${X}", "a:/b:c"]),
    "ntfy_topic": mostly(["https://ntfy.sh/a-b_1", "http://10.0.0.1:80/on", "https://h/~a/1e3"], ["https://h/", "h/a"]),
    "onepassword_vault": titles,
    # --- A namespace ---
    "ns_name": names,
    # --- An app ---
    "app_name": names,
    "app_namespace": names,
    "app_image": mostly(
        ["nginx", "ghcr.io/a/b", "localhost:5000/a", "a/1e3", "0.5/a", "12/30", "a.b-c__d", "1/1", "a/on", "1a", "0x1/y"],
        ["on", "null", "1", "1e3", "0x1", "12.30", "1.2", "a:b", "1_0", "2024-01-01", "1__0", "0o7", ".5"],
    ),
    "app_tag": mostly(
        ["1", "1.0", "1e3", "0x1F", "007", "1_0", "2024-01-01", "v1", "_1", "1.10", "0b1", "0o7", "1.2.3-a_b", "12.30",
         "1.2@sha256:" + "0" * 64],
        ["latest", "on", "1:2", "12.30.x", "", "1 ", "é"],
    ),
    "app_chart_url": mostly(
        ["oci://ghcr.io/a/films", "https://h/a", "oci://h/a1", "https://h/~a/b", "oci://h:5000/e1", "https://h/1/x"],
        ["https://h/1e3", "oci://h/on", "oci://h/null", "oci://h/1", "oci://h/2024-01-01", "oci://h/0x1", "oci://h:5000/y",
         "http://h/a", "https://h/true"],
    ),
    "app_chart_version": mostly(
        ["1.2.3", "v1.2.3", "1.2.3-rc.1", "1.2.3+a.1", "0.0.0", "1.2.3-1e3"], ["1.2", "1.2.x", "01.2.3", "1.2.3-é", "1.2.3\n"]
    ),
    "app_values": st.dictionaries(
        mostly(printable, keys), mostly(json_values, anything), max_size=3
    ),
    "app_port": ports,
    "app_scrape_port": ports,
    "app_mounts": mounts,
    "app_secret_item": titles,
    "app_secret_keys": st.lists(variables, max_size=3),
    "app_host": mostly(
        ["films.${DOMAIN}", "${DOMAIN}", "films.example.net", "1e3.on", "null.null", "0x1.a", "on.${DOMAIN}", "1.${DOMAIN}"],
        ["1.2", "a.$DOMAIN", "${X}.a", "a.${DOMAIN}.b", "$${DOMAIN}", "a", "a.b:80"],
    ),
    "app_probe_path": url_paths,
    "app_scrape_path": url_paths,
    "app_env": st.dictionaries(
        mostly(VARIABLES, texts), mostly(st.one_of(printable, printable, SETTINGS, st.integers(), st.booleans()), scalars),
        max_size=3,
    ),
    "app_args": st.lists(mostly(printable, scalars), max_size=3),
    "app_config_files": st.dictionaries(
        mostly(["/etc/a", "/etc/app.yaml", "/etc/.hidden", "/a/b_c.conf", "/etc/_1", "/etc/2a", "/etc/a-"], paths),
        mostly(printable, scalars),
        max_size=2,
    ),
    "app_requests": requests,
    "app_limits": requests,
    "app_schedule": mostly(["@daily", "* * * * *", "*/15 0-6/2,22 1,31 JAN-mar sun", "0 0 * * *", "1 2 3 4 5"], ["0 0 * * 7", "a"]),
    "app_replicas": mostly([1, 2, 100], [0, "2", True, 1.0]),
    "app_user": mostly([1, 1000, 65535], [0, "1000", True, 1e3]),
    "app_group": mostly([1, 1000, 65535], [0, "1000"]),
    "app_fs_group": mostly([1, 1000, 65535], [0, "1000"]),
    "app_load_balancer_ports": st.lists(
        mostly(record({"port": ports, "protocol": st.sampled_from(["TCP", "UDP"])}), anything), max_size=3
    ),
    "app_load_balancer_address": mostly(ADDRESSES, ODD_ADDRESSES),
    "app_service": mostly([*NAMES, "on", "1", "y", "null", "1e3", "0x1", "2024-01-01"], ["A", "a_b", ""]),
    "app_upload_size": mostly(["10g", "0", "007", "1k", "10", ""], ["1e3", "0x1", "1_0", "10G"]),
    "app_timeout": mostly([None, 1, 3600, 86400], [0, "60", True]),
    "app_depends_on": st.lists(names, max_size=3),
    **{name: st.sampled_from(told.good) for each in generator.records() for name, told in each.answers.items() if told.good},
}  # fmt: skip
# What takes nearly any text: the rest refuse most of what is odd.
FREE = (
    "app_env", "app_args", "app_config_files", "app_values", "app_mounts", "app_secret_item", "app_probe_path",
    "app_scrape_path", "onepassword_vault", "backup_nfs", "repository_branch", "nodes", "app_secret_keys",
)  # fmt: skip
# What a folder's name answers, and what an app takes over from its cluster.
NOT_ASKED = {"cluster": (), **{each.name: each.parts_of_the_path for each in generator.records()}}


def choices_of(question: Mapping[str, Any]) -> list[str]:
    """Return the values of the choices of a question."""
    return [choice["value"] if isinstance(choice, dict) else choice for choice in question["choices"].values()]


def answers_to(name: str, question: Mapping[str, Any], known: Any) -> Strategy:
    """Return all that is worth trying as the answer to one question; `known` is a good one, or None."""
    odd = anything if question["type"] == "yaml" else st.one_of(texts, st.none(), damaged(str(known or "a")))
    return mostly(good_answers_to(name, question), odd)


def good_answers_to(name: str, question: Mapping[str, Any]) -> Strategy:
    if "choices" in question:
        choice = st.sampled_from(choices_of(question))
        return st.lists(choice, max_size=4) if question.get("multiselect") else choice
    return st.booleans() if question["type"] == "bool" else SHAPES[name]


@st.composite
def damaged(draw: st.DrawFn, good: str) -> str:
    """Draw a good text with something put into it."""
    at = draw(st.integers(0, len(good)))
    return good[:at] + draw(st.sampled_from(FRAGMENTS)) + good[at:]


def asked_of(of: str) -> dict[str, Any]:
    """Return the questions whose answers are drawn."""
    own = questions(of)
    asked = {name: own[name] for name in own if is_public(own[name]) or name in NOT_ASKED[of]}
    return asked | ({"onepassword_vault": questions()["onepassword_vault"]} if of == "app" else {})


@st.composite
def sets_of_answers(draw: st.DrawFn, of: str) -> Answers:
    """Draw good answers of which one or two were replaced."""
    asked = asked_of(of)
    answers = dict(draw(st.sampled_from(BASES[of])))
    candidates = [*asked, *(name for name in asked if name in answers), *([name for name in FREE if name in asked] * 3)]
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        name = draw(st.sampled_from(candidates))
        answers[name] = draw(answers_to(name, asked[name], answers.get(name)))
    return answers
