"""The machine configurations: the real talosctl makes them from the rendered files and judges them."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

ROOT = Path(__file__).parents[1]
TALOSCTL = shutil.which("talosctl", path=f"{ROOT / '.tools' / 'bin'}{os.pathsep}{os.environ['PATH']}") or ""
pytestmark = pytest.mark.skipif(not TALOSCTL, reason="needs talosctl")

# Ids that the Image Factory itself gives these two sets.
VANILLA = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
ISCSI_AND_UTIL_LINUX = "613e1592b2da41ae5e265e8789429f22e121aab91cb4deb6bc3c0b6262961245"

ONE_NODE = [{"name": "solo", "address": "192.168.1.98", "disk": "/dev/sda", "interface": "eno1"}]

MIXED_NODES = [
    {
        "name": "c1",
        "address": "192.168.1.11",
        "disk": "/dev/disk/by-id/nvme-Samsung_990_S6P7",
        "interface": "enp87s0",
        "mtu": 9000,
        "secureboot": True,
        "encrypt_disk": True,
        "kernel_modules": ["nvme_tcp", "nbd"],
    },
    {
        "name": "c2",
        "address": "192.168.1.12",
        "disk_serial": "S6P7 NS0: W",
        "mac_address": "58:47:ca:00:00:01",
        "mtu": 9000,
    },
    {"name": "c3", "address": "192.168.1.13", "disk_serial": "S6P7NS0W", "mac_address": "58:47:ca:00:00:02"},
    {
        "name": "w1",
        "address": "192.168.1.14",
        "controller": False,
        "disk": "/dev/sda",
        "interface": "enp1s0",
        "extensions": ["siderolabs/i915", "intel-ucode"],
        "labels": {"example.net/rack": "7", "gpu": "true", "note": "off", "zone": "on"},
        "taints": {"dedicated": "gpu:NoSchedule", "slow": "PreferNoSchedule"},
    },
    {"name": "w2", "address": "192.168.1.15", "controller": False, "disk": "/dev/sda", "interface": "enp1s0"},
]

ANSWERS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "one-node": {"nodes": ONE_NODE},
    "mixed": {
        "nodes": MIXED_NODES,
        "vlan_id": 20,
        "talos_extensions": ["siderolabs/intel-ucode"],
        "api_extra_sans": ["k8s.example.net", "203.0.113.7"],
        "ntp_servers": ["192.168.1.254", "pool.ntp.org"],
        "dns_servers": ["192.168.1.254"],
        "components": [],
        "storage": "none",
    },
    "longhorn": {"storage": "longhorn"},
    "spegel": {"components": ["spegel"]},
    "own-schematic": {"talos_schematic_id": "ab" * 32},
    "ten": {"node_cidr": "10.0.0.0/24"},
}


def render(destination: Path, **answers: Any) -> Path:
    """A cluster from the template as it lies here, without its history."""
    template = destination / "template"
    shutil.copytree(ROOT, template, ignore=shutil.ignore_patterns(".git", ".venv", ".tools", "build", "__pycache__"))
    cluster = destination / "cluster"
    copier.run_copy(str(template), cluster, data=answers, defaults=True, quiet=True, unsafe=False)
    return cluster


def talosctl(*arguments) -> str:
    done = subprocess.run([TALOSCTL, *map(str, arguments)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"talosctl {' '.join(map(str, arguments[:3]))}: {done.stderr}"
    return done.stdout


def documents(path: Path) -> list[dict]:
    return list(yaml.safe_load_all(path.read_text()))


def patches(talos: Path, node: dict) -> list[str]:
    """The arguments that lay the patches on, each layer over the one before: all nodes, the role, the node."""
    own_flag = {"controller": "--config-patch-control-plane", "worker": "--config-patch-worker"}[node["role"]]
    layers = [
        ("--config-patch", sorted((talos / "patches/global").glob("*.yaml"))),
        (own_flag, sorted((talos / "patches" / node["role"]).glob("*.yaml"))),
        (own_flag, [talos / "nodes" / f"{node['name']}.yaml"]),
    ]
    return [part for flag, files in layers for file in files for part in (flag, f"@{file}")]


class Cluster:
    def __init__(self, folder: Path, secrets: Path):
        self.talos = folder / "talos"
        self.inventory = yaml.safe_load((self.talos / "inventory.yaml").read_text())
        self.versions = yaml.safe_load((self.talos / "versions.yaml").read_text())
        self.nodes = {node["name"]: node for node in self.inventory["nodes"]}
        self.made = folder / "made"
        self.made.mkdir()
        self.secrets = secrets
        self.configurations = {name: self.generate(node) for name, node in self.nodes.items()}

    def generate(self, node: dict) -> list[dict]:
        target = self.made / f"{node['name']}.yaml"
        talosctl(
            *("gen", "config", self.inventory["cluster"], self.inventory["endpoint"]),
            *("--with-secrets", self.secrets),
            *("--talos-version", self.versions["talosVersion"]),
            *("--kubernetes-version", self.versions["kubernetesVersion"]),
            *("--install-image", f"{node['image']}:{self.versions['talosVersion']}"),
            *("--with-docs=false", "--with-examples=false"),
            *patches(self.talos, node),
            *("--output-types", {"controller": "controlplane", "worker": "worker"}[node["role"]]),
            *("--output", target),
        )
        return documents(target)

    def document(self, node: str, kind: str, name: str | None = None) -> dict | None:
        """A document of a node's configuration; the one without a kind is called v1alpha1."""
        found = [
            document
            for document in self.configurations[node]
            if document.get("kind", "v1alpha1") == kind and name in (None, document.get("name"))
        ]
        assert len(found) <= 1, f"{node} has {len(found)} documents {kind}"
        return found[0] if found else None

    def controllers(self) -> list[str]:
        return [name for name, node in self.nodes.items() if node["role"] == "controller"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A function that gives the cluster of one of the ANSWERS, each made once."""
    secrets = tmp_path_factory.mktemp("talos") / "secrets.yaml"
    talosctl("gen", "secrets", "--output-file", secrets)
    made = {}

    def of(name: str) -> Cluster:
        if name not in made:
            made[name] = Cluster(render(tmp_path_factory.mktemp(name), **ANSWERS[name]), secrets)
        return made[name]

    return of


@pytest.mark.parametrize("name", ANSWERS)
def test_talosctl_accepts_the_configuration_of_every_node(cluster, name):
    for node in cluster(name).nodes:
        talosctl("validate", "--mode", "metal", "--strict", "--config", cluster(name).made / f"{node}.yaml")


@pytest.mark.parametrize("name", ANSWERS)
def test_every_file_is_clean_yaml(cluster, name):
    for file in sorted(cluster(name).talos.rglob("*.yaml")):
        text = file.read_text()
        assert text.endswith("\n") and not text.endswith("\n\n"), file
        assert not re.search(r"[ \t]$|\n\n|[{}]%|%[{}]|{{|}}", text, re.MULTILINE), file
        assert file.name.startswith("schematic-") or text.startswith("---\n"), file
        for document in documents(file):
            assert document, f"{file} has an empty document"


def test_the_controllers_share_the_api_address_on_their_link(cluster):
    for node in cluster("defaults").nodes:
        vip = cluster("defaults").document(node, "Layer2VIPConfig")
        assert (vip["name"], vip["link"]) == ("192.168.1.101", "enp87s0")
    assert cluster("defaults").document("k8s-1", "KubeClusterConfig")["endpoint"] == "https://192.168.1.101:6443"


def test_with_a_vlan_the_api_address_is_on_the_vlan_and_no_worker_holds_it(cluster):
    mixed = cluster("mixed")
    for node in mixed.nodes:
        vip = mixed.document(node, "Layer2VIPConfig")
        assert (vip and vip["link"]) == ("vlan20" if node in mixed.controllers() else None)


def test_a_node_has_its_static_address_and_its_default_route(cluster):
    link = cluster("defaults").document("k8s-2", "LinkConfig")
    assert link["name"] == "enp87s0"
    assert link["addresses"] == [{"address": "192.168.1.99/24"}]
    assert link["routes"] == [{"gateway": "192.168.1.254"}]
    ten = cluster("ten").document("k8s-1", "LinkConfig")
    assert ten["addresses"] == [{"address": "10.0.0.98/24"}]
    assert ten["routes"] == [{"gateway": "10.0.0.1"}]


def test_with_a_vlan_the_address_is_on_the_vlan_and_the_parent_carries_its_mtu(cluster):
    mixed = cluster("mixed")
    parent, vlan = mixed.document("c1", "LinkConfig"), mixed.document("c1", "VLANConfig")
    assert parent == {"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "enp87s0", "up": True, "mtu": 9000}
    assert (vlan["name"], vlan["parent"], vlan["vlanID"], vlan["mtu"]) == ("vlan20", "enp87s0", 20, 9000)
    assert vlan["addresses"] == [{"address": "192.168.1.11/24"}]
    assert vlan["routes"] == [{"gateway": "192.168.1.254"}]
    assert "mtu" not in mixed.document("w1", "LinkConfig")
    assert "mtu" not in mixed.document("w1", "VLANConfig")


def test_a_link_given_by_its_mac_gets_a_name_of_its_own(cluster):
    mixed = cluster("mixed")
    alias = mixed.document("c2", "LinkAliasConfig")
    assert alias["selector"]["match"] == 'mac(link.permanent_addr) == "58:47:ca:00:00:01"'
    assert mixed.document("c2", "LinkConfig")["name"] == alias["name"]
    assert mixed.document("c2", "VLANConfig")["parent"] == alias["name"]
    assert mixed.document("c1", "LinkAliasConfig") is None


def test_talos_installs_on_the_disk_that_was_named(cluster):
    expected = {
        "c1": 'disk.symlinks.exists(link, link == "/dev/disk/by-id/nvme-Samsung_990_S6P7")',
        "c2": 'disk.serial == "S6P7 NS0: W"',
        "c3": 'disk.serial == "S6P7NS0W"',
        "w1": 'disk.dev_path == "/dev/sda"',
    }
    for node, match in expected.items():
        install = cluster("mixed").document(node, "UnattendedInstallConfig")
        assert install["provisioning"]["diskSelector"]["match"] == match


def test_the_inventory_names_the_same_disks_and_links_as_the_patches(cluster):
    for name in ANSWERS:
        for node, entry in cluster(name).nodes.items():
            text = (cluster(name).talos / "nodes" / f"{node}.yaml").read_text()
            assert ("disk" in entry) != ("diskSerial" in entry)
            assert ("link" in entry) != ("macAddress" in entry)
            assert entry.get("disk", entry.get("diskSerial")) in text
            assert entry.get("link", entry.get("macAddress")) in text
            assert f"{entry['address']}/24" in text


def test_the_install_image_is_the_factorys_for_the_nodes_extensions(cluster):
    def image(name, node):
        return cluster(name).document(node, "UnattendedInstallConfig")["installer"]["image"]

    version = cluster("defaults").versions["talosVersion"]
    assert image("defaults", "k8s-1") == f"factory.talos.dev/metal-installer/{VANILLA}:{version}"
    assert image("longhorn", "k8s-1") == f"factory.talos.dev/metal-installer/{ISCSI_AND_UTIL_LINUX}:{version}"
    assert image("own-schematic", "k8s-1") == f"factory.talos.dev/metal-installer/{'ab' * 32}:{version}"
    assert image("mixed", "c1").startswith("factory.talos.dev/metal-installer-secureboot/")
    assert image("mixed", "c1").split("/")[-1] == image("mixed", "c2").split("/")[-1]
    assert image("mixed", "w1").split("/")[-1] != image("mixed", "w2").split("/")[-1]


@pytest.mark.parametrize("name", ANSWERS)
def test_a_schematics_id_is_the_sha256_of_its_file(cluster, name):
    used = {}
    for node in cluster(name).nodes.values():
        if "schematic" in node:
            used[node["schematic"]] = node["image"].split("/")[-1]
    files = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in cluster(name).talos.glob("schematic-*")
    }
    assert files == used
    assert bool(files) == (name != "own-schematic")


def test_there_is_one_schematic_per_distinct_set_of_extensions(cluster):
    names = sorted(file.name for file in cluster("mixed").talos.glob("schematic-*"))
    assert names == ["schematic-i915-intel-ucode.yaml", "schematic-intel-ucode.yaml"]
    schematic = yaml.safe_load((cluster("mixed").talos / names[0]).read_text())
    assert schematic["customization"]["systemExtensions"]["officialExtensions"] == [
        "siderolabs/i915",
        "siderolabs/intel-ucode",
    ]


def test_controllers_carry_apps_exactly_when_there_is_no_worker(cluster):
    for name in ["defaults", "one-node"]:
        for node in cluster(name).nodes:
            config = cluster(name).document(node, "KubeNodeConfig")
            assert not config.get("taints")
            assert config["labels"] == {"node-role.kubernetes.io/control-plane": ""}
    config = cluster("mixed").document("c1", "KubeNodeConfig")
    assert config["taints"] == {"node-role.kubernetes.io/control-plane": "NoSchedule"}
    assert "node.kubernetes.io/exclude-from-external-load-balancers" in config["labels"]


def test_a_node_has_its_labels_and_taints_as_they_were_written(cluster):
    config = cluster("mixed").document("w1", "KubeNodeConfig")
    assert config["labels"] == {"example.net/rack": "7", "gpu": "true", "note": "off", "zone": "on"}
    assert config["taints"] == {"dedicated": "gpu:NoSchedule", "slow": "PreferNoSchedule"}
    assert config["nodeIP"] == {"validSubnets": ["192.168.1.0/24"]}


def test_a_node_has_its_host_name(cluster):
    for node in cluster("mixed").nodes:
        assert cluster("mixed").document(node, "HostnameConfig")["hostname"] == node


@pytest.mark.parametrize("name", ANSWERS)
def test_cilium_and_flux_do_what_talos_would_do_otherwise(cluster, name):
    for node in cluster(name).controllers():
        assert cluster(name).document(node, "KubeFlannelCNIConfig") is None
        assert cluster(name).document(node, "KubeProxyConfig")["enabled"] is False
        assert cluster(name).document(node, "KubeCoreDNSConfig")["enabled"] is False
    for node in cluster(name).nodes:
        assert cluster(name).document(node, "KubePrismConfig")["port"] == 7445
        resolver = cluster(name).document(node, "ResolverConfig")
        assert resolver["hostDNS"] == {"enabled": True, "forwardKubeDNSToHost": False}


def test_pods_ask_the_tenth_service_address_for_names(cluster):
    network = cluster("ten").document("k8s-1", "KubeNetworkConfig")
    assert network["podSubnets"] == ["10.42.0.0/16"]
    assert network["serviceSubnets"] == ["10.43.0.0/16"]
    assert cluster("ten").document("k8s-1", "KubeletConfig")["clusterDNS"] == ["10.43.0.10"]


def test_every_node_asks_the_given_dns_and_time_servers(cluster):
    assert cluster("defaults").document("k8s-1", "TimeSyncConfig")["ntp"] == {
        "servers": ["time.cloudflare.com"],
        "useNTS": True,
    }
    for node in cluster("mixed").nodes:
        assert cluster("mixed").document(node, "TimeSyncConfig")["ntp"] == {
            "servers": ["192.168.1.254", "pool.ntp.org"]
        }
        resolver = cluster("mixed").document(node, "ResolverConfig")
        assert resolver["nameservers"] == [{"address": "192.168.1.254"}]
        assert resolver["searchDomains"] == {"domains": [], "disableDefault": True}


def test_the_kubelet_lets_apps_end_and_keeps_its_image(cluster):
    kubelet = cluster("defaults").document("k8s-1", "KubeletConfig")
    assert kubelet["image"] == f"ghcr.io/siderolabs/kubelet:{cluster('defaults').versions['kubernetesVersion']}"
    assert kubelet["config"]["shutdownGracePeriod"] == "90s"
    assert kubelet["config"]["shutdownGracePeriodCriticalPods"] == "30s"
    assert kubelet["config"]["imageMaximumGCAge"] == "168h"
    assert kubelet["config"]["serializeImagePulls"] is False


def test_extra_names_are_in_both_certificates(cluster):
    names = ["k8s.example.net", "203.0.113.7"]
    for node in cluster("mixed").controllers():
        assert cluster("mixed").document(node, "KubeAPIServerConfig")["certExtraSANs"] == names
        assert cluster("mixed").document(node, "v1alpha1")["machine"]["certSANs"] == names
    assert "certExtraSANs" not in cluster("defaults").document("k8s-1", "KubeAPIServerConfig")


def test_prometheus_reaches_the_control_plane_only_with_monitoring(cluster):
    def listeners(name, node):
        of = cluster(name).document
        return [
            of(node, "KubeControllerManagerConfig").get("extraArgs", {}).get("bind-address"),
            of(node, "KubeSchedulerConfig").get("extraArgs", {}).get("bind-address"),
            of(node, "v1alpha1")["cluster"]["etcd"].get("extraArgs", {}).get("listen-metrics-urls"),
        ]

    everywhere = ["0.0.0.0", "0.0.0.0", "http://0.0.0.0:2381"]
    assert listeners("defaults", "k8s-1") == everywhere
    assert listeners("mixed", "c1") == [None, None, None]


def test_etcd_speaks_on_the_node_network(cluster):
    etcd = cluster("mixed").document("c1", "v1alpha1")["cluster"]["etcd"]
    assert etcd["advertisedSubnets"] == ["192.168.1.0/24"]
    assert "etcd" not in cluster("mixed").document("w1", "v1alpha1")["cluster"]


def test_only_the_encrypted_node_seals_its_disk_to_the_tpm(cluster):
    mixed = cluster("mixed")
    assert mixed.document("c1", "VolumeConfig", "STATE")["encryption"] == {
        "provider": "luks2",
        "keys": [{"slot": 0, "tpm": {}}],
    }
    ephemeral = mixed.document("c1", "VolumeConfig", "EPHEMERAL")
    assert ephemeral["encryption"]["keys"] == [{"slot": 0, "tpm": {}, "lockToState": True}]
    assert ephemeral["mount"] == {"secure": True}
    assert mixed.document("c2", "VolumeConfig", "STATE") is None
    assert "encryption" not in mixed.document("c2", "VolumeConfig", "EPHEMERAL")


def test_a_node_loads_its_kernel_modules(cluster):
    def modules(node):
        return [d["name"] for d in cluster("mixed").configurations[node] if d.get("kind") == "KernelModuleConfig"]

    assert modules("c1") == ["nvme_tcp", "nbd"]
    assert modules("c2") == []


def test_storage_has_its_folder_and_no_other_storages(cluster):
    for node in cluster("defaults").nodes:
        volume = cluster("defaults").document(node, "UserVolumeConfig")
        assert (volume["name"], volume["volumeType"], volume["mount"]) == ("local-path", "directory", {"secure": False})
    assert cluster("longhorn").document("k8s-1", "UserVolumeConfig")["name"] == "longhorn"
    assert cluster("mixed").document("w1", "UserVolumeConfig") is None


def test_only_longhorn_gives_up_the_isolation_that_talos_ships(cluster):
    for name in ANSWERS:
        for node in cluster(name).nodes:
            isolated = cluster(name).document(node, "SecurityProfileConfig")["workloadIsolation"]
            assert isolated is (name != "longhorn")


def test_containerd_keeps_layers_only_for_spegel(cluster):
    customization = cluster("spegel").document("k8s-1", "CRICustomizationConfig")
    assert "discard_unpacked_layers = false" in customization["content"]
    assert cluster("defaults").document("k8s-1", "CRICustomizationConfig") is None


def test_pod_security_is_enforced_as_talos_ships_it(cluster):
    admission = cluster("defaults").document("k8s-1", "KubeAdmissionControlConfig")["configuration"]
    assert admission["defaults"]["enforce"] == "baseline"
    assert admission["exemptions"]["namespaces"] == ["kube-system"]


def test_a_patch_for_workers_alone_has_its_place(cluster):
    assert (cluster("mixed").talos / "patches/worker").is_dir()
    assert not (cluster("defaults").talos / "patches/worker").exists()


def test_renovate_is_told_where_each_version_comes_from(cluster):
    text = (cluster("defaults").talos / "versions.yaml").read_text()
    found = re.findall(r"# renovate: datasource=(\S+) depName=(\S+)\n(\w+): (v[\d.]+)\n", text)
    assert [(line[0], line[1], line[2]) for line in found] == [
        ("github-releases", "siderolabs/talos", "talosVersion"),
        ("docker", "ghcr.io/siderolabs/kubelet", "kubernetesVersion"),
    ]
