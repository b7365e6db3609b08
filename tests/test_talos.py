"""The machine configurations: the real talosctl makes them from the rendered files and judges them."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import tools
from tests.support.cases import EQUIPPED_NODES
from tests.support.needs import needs
from tests.support.talos import Machines, new_secrets
from tests.tools.records.storage import storages

pytestmark = [needs("talosctl"), pytest.mark.xdist_group("talos")]

# Ids that the Image Factory itself gives these sets; the last ones stand in Talos' documentation of the boards.
VANILLA = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
ISCSI_AND_UTIL_LINUX = "613e1592b2da41ae5e265e8789429f22e121aab91cb4deb6bc3c0b6262961245"
I915_AND_INTEL_UCODE = "4b3cd373a192c8469e859b7a0cfbed3ecc3577c4a2d346a37b0aeff9cd17cdb0"
RASPBERRY_PI = "ee21ef4a5ef808a9b7484cc0dda0f25075021691c8c09a276591eedb638ea1f9"
NANOPI_R4S = "5f74a09891d5830f0b36158d3d9ea3b1c9cc019848ace08ff63ba255e38c8da4"
QEMU_GUEST_AGENT = "ce4c980550dd2ab1b17bbf2b08801c7eb59418eafe8f279833297925d67c7515"
NOAPIC_NOLAPIC = "9cba8e32753f91a16c1837ab8abf356af021706ef284aef07380780177d9a06c"

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


def one(name: str, last: int, **keys: Any) -> dict[str, Any]:
    """Return a node."""
    return {"name": name, "address": f"192.168.1.{last}", "disk": "/dev/sda", "interface": "end0"} | keys


ARGUMENTS = ["console=ttyS0,115200", "ip=::::a:end0:off", "8250.nr_uarts=1", "-selinux", "quiet", "a=*+@%/;-", "b="]

# One of each kind that Talos has another image for.
KINDS_OF_MACHINES = [
    one("tuned", 11, kernel_args=["noapic", "nolapic"]),
    one("own", 12, schematic_id="cd" * 32),
    one("ampere", 13, architecture="arm64", secureboot=True),
    one("guest", 14, controller=False, disk="/dev/vda", platform="nocloud", extensions=["qemu-guest-agent"]),
    one("pi", 15, controller=False, disk="/dev/mmcblk0", board="rpi_generic"),
    one("nanopi", 16, controller=False, disk="/dev/mmcblk1", board="nanopi-r4s"),
    one("all", 17, controller=False, board="turingrk1", extensions=["a"], kernel_args=ARGUMENTS),
]

ANSWERS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "one-node": {"nodes": ONE_NODE, "docker_hub_mirror": ""},
    "mixed": {
        "nodes": MIXED_NODES,
        "vlan_id": 20,
        "docker_hub_mirror": "https://harbor.lan/v2/hub",
        "talos_extensions": ["siderolabs/intel-ucode"],
        "api_extra_sans": ["k8s.example.net", "203.0.113.7"],
        "ntp_servers": ["192.168.1.254", "pool.ntp.org"],
        "dns_servers": ["192.168.1.254"],
        "components": [],
        "storage": "none",
    },
    "encrypted": {"nodes": [ONE_NODE[0] | {"encrypt_disk": True}]},
    "longhorn": {"storage": "longhorn"},
    "longhorn-on-workers": {"nodes": MIXED_NODES, "storage": "longhorn", "controllers_run_apps": False},
    "longhorn-everywhere": {"nodes": MIXED_NODES, "storage": "longhorn"},
    "equipped": {"nodes": EQUIPPED_NODES},
    "equipped-longhorn": {"nodes": EQUIPPED_NODES, "storage": "longhorn", "vlan_id": 30},
    **{f"storage-{each.name}": {"nodes": EQUIPPED_NODES, "storage": each.name} for each in storages()},
    "disks-without-storage": {"nodes": [ONE_NODE[0] | {"storage_disks": [{"disk": "/dev/sdb"}]}], "storage": "none"},
    "spegel": {"components": ["spegel"]},
    "own-schematic": {"talos_schematic_id": "ab" * 32},
    "ten": {"node_cidr": "10.0.0.0/24"},
    "kinds": {"nodes": KINDS_OF_MACHINES, "storage": "none"},
    "dual-stack": {
        "nodes": MIXED_NODES,
        "vlan_id": 20,
        "node_cidr_ipv6": "fd12:3456:789a:1::/64",
        "dns_servers": ["192.168.1.254", "2606:4700:4700::"],
        "ntp_servers": ["2001:1:1:1:1:1:1:1"],
        "api_extra_sans": ["fd12:3456:789a:1::1:101"],
    },
}


def documents(path: Path) -> list[dict]:
    return list(yaml.safe_load_all(path.read_text()))


@pytest.fixture(scope="module")
def secrets(tmp_path_factory) -> Path:
    return new_secrets(tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="module")
def machines(tmp_path_factory, render, secrets):
    """Provide a function that returns the machines of one of the ANSWERS, each made once."""
    made: dict[str, Machines] = {}

    def of(name: str) -> Machines:
        if name not in made:
            made[name] = Machines(render(ANSWERS[name]), secrets, tmp_path_factory.mktemp(name))
        return made[name]

    return of


_accepted: set[str] = set()


def test_talosctl_accepts_every_node_of_every_case(cluster, secrets, tmp_path):
    talos = cluster.root / "talos"
    content = "".join(f"{file.relative_to(talos)}\0{file.read_text()}\0" for file in sorted(talos.rglob("*.yaml")))
    # Many cases differ in nothing that Talos sees.
    if content not in _accepted:
        Machines(cluster.root, secrets, tmp_path).validate()
        _accepted.add(content)


@pytest.mark.parametrize("name", ANSWERS)
def test_talosctl_accepts_the_configuration_of_every_node(machines, name):
    machines(name).validate()


@pytest.mark.parametrize("name", ANSWERS)
def test_every_file_is_clean_yaml(machines, name):
    for file in sorted(machines(name).talos.rglob("*.yaml")):
        text = file.read_text()
        assert text.endswith("\n") and not text.endswith("\n\n"), file
        assert not re.search(r"[ \t]$|\n\n|[{}]%|%[{}]|{{|}}", text, re.MULTILINE), file
        assert file.name.startswith("schematic-") or text.startswith("---\n"), file
        for document in documents(file):
            assert document, f"{file} has an empty document"


def test_the_controllers_share_the_api_address_on_their_link(machines):
    for node in machines("defaults").nodes:
        vip = machines("defaults").document(node, "Layer2VIPConfig")
        assert (vip["name"], vip["link"]) == ("192.168.1.101", "enp87s0")
    assert machines("defaults").document("k8s-1", "KubeClusterConfig")["endpoint"] == "https://192.168.1.101:6443"


def test_with_a_vlan_the_api_address_is_on_the_vlan_and_no_worker_holds_it(machines):
    mixed = machines("mixed")
    for node in mixed.nodes:
        vip = mixed.document(node, "Layer2VIPConfig")
        assert (vip and vip["link"]) == ("vlan20" if node in mixed.controllers() else None)


def test_a_node_has_its_static_address_and_its_default_route(machines):
    link = machines("defaults").document("k8s-2", "LinkConfig")
    assert link["name"] == "enp87s0"
    assert link["addresses"] == [{"address": "192.168.1.99/24"}]
    assert link["routes"] == [{"gateway": "192.168.1.254"}]
    ten = machines("ten").document("k8s-1", "LinkConfig")
    assert ten["addresses"] == [{"address": "10.0.0.98/24"}]
    assert ten["routes"] == [{"gateway": "10.0.0.1"}]


def test_with_both_families_a_node_has_an_address_of_each_and_kubernetes_uses_these(machines):
    both = machines("dual-stack")
    for node, entry in both.nodes.items():
        last = entry["address"].split(".")[-1]
        addresses = [f"{entry['address']}/24", f"fd12:3456:789a:1::1:{last}/64"]
        assert [each["address"] for each in both.document(node, "VLANConfig")["addresses"]] == addresses
        # The kubelet takes the first of each family: the IPv4 one is the node's name for other nodes.
        subnets = both.document(node, "KubeNodeConfig")["nodeIP"]["validSubnets"]
        assert subnets == ["192.168.1.0/24", f"fd12:3456:789a:1::1:{last}/128"]
        network = both.document(node, "KubeNetworkConfig")
        assert network["podSubnets"] == ["10.42.0.0/16", "fd12:3456:789a:4200::/56"]
        assert network["serviceSubnets"] == ["10.43.0.0/16", "fd12:3456:789a:4300::/112"]
    servers = both.document("c1", "ResolverConfig")["nameservers"]
    assert [server["address"] for server in servers] == ["192.168.1.254", "2606:4700:4700::"]
    assert both.document("c1", "TimeSyncConfig")["ntp"]["servers"] == ["2001:1:1:1:1:1:1:1"]


def test_with_both_families_metrics_are_open_to_nodes_and_pods_of_each(machines):
    for rule in ("control-plane-metrics", "node-metrics"):
        text = "".join(file.read_text() for file in machines("dual-stack").talos.rglob("metrics.yaml"))
        [document] = [each for each in yaml.safe_load_all(text) if each.get("name") == rule]
        sources = {each["subnet"] for each in document["ingress"]}
        assert sources >= {"192.168.1.11/32", "fd12:3456:789a:1::1:11/128", "10.42.0.0/16", "fd12:3456:789a:4200::/56"}


def test_with_a_vlan_the_address_is_on_the_vlan_and_the_parent_carries_its_mtu(machines):
    mixed = machines("mixed")
    parent, vlan = mixed.document("c1", "LinkConfig"), mixed.document("c1", "VLANConfig")
    assert parent == {"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "enp87s0", "up": True, "mtu": 9000}
    assert (vlan["name"], vlan["parent"], vlan["vlanID"], vlan["mtu"]) == ("vlan20", "enp87s0", 20, 9000)
    assert vlan["addresses"] == [{"address": "192.168.1.11/24"}]
    assert vlan["routes"] == [{"gateway": "192.168.1.254"}]
    assert "mtu" not in mixed.document("w1", "LinkConfig")
    assert "mtu" not in mixed.document("w1", "VLANConfig")


def test_a_link_given_by_its_mac_gets_a_name_of_its_own(machines):
    mixed = machines("mixed")
    alias = mixed.document("c2", "LinkAliasConfig")
    assert alias["selector"]["match"] == 'mac(link.permanent_addr) == "58:47:ca:00:00:01"'
    assert mixed.document("c2", "LinkConfig")["name"] == alias["name"]
    assert mixed.document("c2", "VLANConfig")["parent"] == alias["name"]
    assert mixed.document("c1", "LinkAliasConfig") is None


def test_talos_installs_on_the_disk_that_was_named(machines):
    expected = {
        "c1": 'disk.symlinks.exists(link, link == "/dev/disk/by-id/nvme-Samsung_990_S6P7")',
        "c2": 'disk.serial == "S6P7 NS0: W"',
        "c3": 'disk.serial == "S6P7NS0W"',
        "w1": 'disk.dev_path == "/dev/sda"',
    }
    for node, match in expected.items():
        install = machines("mixed").document(node, "UnattendedInstallConfig")
        assert install["provisioning"]["diskSelector"]["match"] == match


def test_the_inventory_names_the_same_disks_and_links_as_the_patches(machines):
    for name in ANSWERS:
        for node, entry in machines(name).nodes.items():
            text = (machines(name).talos / "nodes" / f"{node}.yaml").read_text()
            assert ("disk" in entry) != ("diskSerial" in entry)
            assert ("link" in entry) != ("macAddress" in entry)
            assert entry.get("disk", entry.get("diskSerial")) in text
            assert entry.get("link", entry.get("macAddress")) in text
            assert f"{entry['address']}/24" in text


def test_an_encrypted_disk_brings_the_image_whose_key_seals_it(machines):
    image = machines("encrypted").nodes["solo"]["image"]
    assert image.startswith("factory.talos.dev/metal-installer-secureboot/")


def test_the_install_image_is_the_factorys_for_the_nodes_extensions(machines):
    def image(name, node):
        return machines(name).document(node, "UnattendedInstallConfig")["installer"]["image"]

    version = machines("defaults").versions["talosVersion"]
    assert image("defaults", "k8s-1") == f"factory.talos.dev/metal-installer/{I915_AND_INTEL_UCODE}:{version}"
    assert image("one-node", "solo") == f"factory.talos.dev/metal-installer/{VANILLA}:{version}"
    assert image("longhorn-on-workers", "w2") == f"factory.talos.dev/metal-installer/{ISCSI_AND_UTIL_LINUX}:{version}"
    assert image("own-schematic", "k8s-1") == f"factory.talos.dev/metal-installer/{'ab' * 32}:{version}"
    assert image("mixed", "c1").startswith("factory.talos.dev/metal-installer-secureboot/")
    assert image("mixed", "c1").split("/")[-1] == image("mixed", "c2").split("/")[-1]
    assert image("mixed", "w1").split("/")[-1] != image("mixed", "w2").split("/")[-1]


def test_a_machine_has_the_image_of_its_platform_its_board_and_its_kernel_arguments(machines):
    images = {name: node["image"].removeprefix("factory.talos.dev/") for name, node in machines("kinds").nodes.items()}
    assert images.pop("all").startswith("metal-installer/")
    assert images == {
        "tuned": f"metal-installer/{NOAPIC_NOLAPIC}",
        "own": f"metal-installer/{'cd' * 32}",
        "ampere": f"metal-installer-secureboot/{VANILLA}",
        "guest": f"nocloud-installer/{QEMU_GUEST_AGENT}",
        "pi": f"metal-installer/{RASPBERRY_PI}",
        "nanopi": f"metal-installer/{NANOPI_R4S}",
    }


def test_the_page_of_the_first_boot_has_each_machines_image(machines):
    page = (machines("kinds").talos.parent / "docs/runbooks/first-boot.md").read_text()
    rows = re.findall(
        r"^\| `https://factory.talos.dev/image/(\w{8})\w*/<version>/(\S+)` \| (.*) \|$", page, re.MULTILINE
    )
    assert [row for row in rows if row[2] != "all"] == [
        (NOAPIC_NOLAPIC[:8], "metal-amd64.iso", "tuned"),
        ("cdcdcdcd", "metal-amd64.iso", "own"),
        (VANILLA[:8], "metal-arm64-secureboot.iso", "ampere"),
        (QEMU_GUEST_AGENT[:8], "nocloud-amd64.iso", "guest"),
        (RASPBERRY_PI[:8], "metal-arm64.raw.xz", "pi"),
        (NANOPI_R4S[:8], "metal-arm64.raw.xz", "nanopi"),
    ]


def test_a_nodes_own_schematic_takes_the_place_of_that_of_all(machines, render, secrets, tmp_path):
    nodes = [ONE_NODE[0] | {"schematic_id": "cd" * 32}, *MIXED_NODES[1:3]]
    of = Machines(render({"nodes": nodes, "talos_schematic_id": "ab" * 32}), secrets, tmp_path).nodes
    assert [of[name]["image"][-64:] for name in ("solo", "c2")] == ["cd" * 32, "ab" * 32]


@needs("schematic")
@pytest.mark.parametrize("name", ANSWERS)
def test_the_image_factory_would_write_each_schematic_in_the_same_bytes(machines, name):
    for file in machines(name).talos.glob("schematic-*"):
        assert tools.run("schematic", stdin=file.read_text()) == file.read_text()


@pytest.mark.parametrize("name", ANSWERS)
def test_a_schematics_id_is_the_sha256_of_its_file(machines, name):
    used = {}
    for node in machines(name).nodes.values():
        if "schematic" in node:
            used[node["schematic"]] = node["image"].split("/")[-1]
    files = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in machines(name).talos.glob("schematic-*")
    }
    assert files == used
    assert bool(files) == (name != "own-schematic")


def test_there_is_one_schematic_per_distinct_set_of_extensions(machines):
    names = sorted(file.name for file in machines("mixed").talos.glob("schematic-*"))
    assert names == ["schematic-i915-intel-ucode.yaml", "schematic-intel-ucode.yaml"]
    schematic = yaml.safe_load((machines("mixed").talos / names[0]).read_text())
    assert schematic["customization"]["systemExtensions"]["officialExtensions"] == [
        "siderolabs/i915",
        "siderolabs/intel-ucode",
    ]


def test_controllers_run_apps_unless_workers_are_to_do_it_alone(machines):
    for name in ["defaults", "one-node", "mixed"]:
        for node in [node for node, entry in machines(name).nodes.items() if entry["role"] == "controller"]:
            config = machines(name).document(node, "KubeNodeConfig")
            assert not config.get("taints")
            assert config["labels"] == {"node-role.kubernetes.io/control-plane": ""}
    config = machines("longhorn-on-workers").document("c1", "KubeNodeConfig")
    assert config["taints"] == {"node-role.kubernetes.io/control-plane": "NoSchedule"}
    assert "node.kubernetes.io/exclude-from-external-load-balancers" in config["labels"]


def test_a_node_has_its_labels_and_taints_as_they_were_written(machines):
    config = machines("mixed").document("w1", "KubeNodeConfig")
    assert config["labels"] == {"example.net/rack": "7", "gpu": "true", "note": "off", "zone": "on"}
    assert config["taints"] == {"dedicated": "gpu:NoSchedule", "slow": "PreferNoSchedule"}
    assert config["nodeIP"] == {"validSubnets": ["192.168.1.0/24"]}


def test_a_node_has_its_host_name(machines):
    for node in machines("mixed").nodes:
        assert machines("mixed").document(node, "HostnameConfig")["hostname"] == node


@pytest.mark.parametrize("name", ANSWERS)
def test_cilium_and_flux_do_what_talos_would_do_otherwise(machines, name):
    for node in machines(name).controllers():
        assert machines(name).document(node, "KubeFlannelCNIConfig") is None
        assert machines(name).document(node, "KubeProxyConfig")["enabled"] is False
        assert machines(name).document(node, "KubeCoreDNSConfig")["enabled"] is False
    for node in machines(name).nodes:
        assert machines(name).document(node, "KubePrismConfig")["port"] == 7445
        resolver = machines(name).document(node, "ResolverConfig")
        assert resolver["hostDNS"] == {"enabled": True, "forwardKubeDNSToHost": False}


def test_pods_ask_the_tenth_service_address_for_names(machines):
    network = machines("ten").document("k8s-1", "KubeNetworkConfig")
    assert network["podSubnets"] == ["10.42.0.0/16"]
    assert network["serviceSubnets"] == ["10.43.0.0/16"]
    assert machines("ten").document("k8s-1", "KubeletConfig")["clusterDNS"] == ["10.43.0.10"]


def test_every_node_asks_the_given_dns_and_time_servers(machines):
    assert machines("defaults").document("k8s-1", "TimeSyncConfig")["ntp"] == {
        "servers": ["time.cloudflare.com"],
        "useNTS": True,
    }
    for node in machines("mixed").nodes:
        assert machines("mixed").document(node, "TimeSyncConfig")["ntp"] == {
            "servers": ["192.168.1.254", "pool.ntp.org"]
        }
        resolver = machines("mixed").document(node, "ResolverConfig")
        assert resolver["nameservers"] == [{"address": "192.168.1.254"}]
        assert resolver["searchDomains"] == {"domains": [], "disableDefault": True}


def test_the_kubelet_lets_apps_end_and_keeps_its_image(machines):
    kubelet = machines("defaults").document("k8s-1", "KubeletConfig")
    assert kubelet["image"] == f"ghcr.io/siderolabs/kubelet:{machines('defaults').versions['kubernetesVersion']}"
    assert kubelet["config"]["shutdownGracePeriod"] == "90s"
    assert kubelet["config"]["shutdownGracePeriodCriticalPods"] == "30s"
    assert kubelet["config"]["imageMaximumGCAge"] == "168h"
    assert kubelet["config"]["serializeImagePulls"] is False


def test_extra_names_are_in_both_certificates(machines):
    names = ["k8s.example.net", "203.0.113.7"]
    for node in machines("mixed").controllers():
        assert machines("mixed").document(node, "KubeAPIServerConfig")["certExtraSANs"] == names
        assert machines("mixed").document(node, "v1alpha1")["machine"]["certSANs"] == names
    assert "certExtraSANs" not in machines("defaults").document("k8s-1", "KubeAPIServerConfig")


def test_prometheus_reaches_the_control_plane_only_with_monitoring(machines):
    def listeners(name, node):
        of = machines(name).document
        return [
            of(node, "KubeControllerManagerConfig").get("extraArgs", {}).get("bind-address"),
            of(node, "KubeSchedulerConfig").get("extraArgs", {}).get("bind-address"),
            of(node, "v1alpha1")["cluster"]["etcd"].get("extraArgs", {}).get("listen-metrics-urls"),
        ]

    everywhere = ["0.0.0.0", "0.0.0.0", "http://0.0.0.0:2381"]
    assert listeners("defaults", "k8s-1") == everywhere
    assert listeners("mixed", "c1") == [None, None, None]


def test_etcd_speaks_on_the_node_network(machines):
    etcd = machines("mixed").document("c1", "v1alpha1")["cluster"]["etcd"]
    assert etcd["advertisedSubnets"] == ["192.168.1.0/24"]
    assert "etcd" not in machines("mixed").document("w1", "v1alpha1")["cluster"]


def test_only_the_encrypted_node_seals_its_disk_to_the_tpm_and_only_with_secure_boot_on(machines):
    sealed = {"checkSecurebootStatusOnEnroll": True}
    mixed = machines("mixed")
    assert mixed.document("c1", "VolumeConfig", "STATE")["encryption"] == {
        "provider": "luks2",
        "keys": [{"slot": 0, "tpm": sealed}],
    }
    ephemeral = mixed.document("c1", "VolumeConfig", "EPHEMERAL")
    assert ephemeral["encryption"]["keys"] == [{"slot": 0, "tpm": sealed, "lockToState": True}]
    assert ephemeral["mount"] == {"secure": True}
    assert mixed.document("c2", "VolumeConfig", "STATE") is None
    assert "encryption" not in mixed.document("c2", "VolumeConfig", "EPHEMERAL")


def test_a_node_loads_its_kernel_modules(machines):
    def modules(node):
        return [d["name"] for d in machines("mixed").configurations[node] if d.get("kind") == "KernelModuleConfig"]

    assert modules("c1") == ["nvme_tcp", "nbd"]
    assert modules("c2") == []


def test_storage_has_its_folder_and_no_other_storages(machines):
    for node in machines("defaults").nodes:
        volume = machines("defaults").document(node, "UserVolumeConfig")
        assert (volume["name"], volume["volumeType"], volume["mount"]) == ("local-path", "directory", {"secure": False})
    assert machines("longhorn").document("k8s-1", "UserVolumeConfig")["name"] == "longhorn"
    assert machines("mixed").document("w1", "UserVolumeConfig") is None


@pytest.mark.parametrize("storage", storages(), ids=lambda each: each.name)
def test_every_storage_has_its_folder_and_what_it_needs_where_apps_run(machines, storage):
    made = machines(f"storage-{storage.name}")
    mount = {"secure": False} if storage.volumes_are_folders else None
    for node, entry in made.nodes.items():
        if storage.folder:
            folder = made.document(node, "UserVolumeConfig", storage.folder)
            assert (folder["volumeType"], folder.get("mount")) == ("directory", mount)
        for volume in storage_volumes(machines, f"storage-{storage.name}", node).values():
            assert volume.get("mount") == mount
        for extension in storage.extensions:
            assert extension.removeprefix("siderolabs/") in entry["schematic"]


SEALED = {
    "provider": "luks2",
    "keys": [{"slot": 0, "tpm": {"checkSecurebootStatusOnEnroll": True}, "lockToState": True}],
}


def storage_volumes(machines, name, node):
    """Return a node's volumes that are no folder, by name."""
    found = [item for item in machines(name).configurations[node] if item.get("kind") == "UserVolumeConfig"]
    return {volume["name"]: volume for volume in found if volume.get("volumeType") != "directory"}


def test_a_disk_for_volumes_is_a_volume_that_takes_what_is_free_on_it(machines):
    volumes = storage_volumes(machines, "equipped", "c1") | storage_volumes(machines, "equipped", "c2")
    assert {name: volume["provisioning"]["diskSelector"]["match"] for name, volume in volumes.items()} == {
        "rest": 'disk.serial == "S1"',
        "storage-1": '!system_disk && disk.transport != "usb" && disk.size >= 500u * GB',
        "storage-2": '!system_disk && disk.transport != "usb" && disk.size >= 1u * TiB',
    }
    for volume in volumes.values():
        assert volume["provisioning"] | {"diskSelector": None} == {
            "diskSelector": None,
            "minSize": "10GB",
            "grow": True,
        }
    assert storage_volumes(machines, "equipped", "c3") == storage_volumes(machines, "equipped", "w1") == {}


def test_the_folder_stays_where_volumes_may_lie_already(machines):
    """A disk that came to be mounted over it would hide them."""
    for name, folder in (("equipped", "local-path"), ("equipped-longhorn", "longhorn")):
        for node in machines(name).nodes:
            assert machines(name).document(node, "UserVolumeConfig", folder)["volumeType"] == "directory"
            assert folder not in storage_volumes(machines, name, node)


def test_apps_run_what_they_keep_on_a_disk_for_local_path_alone(machines):
    for name, mount in (("equipped", {"secure": False}), ("equipped-longhorn", None), ("disks-without-storage", None)):
        for node in machines(name).nodes:
            for volume in storage_volumes(machines, name, node).values():
                assert volume.get("mount") == mount, (name, node)
    assert list(storage_volumes(machines, "disks-without-storage", "solo")) == ["storage-1"]


def test_an_encrypted_node_seals_every_disk(machines):
    for volume in storage_volumes(machines, "equipped", "c1").values():
        assert volume["encryption"] == SEALED
    for volume in storage_volumes(machines, "equipped", "c2").values():
        assert "encryption" not in volume


def test_ephemeral_has_a_limit_only_where_one_is_given(machines):
    sealed = machines("equipped").document("c1", "VolumeConfig", "EPHEMERAL")
    assert (sealed["provisioning"], sealed["encryption"]) == ({"maxSize": "100GiB"}, SEALED)
    assert machines("equipped").document("c3", "VolumeConfig", "EPHEMERAL")["provisioning"] == {"maxSize": "1TB"}
    assert "provisioning" not in machines("equipped").document("c2", "VolumeConfig", "EPHEMERAL")


def test_longhorn_is_told_a_nodes_disks_and_takes_its_folder_where_there_are_none(machines):
    def told(node):
        config = machines("equipped-longhorn").document(node, "KubeNodeConfig")
        disks = config.get("annotations", {}).get("node.longhorn.io/default-disks-config", "[]")
        return config["labels"]["node.longhorn.io/create-default-disk"], json.loads(disks)

    assert told("c2") == (
        "config",
        [
            {"name": "storage-1", "path": "/var/mnt/storage-1", "allowScheduling": True},
            {"name": "storage-2", "path": "/var/mnt/storage-2", "allowScheduling": True},
        ],
    )
    assert told("c3") == told("w1") == ("true", [])
    assert machines("equipped-longhorn").document("c1", "KubeNodeConfig")["labels"]["example.net/rack"] == "7"
    for name in ("longhorn", "equipped"):
        for node in machines(name).nodes:
            assert "longhorn" not in str(machines(name).document(node, "KubeNodeConfig"))


def test_a_bond_carries_what_one_link_would(machines):
    equipped, tagged = machines("equipped"), machines("equipped-longhorn")
    bond = equipped.document("c1", "BondConfig")
    aliases = [item for item in equipped.configurations["c1"] if item.get("kind") == "LinkAliasConfig"]
    assert {alias["name"]: alias["selector"]["match"][-18:-1] for alias in aliases} == {
        "lan0": "58:47:ca:00:00:01", "lan1": "58:47:ca:00:00:02", "lan2": "58:47:ca:00:00:03",
    }  # fmt: skip
    assert (bond["links"], bond["bondMode"], bond["mtu"]) == (["lan0", "lan1"], "802.3ad", 9000)
    assert (bond["addresses"], bond["routes"]) == ([{"address": "192.168.1.11/24"}], [{"gateway": "192.168.1.254"}])
    assert equipped.document("c1", "Layer2VIPConfig")["link"] == "bond0"
    assert equipped.document("c2", "BondConfig")["links"] == ["eno1", "eno2"]
    assert equipped.document("c3", "BondConfig")["bondMode"] == "active-backup"
    below, vlan = tagged.document("c1", "BondConfig"), tagged.document("c1", "VLANConfig", "vlan30")
    assert (below["up"], below["mtu"], "addresses" in below) == (True, 9000, False)
    assert (vlan["parent"], vlan["mtu"], vlan["addresses"]) == ("bond0", 9000, [{"address": "192.168.1.11/24"}])
    assert tagged.document("c1", "Layer2VIPConfig")["link"] == "vlan30"


def test_a_link_beside_it_has_its_addresses_and_routes_and_no_way_out(machines):
    of = machines("equipped").document
    assert of("c1", "LinkConfig", "lan2") == {
        "apiVersion": "v1alpha1",
        "kind": "LinkConfig",
        "name": "lan2",
        "mtu": 9000,
        "addresses": [{"address": "10.100.0.0/31"}, {"address": "10.100.1.0/31"}],
        "routes": [{"destination": "10.100.100.2/32", "gateway": "10.100.0.1"}],
    }
    on_the_bond, apart, on_its_own = of("c1", "VLANConfig"), of("c2", "VLANConfig"), of("w2", "VLANConfig")
    assert (on_the_bond["parent"], on_the_bond["vlanID"], on_the_bond["mtu"]) == ("bond0", 40, 9000)
    assert (apart["name"], apart["parent"], apart["mtu"]) == ("vlan41", "enp2s0f0np0", 9000)
    assert of("c2", "LinkConfig", "enp2s0f0np0")["up"] is True
    assert (on_its_own["parent"], "mtu" in on_its_own) == ("lan0", False)
    assert of("w2", "LinkConfig", "lan0")["addresses"] == [{"address": "192.168.1.15/24"}]
    for name in ("equipped", "equipped-longhorn"):
        for node in machines(name).nodes:
            assert str(machines(name).configurations[node]).count("'gateway': '192.168.1.254'") == 1


def test_every_node_keeps_the_isolation_that_talos_ships(machines):
    for name in ANSWERS:
        for node in machines(name).nodes:
            assert machines(name).document(node, "SecurityProfileConfig")["workloadIsolation"] is True


def runs_longhorn(name, node):
    """Say whether a node of one of the ANSWERS runs Longhorn: where apps run, and only there."""
    is_worker = node.startswith("w")
    return ANSWERS[name].get("storage") == "longhorn" and (is_worker or ANSWERS[name].get("controllers_run_apps", True))


def test_only_where_longhorn_runs_is_its_folder_and_are_its_extensions(machines):
    for name in ("longhorn-on-workers", "longhorn-everywhere"):
        for node, entry in machines(name).nodes.items():
            volume = machines(name).document(node, "UserVolumeConfig")
            assert (volume is not None) is runs_longhorn(name, node)
            assert ("iscsi-tools" in entry["schematic"]) is runs_longhorn(name, node)


def test_containerd_keeps_layers_only_for_spegel(machines):
    customization = machines("spegel").document("k8s-1", "CRICustomizationConfig", "spegel")
    assert "discard_unpacked_layers = false" in customization["content"]
    assert machines("one-node").document("solo", "CRICustomizationConfig", "spegel") is None


def test_pod_security_is_enforced_as_talos_ships_it(machines):
    admission = machines("defaults").document("k8s-1", "KubeAdmissionControlConfig")["configuration"]
    assert admission["defaults"]["enforce"] == "baseline"
    assert admission["exemptions"]["namespaces"] == ["kube-system"]


def test_a_patch_for_workers_alone_has_its_place(machines):
    assert (machines("mixed").talos / "patches/worker").is_dir()
    assert not (machines("defaults").talos / "patches/worker").exists()


def test_renovate_is_told_where_each_version_comes_from(machines):
    text = (machines("defaults").talos / "versions.yaml").read_text()
    found = re.findall(r"# renovate: datasource=(\S+) depName=(\S+)\n(\w+): (v[\d.]+)\n", text)
    assert [(line[0], line[1], line[2]) for line in found] == [
        ("github-releases", "siderolabs/talos", "talosVersion"),
        ("docker", "ghcr.io/siderolabs/kubelet", "kubernetesVersion"),
    ]


def test_images_of_docker_hub_come_by_a_mirror_and_without_it_all_the_same(machines):
    mirror = machines("defaults").document("k8s-1", "RegistryMirrorConfig", "docker.io")
    assert mirror["endpoints"] == [{"url": "https://mirror.gcr.io"}]
    assert not mirror.get("skipFallback")
    own = machines("mixed").document("w1", "RegistryMirrorConfig", "docker.io")
    assert own["endpoints"] == [{"url": "https://harbor.lan/v2/hub", "overridePath": True}]
    assert machines("one-node").document("solo", "RegistryMirrorConfig") is None


def test_a_machine_that_hangs_starts_anew(machines):
    watchdog = machines("defaults").document("k8s-1", "WatchdogTimerConfig")
    assert (watchdog["device"], watchdog["timeout"]) == ("/dev/watchdog0", "5m0s")
    assert machines("defaults").document("k8s-1", "SysctlConfig")["params"]["kernel.panic"] == "10"


def test_every_file_system_is_scrubbed_and_nfs_waits_for_a_nas(machines):
    assert machines("defaults").document("k8s-1", "FilesystemScrubConfig")["interval"] == "168h0m0s"
    options = machines("defaults").document("k8s-1", "EtcFileConfig", "nfsmount.conf")["contents"]
    assert {"nfsvers=4.2", "hard=True"} <= set(options.splitlines())


def test_a_pod_needs_no_root_for_its_devices(machines):
    customization = machines("defaults").document("k8s-1", "CRICustomizationConfig", "device-ownership")
    assert "device_ownership_from_security_context = true" in customization["content"]
