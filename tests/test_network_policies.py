"""What has no login is reached only by those who need it, and everything else goes on as before."""

import re
from pathlib import Path

import pytest

from tests.support import flux
from tests.support.cases import EXAMPLES
from tests.support.needs import needs
from tests.support.network import is_let_in, ports, rules, verdicts
from tests.support.render import PROJECT, Renderer
from tests.support.repository import Object, Repository, parse
from tests.support.talos import Machines, new_secrets

PAGE = PROJECT / "docs/explanation/security.md"
# Longhorn, monitoring, alerts and 1Password at once.
EXAMPLE = "everything"
ETCD, CONTROLLER_MANAGER, SCHEDULER = 2381, 10257, 10259
NODE_EXPORTER, CILIUM_AGENT, CILIUM_OPERATOR = 9100, 9962, 9963
METRICS = (ETCD, CONTROLLER_MANAGER, SCHEDULER, NODE_EXPORTER, CILIUM_AGENT, CILIUM_OPERATOR)
NODES = ("its node", "another node", "another node's API server")
CLOSED = [
    *(("an app", node, port) for node in NODES for port in METRICS),
    *(("NGINX", node, port) for node in NODES for port in METRICS),
    ("an app", "Prometheus", 9090),
    ("NGINX", "Prometheus", 9090),
    ("an app", "Alertmanager", 9093),
    ("NGINX", "Alertmanager", 9093),
    ("source-controller", "Alertmanager", 9093),
    ("an app", "Longhorn's UI", 8000),
    ("NGINX", "Longhorn's UI", 8000),
    ("Longhorn's manager", "Longhorn's UI", 8000),
    ("an app", "Longhorn's manager", 9500),
    ("an app", "Longhorn's manager", 9503),
    ("Prometheus", "Longhorn's manager", 9503),
    ("an app", "Connect", 8080),
    ("NGINX", "Connect", 8080),
]
OPEN = [
    *(("Prometheus", node, port) for node in NODES for port in METRICS),
    *(("an app", node, port) for node in NODES for port in (6443, 10250, 50000)),
    ("an app", "CoreDNS", 53),
    ("an app", "the internet", 443),
    ("the internet", "NGINX", 443),
    ("NGINX", "an app", 8080),
    ("NGINX", "Grafana", 3000),
    ("Grafana", "Prometheus", 9090),
    ("Grafana", "Alertmanager", 9093),
    ("Prometheus", "Alertmanager", 9093),
    ("Prometheus", "an app", 8080),
    ("notification-controller", "Alertmanager", 9093),
    ("Longhorn's UI", "Longhorn's manager", 9500),
    ("Longhorn's CSI plugin", "Longhorn's manager", 9500),
    ("Longhorn's share manager", "Longhorn's manager", 9503),
    ("Prometheus", "Longhorn's manager", 9500),
    *(("another node's API server", "Longhorn's manager", port) for port in (9501, 9502)),
    ("External Secrets", "Connect", 8080),
    ("Connect's operator", "Connect", 8080),
    # The kubelet's probes.
    ("its node", "Prometheus", 9090),
    ("its node", "Longhorn's UI", 8000),
]


@pytest.fixture(scope="module")
def home(render: Renderer) -> Repository:
    return Repository(render(EXAMPLES[EXAMPLE]), {})


@pytest.fixture(scope="module")
def applied(home: Repository) -> list[Object]:
    """Provide everything that Flux would apply."""
    return [item for items in flux.reconcile(home).values() for item in items]


@needs("cilium-policy", "flux-build")
@pytest.mark.full
def test_cilium_denies_what_is_to_be_closed(applied: list[Object]) -> None:
    found = dict(zip(CLOSED, verdicts(applied, CLOSED), strict=True))
    assert [flow for flow, verdict in found.items() if verdict == "allowed"] == []


@needs("cilium-policy", "flux-build")
@pytest.mark.full
def test_cilium_lets_through_whatever_the_cluster_needs(applied: list[Object]) -> None:
    found = dict(zip(OPEN, verdicts(applied, OPEN), strict=True))
    assert {flow: verdict for flow, verdict in found.items() if verdict != "allowed"} == {}


@needs("cilium-policy")
@pytest.mark.full
def test_without_policies_everything_is_open() -> None:
    assert set(verdicts([], CLOSED)) == {"allowed"}


def test_whatever_has_no_login_is_selected_by_a_policy(home: Repository) -> None:
    files = [path for path in home.root.rglob("networkpolicy.yaml") if path.name in listed_beside(path)]
    found = [item for file in files for item in parse(file.read_text())]
    closed = sorted(label for item in found for label in item["spec"]["podSelector"]["matchLabels"].values())
    assert closed == ["alertmanager", "longhorn-manager", "longhorn-ui", "onepassword-connect", "prometheus"]


def listed_beside(path: Path) -> list[str]:
    """Return what the kustomization.yaml in a file's folder lists."""
    listed: list[str] = parse((path.parent / "kustomization.yaml").read_text())[0]["resources"]
    return [name.removeprefix("./") for name in listed]


@pytest.fixture(scope="module")
def machines(home: Repository, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    folder = tmp_path_factory.mktemp("machines")
    return Machines(home.root, new_secrets(folder), folder)


@needs("talosctl")
def test_a_device_at_home_reads_no_metrics_of_a_node(machines: Machines) -> None:
    device = "192.168.50.20"
    for name, configuration in machines.configurations.items():
        of_its_own = METRICS if machines.nodes[name]["role"] == "controller" else METRICS[3:]
        assert [port for port in of_its_own if is_let_in(configuration, device, port)] == [], name
        # Talos' and Kubernetes' API, kubelet, NGINX, NFS.
        assert all(is_let_in(configuration, device, port) for port in (50000, 6443, 10250, 443, 2049)), name


@needs("talosctl")
def test_nodes_and_pods_reach_every_port_of_a_node(machines: Machines) -> None:
    addresses = [node["address"] for node in machines.nodes.values()]
    for configuration in machines.configurations.values():
        assert all(is_let_in(configuration, source, port) for source in [*addresses, "10.42.3.7"] for port in METRICS)


@needs("talosctl")
def test_the_firewall_tells_nodes_and_pods_from_others_by_their_ipv6_addresses_too(
    render: Renderer, tmp_path: Path
) -> None:
    root = render(EXAMPLES["dual-stack"])
    machines = Machines(root, new_secrets(tmp_path), tmp_path)
    for configuration in machines.configurations.values():
        inside = [*(f"fd12:3456:789a:1::1:{last}" for last in (98, 99, 100)), "fd12:3456:789a:4203::7", "10.42.3.7"]
        outside = ["fd12:3456:789a:1::50", "fe80::1", "2001:db8::1", "192.168.1.50"]
        assert all(is_let_in(configuration, source, port) for source in inside for port in METRICS)
        assert not any(is_let_in(configuration, source, port) for source in outside for port in METRICS)
        assert all(is_let_in(configuration, source, port) for source in outside for port in (443, 6443, 50000))


@needs("talosctl")
def test_pods_are_kept_from_the_ports_that_the_firewall_closes_and_no_other(
    machines: Machines, home: Repository
) -> None:
    [file] = home.root.rglob("cilium-networks/app/node-metrics.yaml")
    [policy] = parse(file.read_text())
    [denied] = policy["spec"]["egressDeny"]
    of_policy = {int(entry["port"]) for entry in denied["toPorts"][0]["ports"]}
    of_firewall = {
        port
        for configuration in machines.configurations.values()
        for rule in rules(configuration)
        for port in ports(rule)
    }
    assert of_policy == of_firewall == set(METRICS)


def test_a_cluster_without_monitoring_serves_no_metrics_and_closes_no_port(render: Renderer) -> None:
    root = Path(render({"components": []}))
    text = "".join(file.read_text() for file in sorted((root / "talos").rglob("*.yaml")))
    assert "NetworkRuleConfig" not in text and "0.0.0.0" not in text
    assert not list(root.rglob("node-metrics.yaml"))


def test_the_page_on_security_names_the_ports_that_are_closed() -> None:
    [row] = [line for line in PAGE.read_text().splitlines() if line.startswith("| metrics of etcd")]
    assert tuple(map(int, re.findall(r"\b\d{4,5}\b", row))) == METRICS
