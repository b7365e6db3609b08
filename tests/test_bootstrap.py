"""From rendered configurations to a cluster: the Talos API is played, talosctl, kubectl, helm and helmfile are real."""

import base64
import json
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.doubles.anton import Home, configured, talosctl, use
from tests.doubles.factory import Factory, image_factory
from tests.doubles.machines import Machines, machine, running
from tests.doubles.workplace import ANSWERS, SOPS, environment
from tests.support.apiserver import ApiServer
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.support.secret_material import JWT

pytestmark = [
    needs("kube-apiserver", "kubectl", "helm", "helmfile", "sops", "age-keygen", "talosctl", "task"),
    pytest.mark.full,
]
# These write for real to the API server that all processes share, so they run one after the other.
changes_the_server = pytest.mark.xdist_group("changes-the-server")

# Of several lines, so that its last newline is its own and not the pipe's.
CREDENTIALS = '{\n"it\'s": "a\\n\\"b\\""}\n'
INSTALL = ("bootstrap:talos", "--", "--yes", "--timeout=1")
ORDER = ["prometheus-operator-crds", "cilium", "coredns", "spegel", "cert-manager", "flux-operator", "flux-instance"]


@pytest.fixture(scope="module")
def factory() -> Iterator[Factory]:
    """Provide the Image Factory that machines are installed from."""
    with image_factory() as found:
        yield found


@pytest.fixture(scope="session")
def anton(render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return configured(tmp_path_factory.mktemp("anton"), render(ANSWERS))


@pytest.fixture(scope="session")
def by_serial(render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Home:
    node = {"name": "one", "address": "192.168.1.98", "disk_serial": "S98", "mac_address": "58:47:ca:00:00:62"}
    disks = {"storage_disks": [{"disk_serial": "R98"}, {"min_size": "1TB"}]}
    return configured(tmp_path_factory.mktemp("by-serial"), render(SOPS | {"nodes": [node | disks]}))


@pytest.fixture(scope="session")
def encrypted(render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Home:
    node = {"name": "one", "address": "192.168.1.98", "disk": "/dev/nvme0n1", "interface": "enp87s0"}
    return configured(tmp_path_factory.mktemp("encrypted"), render(SOPS | {"nodes": [node | {"encrypt_disk": True}]}))


@pytest.fixture
def home(anton: Home, factory: Factory, tmp_path: Path) -> Home:
    found = anton.copy(tmp_path / "home")
    found.workplace.extra["IMAGE_FACTORY_URL"] = factory.url
    return found


@pytest.fixture
def single(by_serial: Home, factory: Factory, tmp_path: Path) -> Home:
    found = by_serial.copy(tmp_path / "single")
    found.workplace.extra["IMAGE_FACTORY_URL"] = factory.url
    return found


@pytest.fixture
def machines(home: Home, tmp_path: Path) -> Iterator[Machines]:
    """Anton's three machines, in maintenance mode."""
    with running(tmp_path, [machine(home.address(last)) for last in (98, 99, 100)]) as found:
        yield found


# --- bootstrap:talos ---


def test_talos_is_installed_and_etcd_started_once(home: Home, machines: Machines) -> None:
    said = home.workplace.succeeds(*INSTALL)
    applied = machines.calls("ApplyConfiguration")
    assert [(call["node"], call["hostname"], call["proven"]) for call in applied] == [
        (home.address(98), "k8s-1", False), (home.address(99), "k8s-2", False), (home.address(100), "k8s-3", False),
    ]  # fmt: skip
    assert [(call["node"], call["proven"]) for call in machines.calls("Bootstrap")] == [(home.address(98), True)]
    kubeconfig = home.workplace.root / "kubeconfig"
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
    assert yaml.safe_load(kubeconfig.read_text())["current-context"] == "admin@anton"
    assert home.workplace.git("status", "--porcelain") == ""
    assert "Next: `task bootstrap:apps`" in said


def test_nothing_is_wiped_before_the_image_factory_knows_the_images(
    home: Home, machines: Machines, factory: Factory
) -> None:
    home.workplace.extra["IMAGE_FACTORY_URL"] = "http://127.0.0.1:9"
    assert "the Image Factory at http://127.0.0.1:9 does not answer" in home.workplace.refuses(*INSTALL)
    assert machines.calls() == []
    home.workplace.extra["IMAGE_FACTORY_URL"] = factory.url
    assert "✓ the Image Factory knows talos/schematic-i915-intel-ucode.yaml." in home.workplace.succeeds(*INSTALL)


def test_installing_again_changes_nothing(home: Home, machines: Machines) -> None:
    home.workplace.succeeds(*INSTALL)
    before = [call for call in machines.calls() if call["method"] != "Kubeconfig"]
    assert "Every node already runs this cluster." in home.workplace.succeeds("bootstrap:talos")
    assert [call for call in machines.calls() if call["method"] != "Kubeconfig"] == before


def test_an_interrupted_installation_goes_on_where_it_ended(home: Home, machines: Machines) -> None:
    address = home.address(98)
    talosctl(home, "apply-config", "--insecure", "--nodes", address, "--file", "talos/clusterconfig/k8s-1.yaml")
    said = home.workplace.succeeds(*INSTALL)
    assert [call["hostname"] for call in machines.calls("ApplyConfiguration")] == ["k8s-1", "k8s-2", "k8s-3"]
    assert len(machines.calls("Bootstrap")) == 1
    assert f"k8s-1 ({address}), running" in said


def test_etcd_that_runs_on_another_controller_is_not_started_anew(home: Home, machines: Machines) -> None:
    home.workplace.succeeds(*INSTALL)
    talosctl(home, "reset", "--nodes", home.address(98), "--endpoints", home.address(98), "--wait=false")
    home.workplace.succeeds(*INSTALL)
    assert len(machines.calls("ApplyConfiguration")) == 4
    assert len(machines.calls("Bootstrap")) == 1


def test_links_and_disks_are_shown_and_the_disk_is_named_before_anything_happens(
    home: Home, machines: Machines
) -> None:
    done = home.workplace.task("bootstrap:talos")
    assert done.returncode != 0
    assert re.search(r"enp87s0 +58:47:ca:00:00:62 +up, 2500 Mbit/s", done.stdout)
    assert re.search(r"enp2s0f0 +58:47:ca:00:01:62 +down", done.stdout)
    assert re.search(r"/dev/nvme1n1 +2.0 TB +Roomy 5 +R98", done.stdout)
    assert "/dev/sr0" not in done.stdout
    assert f"/dev/nvme0n1 (1.0 TB Sturdy 990 S98) of k8s-1 ({home.address(98)})" in done.stderr
    assert "pass --yes" in done.stderr
    assert machines.calls() == []


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        (
            {"disks": [{"path": "/dev/sda", "size": 10**12}]},
            "there is no disk /dev/nvme0n1; there is /dev/sda (1.0 TB)",
        ),
        ({"disks": []}, "there is no disk /dev/nvme0n1; there is none"),
        (
            {"links": [{"name": "eno1", "mac": "58:47:ca:00:00:63", "up": True}]},
            "has no link enp87s0; it has eno1",
        ),
        (
            {"disks": [{"path": "/dev/nvme0n1", "size": 10**12, "readonly": True}]},
            "the disk /dev/nvme0n1 (1.0 TB) can't be written",
        ),
    ],
)
def test_hardware_that_is_not_there_is_refused(
    changes: dict[str, Any], refusal: str, home: Home, tmp_path: Path
) -> None:
    descriptions = [machine(home.address(98)), machine(home.address(99), **changes), machine(home.address(100))]
    with running(tmp_path, descriptions) as machines:
        said = home.workplace.refuses(*INSTALL)
        assert refusal in said and "k8s-2" in said and "answer `nodes`" in said
        assert machines.calls() == []


def test_serial_numbers_and_mac_addresses_are_looked_up(single: Home, tmp_path: Path) -> None:
    address = single.address(98)
    (tmp_path / "fits").mkdir()
    for changes, refusal in (
        ({"disks": [{"path": "/dev/sda", "size": 10**12, "serial": "S99"}]}, "no disk with the serial number S98"),
        ({"disks": [{"path": "/dev/sda", "size": 10**12, "serial": "S98"}]}, "no disk with the serial number R98"),
        ({"links": [{"name": "eno1", "mac": "58:47:ca:00:00:63", "up": True}]}, "MAC address 58:47:ca:00:00:62"),
    ):  # fmt: skip
        with running(tmp_path, [machine(address, **changes)]):
            assert refusal in single.workplace.refuses(*INSTALL)
    with running(tmp_path / "fits", [machine(address)]) as machines:
        single.workplace.succeeds(*INSTALL)
        assert [call["method"] for call in machines.calls()] == ["ApplyConfiguration", "Bootstrap", "Kubeconfig"]


def test_a_disk_is_sealed_only_on_a_machine_whose_secure_boot_is_on(
    encrypted: Home, factory: Factory, tmp_path: Path
) -> None:
    home = encrypted.copy(tmp_path / "home")
    home.workplace.extra["IMAGE_FACTORY_URL"] = factory.url
    (tmp_path / "on").mkdir()
    with running(tmp_path, [machine(home.address(98))]) as machines:
        refusal = home.workplace.refuses(*INSTALL)
        assert f"one ({home.address(98)}) has Secure Boot off" in refusal and "encrypt_disk" in refusal
        assert machines.calls() == []
    with running(tmp_path / "on", [machine(home.address(98), secureBoot=True)]) as machines:
        home.workplace.succeeds(*INSTALL)
        assert [call["method"] for call in machines.calls()] == ["ApplyConfiguration", "Bootstrap", "Kubeconfig"]
        home.workplace.succeeds("talos:apply-node", f"IP={home.address(98)}")
        config = home.workplace.root / "talos/clusterconfig/one.yaml"
        documents = [text for text in config.read_text().split("---\n") if "encryption:" not in text]
        config.write_text("---\n".join(documents))
        refusal = home.workplace.refuses("talos:apply-node", f"IP={home.address(98)}")
        assert f"EPHEMERAL of one ({home.address(98)}) is encrypted" in refusal and "wants it in clear" in refusal
        assert len(machines.calls("ApplyConfiguration")) == 2


def test_a_disk_in_clear_is_not_encrypted_later(home: Home, machines: Machines) -> None:
    home.workplace.succeeds(*INSTALL)
    config = home.workplace.root / "talos/clusterconfig/k8s-2.yaml"
    encryption = "encryption:\n  provider: luks2\n  keys:\n    - slot: 0\n      tpm: {}\n"
    config.write_text(f"{config.read_text()}---\napiVersion: v1alpha1\nkind: VolumeConfig\nname: STATE\n{encryption}")
    refusal = home.workplace.refuses("talos:apply-node", f"IP={home.address(99)}")
    assert f"STATE of k8s-2 ({home.address(99)}) is in clear, and talos/clusterconfig/k8s-2.yaml wants it" in refusal
    assert "Replace a machine" in refusal
    assert len(machines.calls("ApplyConfiguration")) == 3


def test_a_node_that_does_not_answer_stops_it_before_anything_changes(home: Home, tmp_path: Path) -> None:
    with running(tmp_path, [machine(home.address(98)), machine(home.address(99))]) as machines:
        assert f"k8s-3 ({home.address(100)}): {home.address(100)} does not answer" in home.workplace.refuses(*INSTALL)
        assert machines.calls() == []


def test_a_node_of_another_cluster_is_refused(home: Home, single: Home, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(single.workplace.read("talos/clusterconfig/one.yaml"))
    with running(tmp_path, [machine(home.address(last)) for last in (98, 99, 100)]):
        talosctl(home, "apply-config", "--insecure", "--nodes", home.address(99), "--file", other)
        assert "with the keys of another cluster" in home.workplace.refuses(*INSTALL)


def test_configurations_older_than_their_patches_are_refused(home: Home, machines: Machines) -> None:
    home.workplace.write("talos/patches/global/new.yaml", "---\napiVersion: v1alpha1\nkind: SysctlConfig\nparams: {}\n")
    home.workplace.push()
    assert "talos/patches/global/new.yaml is newer" in home.workplace.refuses(*INSTALL)
    (home.workplace.root / "talos/clusterconfig/k8s-2.yaml").unlink()
    assert "run `task configure`" in home.workplace.refuses(*INSTALL)
    assert machines.calls() == []


# --- talos:* ---


def test_the_inventory_shows_a_machine_before_and_after_its_installation(home: Home, machines: Machines) -> None:
    said = home.workplace.succeeds("talos:inventory", f"IP={home.address(99)}")
    assert "in maintenance mode" in said and "Sturdy 990" in said and "58:47:ca:00:00:63" in said
    home.workplace.succeeds(*INSTALL)
    said = home.workplace.succeeds("talos:inventory", f"IP={home.address(99)}")
    assert f"{home.address(99)}, running" in said and "Sturdy 990" in said
    assert "does not answer" in home.workplace.refuses("talos:inventory", f"IP={home.address(7)}")


def test_apply_node_sends_the_configuration_of_that_node(home: Home, machines: Machines) -> None:
    home.workplace.succeeds(*INSTALL)
    home.workplace.succeeds("talos:apply-node", f"IP={home.address(99)}")
    home.workplace.succeeds("talos:apply-node", f"IP={home.address(99)}", "MODE=staged")
    last = machines.calls("ApplyConfiguration")[3:]
    assert [(call["hostname"], call["mode"], call["proven"]) for call in last] == [
        ("k8s-2", "AUTO", True), ("k8s-2", "STAGED", True),
    ]  # fmt: skip
    refusal = home.workplace.refuses("talos:apply-node", f"IP={home.address(7)}")
    assert f"no node has the address {home.address(7)}" in refusal and "k8s-1" in refusal
    assert "MODE is one of auto" in home.workplace.refuses("talos:apply-node", f"IP={home.address(99)}", "MODE=reboot")


def test_reset_names_what_is_lost_and_asks(home: Home, machines: Machines) -> None:
    home.workplace.succeeds(*INSTALL)
    refusal = home.workplace.refuses("talos:reset")
    assert "every object of Kubernetes" in refusal and "pass --yes" in refusal
    refusal = home.workplace.refuses("talos:reset", f"IP={home.address(99)}")
    assert "k8s-2" in refusal and "k8s-1" not in refusal
    assert "no node has the address (empty)" in home.workplace.refuses("talos:reset", "IP=", "--", "--yes")
    assert machines.calls("Reset") == []
    home.workplace.succeeds("talos:reset", "--", "--yes")
    resets = machines.calls("Reset")
    assert [call["node"] for call in resets] == [home.address(last) for last in (98, 99, 100)]
    for call in resets:
        assert (call["wipe"], call["graceful"], call["reboot"]) == (["STATE", "EPHEMERAL"], False, True)
    assert "in maintenance mode" in home.workplace.succeeds("talos:inventory", f"IP={home.address(98)}")
    # After an interruption it goes on where it ended.
    assert "is in maintenance mode already" in home.workplace.succeeds("talos:reset", "--", "--yes")
    refusal = home.workplace.refuses("talos:apply-node", f"IP={home.address(98)}")
    assert "task bootstrap:talos" in refusal


# --- bootstrap:apps ---


def with_charts_that_show_their_values(home: Home, folder: Path) -> None:
    """Replace each chart by one that only writes its values into a ConfigMap, and push that."""
    for name in ORDER:
        chart = folder / "charts" / name
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 0.0.1\n")
        (chart / "templates/values.yaml").write_text(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: values-of-{{ .Release.Name }}\n"
            "data:\n  values: {{ toJson .Values | quote }}\n"
        )
        source = f"kubernetes/flux/meta/repos/{name}.yaml"
        text = home.workplace.read(source)
        home.workplace.write(source, re.sub(r"url: .*", f"url: {chart}", text))
    home.workplace.push()


def helm_release(home: Home, name: str) -> dict[str, Any]:
    """Return the HelmRelease of an app."""
    [path] = (home.workplace.root / "kubernetes/apps").glob(f"*/{name}/app/helmrelease.yaml")
    return yaml.safe_load(path.read_text())


def register(server: ApiServer, *names: str) -> None:
    """Nodes register."""
    for name in names:
        server.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}, "kubelet")


def kubectl(home: Home, *words: str) -> Any:
    """Return what the API server holds."""
    done = subprocess.run(
        ["kubectl", "get", *words, "--output", "json"],
        cwd=home.workplace.root,
        env=environment() | {"KUBECONFIG": str(home.workplace.root / "kubeconfig")},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


@changes_the_server
def test_apps_are_installed_in_order_with_the_values_that_flux_will_use(
    home: Home, server: ApiServer, tmp_path: Path
) -> None:
    with_charts_that_show_their_values(home, tmp_path)
    use(home, server)
    register(server, "k8s-1", "k8s-2", "k8s-3")
    for key, value in {"1password-credentials.json": CREDENTIALS, "token": JWT}.items():
        name = "onepassword-token" if key == "token" else "op-credentials"
        home.workplace.succeeds("secret:set", f"SECRET={name}", f"KEY={key}", stdin=value)
    said = home.workplace.succeeds("bootstrap:apps", "--", "--timeout=0.1")
    assert re.findall(r"^Release \"(\S+)\" does not exist", said, re.MULTILINE) in ([], ORDER)
    for name in ORDER:
        release = helm_release(home, name)
        [path] = (home.workplace.root / "kubernetes/apps").glob(f"*/{name}")
        [shown] = [
            item
            for item in kubectl(home, "configmap", "--namespace", path.parent.name)["items"]
            if item["metadata"]["name"] == f"values-of-{name}"
        ]
        assert json.loads(shown["data"]["values"]) == release["spec"].get("values", {})
        assert shown["metadata"]["annotations"]["meta.helm.sh/release-name"] == name
    credentials = kubectl(home, "secret", "op-credentials", "--namespace", "external-secrets")["data"]
    token = kubectl(home, "secret", "onepassword-token", "--namespace", "external-secrets")["data"]
    assert credentials["1password-credentials.json"] == base64_of(CREDENTIALS)
    assert token["token"] == base64_of(JWT)
    age = kubectl(home, "secret", "sops-age", "--namespace", "flux-system")["data"]["age.agekey"]
    assert age == base64_of(home.workplace.read("age.key"))
    kube_system = kubectl(home, "namespace", "kube-system")["metadata"]
    assert kube_system["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    home.workplace.succeeds("bootstrap:apps", "--", "--timeout=0.1")


def base64_of(text: str) -> str:
    """As a Secret shows it."""
    return base64.b64encode(text.encode()).decode()


@changes_the_server
def test_apps_wait_for_every_node(home: Home, server: ApiServer) -> None:
    home.workplace.write("talos/inventory.yaml", home.workplace.read("talos/inventory.yaml").replace("k8s-3", "k8s-x"))
    home.workplace.push()
    use(home, server)
    register(server, "k8s-1", "k8s-2")
    refusal = home.workplace.refuses("bootstrap:apps", "--", "--timeout=0.05")
    assert "k8s-x has not registered" in refusal


@changes_the_server
def test_apps_need_the_values_of_their_secrets(home: Home, server: ApiServer) -> None:
    use(home, server)
    register(server, "k8s-1", "k8s-2", "k8s-3")
    refusal = home.workplace.refuses("bootstrap:apps", "--", "--timeout=0.05")
    assert "1password-connect" in refusal


def test_apps_need_a_cluster(home: Home) -> None:
    assert "kubeconfig is missing: run `task bootstrap:talos`" in home.workplace.refuses("bootstrap:apps")


def test_helmfile_repeats_no_version(home: Home) -> None:
    listed = subprocess.run(
        ["helmfile", "--file", "bootstrap/helmfile.yaml.gotmpl", "list", "--output", "json"],
        cwd=home.workplace.root, env=environment(), check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for release in json.loads(listed):
        source = yaml.safe_load(home.workplace.read(f"kubernetes/flux/meta/repos/{release['name']}.yaml"))["spec"]
        assert (release["chart"], release["version"]) == (source["url"], source["ref"]["tag"])
    assert {release["name"] for release in json.loads(listed)} == set(ORDER)
    texts = "".join(path.read_text() for path in (home.workplace.root / "bootstrap").iterdir())
    assert "oci://" not in texts
