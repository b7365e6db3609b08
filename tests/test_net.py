"""The macros of networks agree with Python's ipaddress on every value of the tables."""

import ipaddress
import json
from itertools import combinations

import pytest
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from tests.support.render import PROJECT

ADDRESSES = ["0.0.0.0", "1.2.3.4", "10.0.0.1", "192.168.1.254", "192.168.1.255", "255.255.255.255"]
NO_ADDRESSES = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.4\n",
    "1.2.3.-4",
    "a.b.c.d",
    "::1",
    "1.2.3.4/24",
    "١.2.3.4",
]
NETWORKS = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.42.0.0/16",
    "192.168.1.0/24",
    "192.168.1.128/25",
    "192.168.1.8/29",
    "1.2.3.4/32",
]
IPV6_ADDRESSES = [
    "::",
    "::1",
    "1::",
    "fd00::1",
    "fd12:3456:789a:1::98",
    "fd12:3456:789a:1::1:98",
    "fd12::1:0:0:3:98",
    "1:0:0:1::1",
    "1::1:0:0:1",
    "1:0:1:0:1:0:1:0",
    "0:1:1:1:1:1:1:1",
    "::1:1:1:1:1:1",
    "1:1:1:1:1:1::",
    "10:0:0:10::",
    "2001:db8:0:1:1:1:1:1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
]
NO_IPV6_ADDRESSES = [
    "",
    ":",
    ":::",
    "fd00",
    "fd00:",
    "fd00::1::2",
    "FD00::1",
    "fd00:0::1",
    "fd00::01",
    "fd00::12345",
    "fd00::g",
    "fd00::-1",
    "fd00::1_0",
    "fd00::0x1",
    "fd00::1 ",
    "fd00::1\n",
    "fd00::1%eth0",
    "[fd00::1]",
    "fd00::192.168.1.1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "fd00::١",
    "fd00::1/64",
    "192.168.1.1",
    "0" * 5000,
]
IPV6_NETWORKS = ["::/0", "fd00::/8", "fd12:3456:789a::/48", "fd12:3456:789a:4200::/56", "fd12:3456:789a:1::/64",
                 "fd12:3456:789a:4300::/112", "fd12:3456:789a:1::98/128"]  # fmt: skip
NO_NETWORKS = ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0/24", "10.0.0.0/24\n", "10.0.0.0/a"]


def environment() -> SandboxedEnvironment:
    """Jinja as copier.yml configures it, without Copier."""
    return SandboxedEnvironment(
        loader=FileSystemLoader(PROJECT),
        extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@pytest.fixture(scope="module")
def net():
    return environment().get_template("macros/net.jinja").module


@pytest.fixture(scope="module")
def net6():
    return environment().get_template("macros/net6.jinja").module


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is_known_and_comes_back_from_its_number(net, text):
    assert net.is_address(text) == "yes"
    assert int(net.number_of(text)) == int(ipaddress.IPv4Address(text))
    assert net.address_of(int(ipaddress.IPv4Address(text))) == text


@pytest.mark.parametrize("text", [*NO_ADDRESSES, None, 5, 1.5, True, ["1.2.3.4"]])
def test_what_is_no_address_is_told_apart(net, text):
    assert net.is_address(text) == ""


@pytest.mark.parametrize("text", IPV6_ADDRESSES)
def test_an_ipv6_address_is_known_and_comes_back_from_its_number(net, net6, text):
    number = int(ipaddress.IPv6Address(text))
    assert net6.is_ipv6_address(text) == "yes"
    assert int(net.number_of(text)) == number
    assert net6.ipv6_address_of(number) == text == str(ipaddress.IPv6Address(number))


def test_every_place_of_zeros_is_written_as_python_writes_it(net6):
    for zeros in range(256):
        number = sum(65536**place for place in range(8) if not zeros >> place & 1)
        assert net6.ipv6_address_of(number) == str(ipaddress.IPv6Address(number))


@pytest.mark.parametrize("text", [*NO_IPV6_ADDRESSES, None, 5, True, ["fd00::1"]])
def test_what_is_no_ipv6_address_in_its_one_spelling_is_told_apart(net6, text):
    assert net6.is_ipv6_address(text) == ""


@pytest.mark.parametrize("text", NETWORKS)
def test_a_network_has_the_bounds_that_python_computes(net, text):
    network = ipaddress.IPv4Network(text)
    assert net.is_network(text) == "yes"
    assert int(net.first_number(text)) == int(network.network_address)
    assert int(net.last_number(text)) == int(network.broadcast_address)
    assert int(net.size_of(text)) == network.num_addresses
    assert net.canonical(text) == text


@pytest.mark.parametrize("text", IPV6_NETWORKS)
def test_an_ipv6_network_has_the_bounds_that_python_computes(net, net6, text):
    network = ipaddress.IPv6Network(text)
    assert net6.is_ipv6_network(text) == "yes"
    assert int(net.first_number(text)) == int(network.network_address)
    assert int(net.last_number(text)) == int(network.broadcast_address)
    assert net.canonical(text) == text
    assert net.canonical(f"{network[-1]}/{network.prefixlen}") == text


@pytest.mark.parametrize(
    "text", ["", "fd00::", "fd00::/129", "fd00::/064", "fd00::/64\n", "FD00::/64", "10.0.0.0/8", None]
)
def test_what_is_no_ipv6_network_is_told_apart(net6, text):
    assert net6.is_ipv6_network(text) == ""


@pytest.mark.parametrize("text", ["::1", "fe80::1", "ff02::1", "fec0::1", "64:ff9b::1", "4000::1", "fd::1", "200::1"])
def test_what_no_machine_at_home_has_as_its_address_is_told_apart(net6, text):
    assert net6.is_unicast(text) == ""
    assert net6.is_unicast("fd00::1") == net6.is_unicast("2001:db8::1") == "yes"


@pytest.mark.parametrize(
    ("address", "network", "beside"),
    [
        ("192.168.1.98", "fd12:3456:789a:1::/64", "fd12:3456:789a:1::1:98"),
        ("10.0.0.98", "fd12:3456:789a:1::/64", "fd12:3456:789a:1::98"),
        ("10.20.255.254", "2001:db8::/64", "2001:db8::255:254"),
        ("172.16.30.10", "fd00:0:0:1::/64", "fd00::1:0:0:30:10"),
    ],
)
def test_an_ipv6_address_ends_as_the_ipv4_address_beside_it(net6, address, network, beside):
    assert net6.ipv6_beside(address, network) == beside == str(ipaddress.ip_address(beside))


def test_ipv6_addresses_stand_in_the_order_of_those_beside_them(net, net6):
    addresses = [f"10.0.{third}.{last}" for third in (0, 1, 9, 10, 99, 100, 255) for last in range(256)]
    numbers = [int(net.number_of(net6.ipv6_beside(address, "fd00::/64"))) for address in addresses]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("text", [*NO_NETWORKS, None, 5])
def test_what_is_no_network_is_told_apart(net, text):
    assert net.is_network(text) == ""


@pytest.mark.parametrize("text", ["192.168.1.7/24", "10.1.2.3/8", "192.168.1.130/25", "1.2.3.5/31"])
def test_the_canonical_form_clears_the_host_bits(net, text):
    assert net.canonical(text) == str(ipaddress.IPv4Network(text, strict=False))


@pytest.mark.parametrize(("one", "other"), [*combinations(NETWORKS, 2), *combinations(IPV6_NETWORKS, 2)])
def test_overlap_is_what_python_says(net, one, other):
    overlap = ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))
    assert net.networks_overlap(one, other) == ("yes" if overlap else "")
    assert net.networks_overlap(other, one) == ("yes" if overlap else "")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("network", NETWORKS)
def test_membership_is_what_python_says(net, address, network):
    inside = ipaddress.IPv4Address(address) in ipaddress.IPv4Network(network)
    bounds = {str(ipaddress.IPv4Network(network)[0]), str(ipaddress.IPv4Network(network)[-1])}
    assert net.is_within(address, network) == ("yes" if inside else "")
    assert net.is_a_host_of(address, network) == ("yes" if inside and address not in bounds else "")


@pytest.mark.parametrize(
    ("pool", "start", "end"),
    [
        ("192.168.1.102-192.168.1.110", "192.168.1.102", "192.168.1.110"),
        ("192.168.1.128/27", "192.168.1.128", "192.168.1.159"),
    ],
)
def test_a_pool_is_a_range_or_a_network(net, pool, start, end):
    assert net.is_pool(pool) == "yes"
    assert int(net.pool_start(pool)) == int(ipaddress.IPv4Address(start))
    assert int(net.pool_end(pool)) == int(ipaddress.IPv4Address(end))
    assert net.is_in_pool(start, pool) == net.is_in_pool(end, pool) == "yes"
    assert net.is_in_pool("192.168.2.1", pool) == ""


@pytest.mark.parametrize(
    ("pool", "taken"),
    [
        ("192.168.1.102-192.168.1.110", ["192.168.1.102", "192.168.1.103", "192.168.1.104"]),
        ("192.168.1.102-192.168.1.110", ["192.168.1.110", "192.168.1.105", "192.168.1.105", "10.0.0.1"]),
        ("192.168.1.128/27", ["192.168.1.129", "192.168.1.131", "192.168.1.159"]),
        ("192.168.1.102-192.168.1.103", ["192.168.1.103", "192.168.1.102"]),
        ("10.0.0.254-10.0.1.2", []),
    ],
)
def test_the_ranges_beside_some_addresses_hold_every_other_one_once(net, pool, taken):
    ranges = json.loads(net.ranges_of_the_pool_beside(pool, taken))
    numbers = [int(ipaddress.IPv4Address(end)) for one in ranges for end in one]
    assert numbers == sorted(numbers)
    held = [
        number for first, last in zip(numbers[::2], numbers[1::2], strict=True) for number in range(first, last + 1)
    ]
    everything = range(int(net.pool_start(pool)), int(net.pool_end(pool)) + 1)
    assert held == [number for number in everything if str(ipaddress.IPv4Address(number)) not in taken]


@pytest.mark.parametrize("text", ["", "192.168.1.1", "192.168.1.1-", "-192.168.1.1", "1.1.1.1-1.1.1.2-1.1.1.3", None])
def test_what_is_no_pool_is_told_apart(net, text):
    assert net.is_pool(text) == ""
