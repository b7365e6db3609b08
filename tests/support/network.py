"""Who reaches whom: Cilium's own policy engine on the policies that Flux would apply, and Talos' firewall."""

import ipaddress
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.support import tools
from tests.support.repository import Object
from tests.support.talos import Document

POLICIES = {"NetworkPolicy", "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"}
KEYS = {"app": "app", "name": "app.kubernetes.io/name", "component": "longhorn.io/component"}
Flow = tuple[str, str, int]


def pod(namespace: str, **labels: str) -> list[str]:
    """Return a pod's labels and its namespace's as those of a Cilium identity, the keys as in KEYS."""
    own = [f"k8s:{KEYS[key]}={value}" for key, value in labels.items()]
    of_namespace = f"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name={namespace}"
    return [f"k8s:io.kubernetes.pod.namespace={namespace}", of_namespace, *own]


# Labels that the charts and operators give their pods: prometheus-operator v0.93 pkg/prometheus/common.go and
# pkg/alertmanager/operator.go; longhorn-manager v1.12 types/types.go; charts grafana, onepassword-connect, flux2.
PARTIES: Mapping[str, list[str]] = {
    "an app": pod("default", name="echo"),
    "NGINX": pod("network", name="nginx-ingress"),
    "Prometheus": pod("monitoring", name="prometheus"),
    "Alertmanager": pod("monitoring", name="alertmanager"),
    "Grafana": pod("monitoring", name="grafana"),
    "notification-controller": pod("flux-system", app="notification-controller"),
    "source-controller": pod("flux-system", app="source-controller"),
    "Longhorn's UI": pod("storage", app="longhorn-ui"),
    "Longhorn's manager": pod("storage", app="longhorn-manager"),
    "Longhorn's CSI plugin": pod("storage", app="longhorn-csi-plugin"),
    "Longhorn's share manager": pod("storage", component="share-manager"),
    "Connect": pod("external-secrets", app="onepassword-connect"),
    "Connect's operator": pod("external-secrets", name="connect-operator"),
    "External Secrets": pod("external-secrets", name="external-secrets"),
    "CoreDNS": pod("kube-system", name="coredns"),
    "its node": ["reserved:host"],
    "another node": ["reserved:remote-node"],
    "another node's API server": ["reserved:remote-node", "reserved:kube-apiserver"],
    "the internet": ["reserved:world"],
}


def verdicts(objects: Iterable[Object], flows: Sequence[Flow]) -> list[str]:
    """Return "allowed", "denied on egress" or "denied on ingress" for each TCP connection from, to, port."""
    asked = [{"from": PARTIES[source], "to": PARTIES[target], "port": port} for source, target, port in flows]
    policies = [item for item in objects if item["kind"] in POLICIES]
    found: list[str] = json.loads(tools.run("cilium-policy", stdin=json.dumps({"policies": policies, "flows": asked})))
    return found


def is_let_in(configuration: Iterable[Document], source: str, port: int) -> bool:
    """Whether a node's firewall lets a TCP connection from an address in; it accepts what no rule names.

    Source: talos internal/app/machined/pkg/controllers/network/nftables_chain_config.go, buildIngressChain.
    """
    for rule in rules(configuration):
        if rule["portSelector"]["protocol"] == "tcp" and port in set(ports(rule)):
            subnets = [ipaddress.ip_network(entry["subnet"]) for entry in rule["ingress"]]
            if not any(ipaddress.ip_address(source) in subnet for subnet in subnets):
                return False
    return True


def rules(configuration: Iterable[Document]) -> list[Document]:
    """Return the rules of a node whose firewall accepts by default; ValueError when it blocks."""
    documents = list(configuration)
    if any(document.get("kind") == "NetworkDefaultActionConfig" for document in documents):
        raise ValueError("the default action has changed, and with it what a rule means")
    return [document for document in documents if document.get("kind") == "NetworkRuleConfig"]


def ports(rule: Document) -> Iterator[int]:
    """Every port that a rule names."""
    for entry in rule["portSelector"]["ports"]:
        first, _, last = str(entry).partition("-")
        yield from range(int(first), int(last or first) + 1)
