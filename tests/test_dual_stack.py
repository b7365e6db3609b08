"""Kubernetes takes IPv6 up in a running cluster as the runbook says: Services at once, pods with a new Node."""

import os
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest

from tests.support import processes, second_family
from tests.support.apiserver import ApiError, ApiServer
from tests.support.cases import EXAMPLES
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.support.repository import Object, parse
from tests.support.second_family import NODE, PODS_OF_THE_NODE, SERVICE

pytestmark = [
    needs("kube-apiserver", "kube-controller-manager"),
    pytest.mark.full,
    pytest.mark.xdist_group("dual stack"),
]


@pytest.fixture(scope="module")
def networks(render: Renderer) -> Object:
    """Provide the KubeNetworkConfig of the example."""
    file = render(EXAMPLES["dual-stack"]) / "talos/patches/global/cluster-network.yaml"
    return parse(file.read_text())[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, networks: Object) -> Iterator[ApiServer]:
    folder = tmp_path_factory.mktemp("second-family")
    yield second_family.running(folder, os.getpid(), networks)
    processes.stop(folder)


def test_services_of_both_families_are_possible_at_once(server: ApiServer, networks: Object) -> None:
    path = f"{server.path_of(SERVICE)}/web"
    before = server.call("GET", path)["spec"]
    assert before["ipFamilies"] == ["IPv4"]

    def has_both() -> bool:
        server.change(SERVICE, {"spec": {"ipFamilyPolicy": "PreferDualStack"}})
        return len(server.call("GET", path)["spec"]["clusterIPs"]) == 2

    processes.wait_until(has_both)
    addresses = server.call("GET", path)["spec"]["clusterIPs"]
    assert addresses[0] == before["clusterIP"]
    assert ip_address(addresses[1]) in ip_network(networks["serviceSubnets"][1])


def test_a_node_has_pods_of_both_families_only_once_it_is_made_anew(server: ApiServer, networks: Object) -> None:
    path = f"{server.path_of(NODE)}/k8s-1"
    ipv4, ipv6 = IPv4Network(networks["podSubnets"][0]), IPv6Network(networks["podSubnets"][1])
    both = {"podCIDRs": [PODS_OF_THE_NODE, f"{next(ipv6.subnets(new_prefix=64))}"]}
    with pytest.raises(ApiError, match="may not change"):
        server.call("PATCH", path, {"spec": both}, "application/merge-patch+json")
    server.call("POST", server.path_of(NODE), {**NODE, "metadata": {"name": "k8s-2"}})
    processes.wait_until(
        lambda: len(server.call("GET", f"{server.path_of(NODE)}/k8s-2")["spec"].get("podCIDRs", [])) == 2
    )
    assert server.call("GET", path)["spec"]["podCIDRs"] == [PODS_OF_THE_NODE]
    server.call("DELETE", path)
    server.call("POST", server.path_of(NODE), NODE)
    processes.wait_until(lambda: len(server.call("GET", path)["spec"].get("podCIDRs", [])) == 2)
    found = server.call("GET", path)["spec"]["podCIDRs"]
    one, other = IPv4Network(found[0]), IPv6Network(found[1])
    assert one.subnet_of(ipv4) and other.subnet_of(ipv6)
    assert (one.prefixlen, other.prefixlen) == (24, 64)
