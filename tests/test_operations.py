"""Upgrades, and what else a running cluster needs: the Talos API is played, the API server and all tools are real."""

import base64
import json
import os
import re
import signal
import stat
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from talos_flux.talos import skew
from tests.doubles.anton import Home, configured, installed, talosctl, use
from tests.doubles.factory import Factory, image_factory
from tests.doubles.machines import MS_01, SOURCE, Machines
from tests.doubles.workplace import ANSWERS, SOPS
from tests.support import apiserver, crds, pictures
from tests.support.apiserver import ApiError, ApiServer
from tests.support.commands import TALOS_FLUX
from tests.support.given import given
from tests.support.needs import needs
from tests.support.processes import Processes, free_ports
from tests.support.proxy import Proxy
from tests.support.render import Renderer
from tests.support.terminal import Terminal
from tests.support.wellness import KUBERNETES, OLD_KUBERNETES, OLD_TALOS, TALOS, Wellness, minor, ready
from tests.tools import catalogue

# One server of their own, on which they agree what is well.
pytestmark = [
    needs("kube-apiserver", "kubectl", "talosctl", "sops", "age-keygen", "flux", "task"),
    pytest.mark.full,
    pytest.mark.xdist_group("operations"),
]
NAMES = ("k8s-1", "k8s-2", "k8s-3")


@pytest.fixture(scope="module")
def factory() -> Iterator[Factory]:
    """Provide the Image Factory that machines are installed from."""
    with image_factory() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Provide an API server without other tests' nodes."""
    processes = Processes(tmp_path_factory.mktemp("apiserver"))
    try:
        of_flux = ("kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io")
        definitions = [item for item in crds.definitions() if item["spec"]["group"] in of_flux]
        yield apiserver.start(processes, ["ServiceAccount"], definitions)[0]
    finally:
        processes.end()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Provide a snapshot of a real etcd, which etcd made itself."""
    processes = Processes(tmp_path_factory.mktemp("etcd"))
    client, peer = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    try:
        processes.start(
            "etcd", "--name=one", f"--data-dir={processes.scratch}", f"--initial-cluster=one={peer}",
            f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
        )  # fmt: skip

        def ask() -> list[str]:
            request = urllib.request.Request(f"{client}/v3/maintenance/snapshot", b"{}")  # noqa: S310, itself above
            with urllib.request.urlopen(request) as response:  # noqa: S310
                return list(response.read().decode().splitlines())

        processes.wait_until(ask)
        lines = ask()
    finally:
        processes.end()
    return b"".join(base64.b64decode(json.loads(line)["result"].get("blob", "")) for line in lines)


@pytest.fixture
def wellness(server: ApiServer) -> Wellness:
    """Provide a healthy cluster."""
    found = Wellness(server)
    for name in {item["metadata"]["name"] for item in server.everything("v1", "Node")} - set(NAMES):
        server.call("DELETE", f"/api/v1/nodes/{name}")
    found.bring(NAMES)
    return found


@pytest.fixture(scope="module")
def anton(render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return configured(tmp_path_factory.mktemp("operations"), render(ANSWERS))


@pytest.fixture
def home(anton: Home, server: ApiServer, factory: Factory, tmp_path: Path) -> Home:
    found = anton.copy(tmp_path / "home")
    found.workplace.extra["IMAGE_FACTORY_URL"] = factory.url
    use(found, server)
    return found


@pytest.fixture
def machines(home: Home, wellness: Wellness, snapshot: bytes, tmp_path: Path) -> Iterator[Machines]:
    """Three controllers whose etcd runs."""
    (tmp_path / "etcd.snapshot").write_bytes(snapshot)
    with installed(home, tmp_path, 98, 99, 100) as found:
        yield found


# --- Whether a node may go ---


def talos_flux(home: Home, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the repository's tools."""
    return subprocess.run(
        [home.workplace.root / "scripts/talos-flux", *words],
        cwd=home.workplace.root, env=home.workplace.environment,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def verdict(home: Home, *words: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the JSON of cluster-health-monitor."""
    done = talos_flux(home, "gate", "--json", *words)
    return done.returncode, json.loads(done.stdout or "{}") | {"stderr": done.stderr}


def wrong(found: dict[str, Any], level: str = "critical") -> list[str]:
    """Return the problems of a level, as sentences."""
    return [
        f"{problem['subject']}: {problem['text']}"
        for part in found["parts"]
        for problem in part["problems"]
        if problem["level"] == level
    ]


def part(found: dict[str, Any], name: str) -> str:
    """Return what was looked at in a part."""
    [one] = [part for part in found["parts"] if part["name"] == name]
    return str(one["lookedAt"])


def test_a_cluster_that_is_well_is_ready_for_an_upgrade(home: Home, machines: Machines) -> None:
    machines.say(home.address(99), leader=True)
    code, found = verdict(home)
    assert (code, found["ready"], found["unknown"]) == (0, True, [])
    assert part(found, "etcd") == "3 of 3 members healthy, 2 needed, leader k8s-2, 21 MB"
    # The cluster's storage is local-path, of which nothing is known.
    assert part(found, "volumes") == "none of Longhorn, whose copies alone are looked at"
    assert "ready for an upgrade" in talos_flux(home, "gate").stdout


def test_a_dead_controller_is_named_and_holds_nobody_up(home: Home, machines: Machines) -> None:
    verdict(home)
    machines.say(home.address(99), down=True)
    started = time.monotonic()
    code, found = verdict(home)
    assert time.monotonic() - started < 25
    assert code == 2
    assert "etcd: can lose none more: 2 of 3 members are healthy, 2 are needed" in wrong(found)
    assert f"etcd on k8s-2 ({home.address(99)}): does not answer: no answer within 10 seconds" in wrong(found)


def test_a_member_whose_etcd_has_stopped_is_named(home: Home, machines: Machines) -> None:
    verdict(home)
    machines.say(home.address(100), etcdStopped=True)
    code, found = verdict(home)
    assert code == 2
    [one] = [text for text in wrong(found) if "k8s-3" in text]
    assert "etcd is not running" in one


def test_without_a_quorum_the_verdict_says_so_although_the_api_may_not_answer(home: Home, machines: Machines) -> None:
    verdict(home)
    for last in (99, 100):
        machines.say(home.address(last), etcdStopped=True)
    home.workplace.write(
        "kubeconfig", home.workplace.read("kubeconfig").replace("https://127.0.0.1:", "https://127.0.0.9:")
    )
    code, found = verdict(home)
    assert code == 3
    [unknown] = found["unknown"]
    assert "can't be reached" in unknown
    assert "etcd: has no quorum: 1 of 3 members answers, 2 must agree, so the API can't change anything" in wrong(found)
    assert f"etcd on k8s-1 ({home.address(98)}): knows no leader: it does not reach enough of the others" in wrong(
        found
    )


def test_a_full_etcd_names_the_way_out(home: Home, machines: Machines) -> None:
    machines.say(home.address(98), alarm="NOSPACE")
    code, found = verdict(home)
    assert code == 2
    [one] = wrong(found)
    assert one.startswith(f"etcd on k8s-1 ({home.address(98)}): has raised the alarm NOSPACE: its database is full")
    said = talos_flux(home, "gate").stdout
    assert f"talosctl --nodes {home.address(98)} etcd defrag" in said


def test_the_picture_of_the_gate(home: Home, wellness: Wellness, machines: Machines) -> None:
    verdict(home)
    machines.say(home.address(99), etcdStopped=True)
    wellness.server.has_namespace("media")
    wellness.deployment("media", "jellyfin", pods=0)
    with Terminal([*TALOS_FLUX, "gate"], home.workplace.root) as terminal:
        terminal.shows("no upgrade now")
        said = ("etcd: can lose none more: 2 of 3 members are healthy, 2 are needed", "no upgrade now")
        pictures.take(terminal, "cluster-health-monitor", "./scripts/cluster-health-monitor.py", *said)


def test_a_member_that_still_learns_does_not_count(home: Home, machines: Machines) -> None:
    machines.say(home.address(100), learner=True)
    code, found = verdict(home)
    assert code == 2
    assert "is still learning" in " ".join(wrong(found))


def test_a_member_that_no_controller_runs_is_named(home: Home, machines: Machines) -> None:
    verdict(home)
    address = home.address(100)
    talosctl(home, "reset", "--nodes", address, "--endpoints", address, "--graceful=false", "--wait=false")
    talosctl(home, "apply-config", "--insecure", "--nodes", address, "--file", "talos/clusterconfig/k8s-3.yaml")
    code, found = verdict(home)
    assert code == 2
    [stranger] = [text for text in wrong(found, "warning") if text.startswith("etcd member")]
    assert "it is k8s-3" in stranger
    assert "etcd: can lose none more: 3 of 4 members are healthy, 3 are needed" in wrong(found)


@pytest.mark.parametrize(
    ("breaks", "sentence"),
    [
        (lambda it: it.node("k8s-2", is_ready=False), "Node k8s-2: is not ready"),
        (lambda it: it.remove("Pod", "kube-system", "kube-apiserver-k8s-3"), "kube-apiserver-k8s-3: is not there"),
        (lambda it: it.deployment("kube-system", "coredns", of=2, pods=1), "coredns: has 1 of 2 pods ready"),
        (lambda it: it.daemon_set("kube-system", "cilium", 3, pods=2), "cilium: has 2 of 3 pods ready"),
        (lambda it: it.deployment("flux-system", "helm-controller", pods=0), "helm-controller: has 0 of 1 pods"),
    ],
)
def test_what_every_app_needs_must_be_whole(
    breaks: Any, sentence: str, home: Home, machines: Machines, wellness: Wellness
) -> None:
    breaks(wellness)
    code, found = verdict(home)
    assert code == 2
    [one] = wrong(found)
    assert sentence in one


CRASHING = ready(
    False,
    phase="Running",
    startTime="2026-01-01T00:00:00Z",
    containerStatuses=[
        {
            "name": "app", "image": "a", "imageID": "", "ready": False, "restartCount": 40,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        }
    ],
)  # fmt: skip


def test_an_app_that_crashes_stops_no_upgrade(home: Home, machines: Machines, wellness: Wellness) -> None:
    wellness.pod("media", "jellyfin-0", "k8s-2", CRASHING)
    try:
        code, found = verdict(home)
        assert (code, found["ready"]) == (1, True)
        assert [text.partition(":")[0] for text in wrong(found, "warning")] == ["Pod media/jellyfin-0"]
    finally:
        wellness.remove("Pod", "media", "jellyfin-0")


def test_a_node_with_another_version_is_a_warning_that_names_the_task(
    home: Home, machines: Machines, wellness: Wellness
) -> None:
    wellness.node("k8s-1", talos=OLD_TALOS, kubernetes=OLD_KUBERNETES)
    code, found = verdict(home)
    assert code == 1
    assert wrong(found, "warning") == [
        f"Node k8s-1: runs Talos {OLD_TALOS}, and talos/versions.yaml says {TALOS}",
        f"Node k8s-1: runs Kubernetes {OLD_KUBERNETES}, and talos/versions.yaml says {KUBERNETES}",
    ]


def test_without_talosconfig_etcd_is_unknown_and_not_well(home: Home, machines: Machines) -> None:
    (home.workplace.root / "talos/clusterconfig/talosconfig").unlink()
    for name in ("gate", "health"):
        done = talos_flux(home, name)
        assert done.returncode == 3, done.stdout + done.stderr
        assert "etcd can't be asked: talos/clusterconfig/talosconfig is missing" in done.stdout


def test_the_health_check_shows_etcd_too(home: Home, machines: Machines) -> None:
    assert "3 of 3 members healthy" in talos_flux(home, "health", "--verbose").stdout
    machines.say(home.address(99), etcdStopped=True)
    done = talos_flux(home, "health")
    assert "etcd: can lose none more" in done.stdout
    assert "etcd" not in talos_flux(home, "health", "--namespace", "kube-system").stdout


def test_waiting_ends_when_all_is_well_and_says_what_for(
    home: Home, machines: Machines, wellness: Wellness, tmp_path: Path
) -> None:
    wellness.node("k8s-2", is_ready=False)
    machines.say(home.address(99), etcdStopped=True)
    words = [*TALOS_FLUX, "gate", "--wait", "--timeout=2"]
    heard = tmp_path / "heard"
    with heard.open("w") as log:
        waiting = subprocess.Popen(
            words, cwd=home.workplace.root, env=home.workplace.environment, stdout=log, stderr=log
        )
    hears(heard, "waiting for etcd: can lose none more")
    machines.say(home.address(99))
    hears(heard, "waiting for Node k8s-2: is not ready")
    wellness.node("k8s-2")
    hears(heard, "ready for an upgrade")
    assert waiting.wait(30) == 0


def hears(file: Path, sentence: str, seconds: float = 60) -> None:
    """Wait until a file holds a sentence."""
    deadline = time.monotonic() + seconds
    while sentence not in file.read_text():
        assert time.monotonic() < deadline, file.read_text()
        time.sleep(0.2)


def test_waiting_ends_in_time_with_what_is_wrong(home: Home, machines: Machines, wellness: Wellness) -> None:
    wellness.node("k8s-2", is_ready=False)
    done = talos_flux(home, "gate", "--wait", "--timeout=0.05")
    assert done.returncode == 2
    assert "Node k8s-2: is not ready" in done.stdout and "no upgrade now" in done.stdout


def test_waiting_outlives_an_outage_of_the_api(
    home: Home, machines: Machines, wellness: Wellness, server: ApiServer, tmp_path: Path
) -> None:
    wellness.node("k8s-2", is_ready=False)
    heard = tmp_path / "heard"
    words = [*TALOS_FLUX, "gate", "--wait", "--timeout=2"]
    with closing(Proxy(server.port)) as proxy, heard.open("w") as log:
        config = home.workplace.read("kubeconfig")
        home.workplace.write("kubeconfig", config.replace(f":{server.port}", f":{proxy.port}"))
        waiting = subprocess.Popen(
            words, cwd=home.workplace.root, env=home.workplace.environment, stdout=log, stderr=log
        )
        hears(heard, "waiting for Node k8s-2: is not ready")
        proxy.broken()
        hears(heard, "the API has not answered since")
        wellness.node("k8s-2")
        proxy.mended()
        hears(heard, "ready for an upgrade")
        assert waiting.wait(30) == 0


@pytest.mark.parametrize(
    "words",
    [
        (
            "talos",
            "upgrade",
        ),
        ("talos", "upgrade-node", "k8s-1"),
        (
            "talos",
            "upgrade-k8s",
        ),
        (
            "etcd",
            "snapshot",
        ),
        (
            "etcd",
            "restore",
        ),
        ("kubeconfig",),
    ],
    ids=lambda words: words[0],
)
def test_a_command_without_talosconfig_is_refused_in_one_sentence(words: tuple[str, ...], home: Home) -> None:
    (home.workplace.root / "talos/clusterconfig/talosconfig").unlink()
    sentence = "talos/clusterconfig/talosconfig is missing: run `task configure`."
    assert refusal_of(talos_flux(home, *words)) == sentence


@pytest.mark.parametrize("words", [("debug",), ("app", "suspend")], ids=lambda words: words[0])
def test_a_command_without_kubeconfig_is_refused_in_one_sentence(words: tuple[str, ...], home: Home) -> None:
    (home.workplace.root / "kubeconfig").unlink()
    sentence = "kubeconfig is missing: `task kubeconfig` fetches it, once `task bootstrap:talos` has run."
    assert refusal_of(talos_flux(home, *words, "--app=media/jellyfin")) == sentence


def refusal_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence of a script that could not begin."""
    # The first time, uv says what it installs.
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("Installed ", "Download"))]
    assert (done.returncode, done.stdout, len(lines)) == (3, "", 1), done.stdout + done.stderr
    return lines[0].removeprefix("error: ")


# --- Upgrades ---

UPGRADE = ("--yes", "--drain=false", "--wait=false", "--timeout=0.4")


def in_order(machines: Machines, method: str = "Upgrade") -> list[str]:
    """Return the last bytes of the addresses of the nodes that were asked something."""
    return [call["node"].rpartition(".")[2] for call in machines.calls(method)]


@pytest.fixture
def old_machines(home: Home, wellness: Wellness, snapshot: bytes, tmp_path: Path) -> Iterator[Machines]:
    """Three controllers with an older Talos; the second one leads."""
    (tmp_path / "etcd.snapshot").write_bytes(snapshot)
    with installed(home, tmp_path, 98, 99, 100, version=OLD_TALOS) as found:
        found.say(home.address(99), leader=True)
        yield found


def test_upgrade_goes_from_node_to_node_and_the_leader_is_last(home: Home, old_machines: Machines) -> None:
    said = home.workplace.succeeds("talos:upgrade", "--", *UPGRADE)
    assert in_order(old_machines) == in_order(old_machines, "Reboot") == ["98", "100", "99"]
    assert len(old_machines.calls("EtcdSnapshot")) == 1
    methods = [call["method"] for call in old_machines.calls()]
    assert methods.index("EtcdSnapshot") < methods.index("Upgrade")
    [snapshot] = (home.workplace.root / "snapshots").iterdir()
    assert f"snapshots/{snapshot.name}" in said and "2 to go" in said
    assert home.workplace.git("status", "--porcelain") == ""
    # Run again, there is nothing to do.
    said = home.workplace.succeeds("talos:upgrade", "--", *UPGRADE)
    assert said.count("already.") == 3
    assert len(old_machines.calls("Upgrade")) == 3


def test_upgrade_asks_and_names_what_happens(home: Home, old_machines: Machines) -> None:
    refusal = home.workplace.refuses("talos:upgrade")
    assert f"k8s-1 ({home.address(98)}) from {OLD_TALOS}" in refusal and "one at a time" in refusal
    assert "pass --yes" in refusal
    assert old_machines.calls("EtcdSnapshot") == old_machines.calls("Upgrade") == []


def test_upgrade_stops_at_the_first_problem_and_goes_on_when_run_again(home: Home, old_machines: Machines) -> None:
    old_machines.say(home.address(100), upgradeFails="no space left on device")
    refusal = home.workplace.refuses("talos:upgrade", "--", *UPGRADE)
    assert f"k8s-3 ({home.address(100)}) was not upgraded" in refusal
    assert "`task talos:upgrade` goes on" in refusal
    assert in_order(old_machines, "Reboot") == ["98"]
    old_machines.say(home.address(100))
    said = home.workplace.succeeds("talos:upgrade", "--", *UPGRADE)
    assert f"k8s-1 ({home.address(98)}) runs {TALOS}" in said
    assert in_order(old_machines, "Reboot") == ["98", "100", "99"]


def test_upgrade_stops_when_a_node_does_not_come_back_well(
    home: Home, old_machines: Machines, wellness: Wellness
) -> None:
    old_machines.say(home.address(98), rebootSeconds=8)
    waits = home.workplace.running("talos:upgrade", "--", *UPGRADE)
    with waits as task:
        deadline = time.monotonic() + 120
        while not old_machines.calls("Reboot") and time.monotonic() < deadline:
            time.sleep(0.2)
        old_machines.say(home.address(98), etcdStopped=True)
        said, _ = task.communicate(timeout=200)
        assert task.returncode != 0
    assert "Waiting for etcd: can lose none more" in said
    assert "stopped, since the cluster is not well after 0.4 minutes: etcd: can lose none more" in said
    assert in_order(old_machines, "Reboot") == ["98"]


def test_upgrade_notices_that_a_node_went_back_to_its_previous_system(home: Home, old_machines: Machines) -> None:
    old_machines.say(home.address(98), rollsBack=True)
    refusal = home.workplace.refuses("talos:upgrade", "--", *UPGRADE[:-1], "--timeout=0.1")
    assert f"k8s-1 ({home.address(98)}) does not run Talos {TALOS} after its upgrade: it runs {OLD_TALOS}" in refusal
    assert in_order(old_machines) == ["98"]


def test_upgrade_does_not_begin_while_something_is_wrong(
    home: Home, old_machines: Machines, wellness: Wellness
) -> None:
    wellness.node("k8s-3", is_ready=False)
    for words in (["talos:upgrade"], ["talos:upgrade-node", f"IP={home.address(98)}"]):
        refusal = home.workplace.refuses(*words, "--", *UPGRADE)
        assert "the cluster can't spare a node now: Node k8s-3: is not ready" in refusal
    assert old_machines.calls("EtcdSnapshot") == old_machines.calls("Upgrade") == []


def test_another_schematic_is_a_reason_to_upgrade(
    home: Home, wellness: Wellness, snapshot: bytes, tmp_path: Path
) -> None:
    (tmp_path / "etcd.snapshot").write_bytes(snapshot)
    with installed(home, tmp_path, 98, 99, 100, schematic="0" * 64) as machines:
        home.workplace.succeeds("talos:upgrade-node", f"IP={home.address(100)}", "--", *UPGRADE)
        [upgrade] = machines.calls("Upgrade")
        assert upgrade["image"] == f"factory.talos.dev/metal-installer/{MS_01}:{TALOS}"
        assert in_order(machines) == ["100"]


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        (f"{minor(TALOS, -2)}.6", f"upgrade to the newest {minor(TALOS, -1)} first"),
        (f"{minor(TALOS, 1)}.0", "its state can't go back to an older minor version"),
    ],
)
def test_upgrade_refuses_versions_that_do_not_follow(
    runs: str, sentence: str, home: Home, wellness: Wellness, tmp_path: Path
) -> None:
    with installed(home, tmp_path, 98, 99, 100, version=runs) as machines:
        refusal = home.workplace.refuses("talos:upgrade", "--", *UPGRADE)
        assert refusal.startswith("Talos on k8s-") and f") is {runs}, and" in refusal and sentence in refusal
        assert machines.calls("Upgrade") == []


def test_upgrade_refuses_a_talos_that_does_not_run_this_kubernetes(
    home: Home, old_machines: Machines, wellness: Wellness
) -> None:
    wellness.node("k8s-2", kubernetes="v1.99.0")
    refusal = home.workplace.refuses("talos:upgrade", "--", *UPGRADE)
    assert f"Talos {TALOS} runs Kubernetes v1." in refusal and ", not v1.99.0" in refusal


def test_upgrade_refuses_what_is_not_pushed(home: Home, old_machines: Machines) -> None:
    text = home.workplace.read("talos/versions.yaml")
    home.workplace.write("talos/versions.yaml", text.replace(TALOS, f"{TALOS}0"))
    assert "talos/versions.yaml is not committed" in home.workplace.refuses("talos:upgrade", "--", *UPGRADE)


def test_a_worker_is_upgraded_first_and_by_way_of_a_controller(
    render: Renderer, server: ApiServer, wellness: Wellness, snapshot: bytes, tmp_path: Path
) -> None:
    (tmp_path / "etcd.snapshot").write_bytes(snapshot)
    nodes = [
        {"name": f"k8s-{number}", "address": f"192.168.1.{97 + number}", "disk": "/dev/nvme0n1", "interface": "enp87s0"}
        for number in (1, 2)
    ]
    mixed = configured(tmp_path / "mixed", render(ANSWERS | {"nodes": [nodes[0], nodes[1] | {"controller": False}]}))
    use(mixed, server)
    wellness.server.call("DELETE", "/api/v1/nodes/k8s-3")
    with installed(mixed, tmp_path, 98, 99, version=OLD_TALOS) as machines:
        mixed.workplace.succeeds("talos:upgrade", "--", *UPGRADE)
        assert in_order(machines) == in_order(machines, "Reboot") == ["99", "98"]


class shim:
    """A talosctl that writes down one command instead of running it."""

    def __init__(self, home: Home, folder: Path, command: str, then: str = "true") -> None:
        self.log = folder / "shim.log"
        folder.mkdir()
        real = subprocess.run(["which", "talosctl"], capture_output=True, text=True, check=True).stdout.strip()
        tool = folder / "talosctl"
        tool.write_text(
            f'#!/bin/sh\nif [ "$1" = {command} ]; then echo "$@" >> {self.log}; {then}; exit; fi\nexec {real} "$@"\n'
        )
        tool.chmod(0o755)
        home.workplace.extra["PATH"] = f"{folder}{os.pathsep}{home.workplace.environment['PATH']}"


def test_upgrade_k8s_is_gated_and_keeps_etcd_before(
    home: Home, machines: Machines, wellness: Wellness, tmp_path: Path
) -> None:
    found = shim(home, tmp_path / "shim", "upgrade-k8s")
    assert f"Kubernetes is {KUBERNETES} already" in home.workplace.succeeds("talos:upgrade-k8s", "--", "--yes")
    wellness.node("k8s-2", kubernetes=OLD_KUBERNETES)
    assert f"Kubernetes becomes {KUBERNETES} instead of {OLD_KUBERNETES}" in home.workplace.refuses("talos:upgrade-k8s")
    assert machines.calls("EtcdSnapshot") == []
    refusal = home.workplace.refuses("talos:upgrade-k8s", "--", "--yes", "--timeout=0.7", "--pre-pull-images=false")
    assert f"{OLD_KUBERNETES} still runs somewhere: `task talos:upgrade-k8s` goes on" in refusal
    assert len(machines.calls("EtcdSnapshot")) == 1
    assert found.log.read_text().split()[-3:] == ["--to", KUBERNETES[1:], "--pre-pull-images=false"]
    wellness.node("k8s-2", kubernetes=f"{minor(KUBERNETES, -2)}.1")
    assert f"upgrade to the newest {minor(KUBERNETES, -1)} first" in home.workplace.refuses(
        "talos:upgrade-k8s", "--", "--yes"
    )
    wellness.node("k8s-2", kubernetes=OLD_KUBERNETES)
    wellness.deployment("kube-system", "coredns", pods=0)
    assert "can't spare a node now: Deployment kube-system/coredns" in home.workplace.refuses("talos:upgrade-k8s")


def test_a_node_is_drained_where_its_pods_can_go_elsewhere(home: Home, old_machines: Machines, tmp_path: Path) -> None:
    found = shim(home, tmp_path / "shim", "upgrade", then="false")
    assert "`task talos:upgrade` goes on" in home.workplace.refuses("talos:upgrade", "--", "--yes")
    # talosctl drains unless it is told otherwise.
    assert "--drain" not in found.log.read_text()


def test_upgrade_k8s_says_when_talosctl_fails(
    home: Home, machines: Machines, wellness: Wellness, tmp_path: Path
) -> None:
    shim(home, tmp_path / "shim", "upgrade-k8s", then="false")
    wellness.node("k8s-2", kubernetes=OLD_KUBERNETES)
    refusal = home.workplace.refuses("talos:upgrade-k8s", "--", "--yes")
    assert f"Kubernetes is not {KUBERNETES} everywhere" in refusal and "`task talos:upgrade-k8s` goes on" in refusal


def test_upgrade_k8s_refuses_what_the_running_talos_does_not_support(
    home: Home, wellness: Wellness, tmp_path: Path
) -> None:
    with installed(home, tmp_path, 98, 99, 100, version=f"{minor(TALOS, -4)}.6") as machines:
        refusal = home.workplace.refuses("talos:upgrade-k8s", "--", "--yes")
        assert f"Talos {minor(TALOS, -4)}.6 runs Kubernetes v1." in refusal and f", not {KUBERNETES}:" in refusal
        assert machines.calls("EtcdSnapshot") == []


def test_the_versions_that_go_together_are_those_of_talos_itself() -> None:
    listed = subprocess.run(
        ["go", "list", "-m", "-f", "{{.Dir}}", "github.com/siderolabs/talos/pkg/machinery"],
        cwd=SOURCE, env=os.environ | {"GOWORK": "off", "GOFLAGS": "-mod=readonly"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for number in range(12, int(catalogue.TALOS.split(".")[1]) + 1):
        [file] = (Path(listed.strip()) / f"compatibility/talos1{number}").glob("*.go")
        text = file.read_text()
        bounds = [
            re.search(rf'{name}KubernetesVersion = semver.MustParse\("1\.(\d+)\.', text)
            for name in ("Minimum", "Maximum")
        ]
        assert [int(found[1]) - number for found in bounds if found] == [skew.OLDEST, skew.NEWEST]


# --- Snapshots ---


def test_a_snapshot_is_private_and_older_ones_stay(home: Home, machines: Machines, snapshot: bytes) -> None:
    folder = home.workplace.root / "snapshots"
    home.workplace.succeeds("etcd:snapshot")
    [first] = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert first.read_bytes() == snapshot
    time.sleep(1)
    home.workplace.succeeds("etcd:snapshot")
    assert len(list(folder.iterdir())) == 2 and first.exists()
    assert home.workplace.git("status", "--porcelain") == ""


def test_a_snapshot_that_breaks_off_is_not_there(home: Home, machines: Machines) -> None:
    machines.say(home.address(98), snapshotFails="the connection is gone")
    assert "gave no snapshot: the connection is gone" in home.workplace.refuses("etcd:snapshot")
    assert list((home.workplace.root / "snapshots").iterdir()) == []


def test_a_snapshot_that_is_no_database_is_not_kept(home: Home, machines: Machines, tmp_path: Path) -> None:
    (tmp_path / "etcd.snapshot").write_bytes(bytes(512 * 8 + 32))
    assert "gave no snapshot" in home.workplace.refuses("etcd:snapshot")
    assert list((home.workplace.root / "snapshots").iterdir()) == []


def test_an_interrupted_snapshot_is_not_there(home: Home, machines: Machines) -> None:
    machines.say(home.address(98), snapshotSeconds=60)
    folder = home.workplace.root / "snapshots"
    with home.workplace.running("etcd:snapshot") as task:
        deadline = time.monotonic() + 60
        while not list(folder.glob("*.part")) and time.monotonic() < deadline:
            time.sleep(0.1)
        os.killpg(task.pid, signal.SIGKILL)
    assert list(folder.glob("*.etcd")) == []
    machines.say(home.address(98))
    home.workplace.succeeds("etcd:snapshot")
    assert [path.suffix for path in folder.iterdir()] == [".etcd"]


def test_without_a_quorum_there_is_no_snapshot(home: Home, machines: Machines) -> None:
    home.workplace.succeeds("etcd:snapshot")
    for last in (99, 100):
        machines.say(home.address(last), etcdStopped=True)
    assert "no snapshot without a quorum" in home.workplace.refuses("etcd:snapshot")


# --- kubeconfig ---


def test_kubeconfig_is_private_and_any_controller_gives_it(home: Home, machines: Machines) -> None:
    kubeconfig = home.workplace.root / "kubeconfig"
    kubeconfig.unlink()
    machines.say(home.address(98), down=True)
    home.workplace.succeeds("kubeconfig")
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
    assert yaml.safe_load(kubeconfig.read_text())["current-context"] == "admin@anton"
    assert [call["node"] for call in machines.calls("Kubeconfig")] == [home.address(99)]


# --- Nodes that come and go ---


@pytest.fixture
def two_and_a_new_one(home: Home, wellness: Wellness, tmp_path: Path) -> Iterator[Machines]:
    """Two controllers that run, and a machine in maintenance mode where the third will be."""
    with installed(home, tmp_path, 98, 99, new=(100,)) as found:
        talosctl(home, "etcd", "members", "--nodes", home.address(99), "--endpoints", home.address(99))
        yield found


def test_a_machine_in_maintenance_mode_joins_the_cluster(home: Home, two_and_a_new_one: Machines) -> None:
    words = ("talos:add-node", f"IP={home.address(100)}")
    refusal = home.workplace.refuses(*words)
    assert f"/dev/nvme0n1 (1.0 TB Sturdy 990 S100) of k8s-3 ({home.address(100)})" in refusal
    assert "pass --yes" in refusal
    assert len(two_and_a_new_one.calls("ApplyConfiguration")) == 2
    said = home.workplace.succeeds(*words, "--", "--yes", "--timeout=1")
    assert f"k8s-3 ({home.address(100)}) is Ready and votes in etcd." in said
    assert [call["hostname"] for call in two_and_a_new_one.calls("ApplyConfiguration")][2:] == ["k8s-3"]
    # After an interruption it goes on, and wipes nothing.
    assert "runs this cluster" in home.workplace.succeeds(*words)
    assert len(two_and_a_new_one.calls("ApplyConfiguration")) == 3


def test_a_node_that_nobody_planned_or_rendered_is_not_added(home: Home, two_and_a_new_one: Machines) -> None:
    refusal = home.workplace.refuses("talos:add-node", f"IP={home.address(7)}", "--", "--yes")
    assert f"no node has the address {home.address(7)}" in refusal
    (home.workplace.root / "talos/clusterconfig/k8s-3.yaml").unlink()
    refusal = home.workplace.refuses("talos:add-node", f"IP={home.address(100)}", "--", "--yes")
    assert "talos/clusterconfig/k8s-3.yaml is missing: run `task configure`" in refusal
    assert len(two_and_a_new_one.calls("ApplyConfiguration")) == 2


def test_a_machine_that_does_not_fit_is_not_added(home: Home, wellness: Wellness, tmp_path: Path) -> None:
    with installed(home, tmp_path, 98, 99, new=(100,), disks=[{"path": "/dev/sda", "size": 10**12}]) as machines:
        refusal = home.workplace.refuses("talos:add-node", f"IP={home.address(100)}", "--", "--yes")
        assert "there is no disk /dev/nvme0n1; there is /dev/sda" in refusal and "answer `nodes`" in refusal
        assert len(machines.calls("ApplyConfiguration")) == 2


def test_no_node_joins_a_cluster_without_a_quorum(home: Home, two_and_a_new_one: Machines) -> None:
    two_and_a_new_one.say(home.address(99), etcdStopped=True)
    for task in ("talos:add-node", "talos:replace-node"):
        refusal = home.workplace.refuses(task, f"IP={home.address(100)}", "--", "--yes")
        assert "etcd has no quorum, 2 of 3 must agree, so k8s-3" in refusal


def test_a_dead_controller_is_replaced(home: Home, machines: Machines, wellness: Wellness) -> None:
    address, words = home.address(100), ("talos:replace-node", f"IP={home.address(100)}")
    assert "runs this cluster, so there is nothing to replace" in home.workplace.refuses(*words, "--", "--yes")
    talosctl(home, "reset", "--nodes", address, "--endpoints", address, "--graceful=false", "--wait=false")
    bound_to("k8s-3", wellness, "media", "films")
    refusal = home.workplace.refuses(*words)
    assert "The data of 1 claims is there and nowhere else: media/films." in refusal
    assert "pass --yes" in refusal
    assert machines.calls("EtcdRemoveMemberByID") == []
    with home.workplace.running(*words, "--", "--yes", "--timeout=1") as task:
        deadline = time.monotonic() + 120
        while len(machines.calls("ApplyConfiguration")) < 4 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert "k8s-3" not in {node["metadata"]["name"] for node in wellness.server.everything("v1", "Node")}
        wellness.node("k8s-3")
        said, _ = task.communicate(timeout=100)
    assert task.returncode == 0, said
    [removed] = machines.calls("EtcdRemoveMemberByID")
    assert removed["node"] == home.address(98)
    assert f"k8s-3 ({address}) is Ready and votes in etcd." in said
    members = talosctl(home, "etcd", "members", "--nodes", home.address(98), "--endpoints", home.address(98))
    assert members.count("k8s-3") == 1 and f"{removed['member']:016x}" not in members


def bound_to(node: str, wellness: Wellness, namespace: str, claim: str) -> None:
    """Create a local-path volume, which is where its node is."""
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    wellness.server.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"pvc-{claim}"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "1Gi"},
                "storageClassName": "local-path",
                "hostPath": {"path": "/var/films"},
                "claimRef": {"namespace": namespace, "name": claim},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
            },
        }
    )


def test_restore_prints_what_to_do_and_does_nothing(home: Home, machines: Machines) -> None:
    assert "snapshots/ has no snapshot" in home.workplace.succeeds("etcd:restore")
    home.workplace.succeeds("etcd:snapshot")
    [snapshot] = (home.workplace.root / "snapshots").iterdir()
    for last in (99, 100):
        machines.say(home.address(last), etcdStopped=True)
    before = machines.calls()
    said = home.workplace.succeeds("etcd:restore")
    assert f"talosctl bootstrap --recover-from=snapshots/{snapshot.name} --nodes {home.address(98)}" in said
    assert all(f"--system-labels-to-wipe EPHEMERAL --nodes {home.address(last)}" in said for last in (98, 99, 100))
    assert "would lose what it knows" not in said
    assert machines.calls() == before


def test_nothing_is_concluded_from_controllers_that_do_not_answer(home: Home, machines: Machines) -> None:
    home.workplace.succeeds("etcd:snapshot")
    for last in (98, 99, 100):
        machines.say(home.address(last), down=True)
    assert "Nobody knows whether etcd has lost its quorum: of k8s-1" in home.workplace.succeeds("etcd:restore")
    assert "there is no snapshot: of k8s-1" in home.workplace.refuses("etcd:snapshot")
    code, found = verdict(home)
    assert code == 3
    assert wrong(found) == []
    assert "nobody answers talosctl: no answer within 10 seconds" in found["unknown"][0]


# --- Apps ---

KUSTOMIZATIONS, RELEASES = "kustomize.toolkit.fluxcd.io/v1", "helm.toolkit.fluxcd.io/v2"
APP = ("APP=media/jellyfin",)


@pytest.fixture
def jellyfin(home: Home, wellness: Wellness) -> tuple[dict[str, Any], dict[str, Any]]:
    """Provide an app as Flux has it in the cluster: its Kustomization, and the HelmRelease that gave up."""
    server = wellness.server
    server.has_namespace("media")
    source = {"kind": "GitRepository", "name": "flux-system"}
    kustomization: dict[str, Any] = {
        "apiVersion": KUSTOMIZATIONS,
        "kind": "Kustomization",
        "metadata": {"name": "jellyfin", "namespace": "flux-system"},
        "spec": {"targetNamespace": "media", "interval": "1h", "prune": True, "path": "./x", "sourceRef": source},
    }
    labels = {"kustomize.toolkit.fluxcd.io/name": "jellyfin", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    release: dict[str, Any] = {
        "apiVersion": RELEASES,
        "kind": "HelmRelease",
        "metadata": {"name": "jellyfin", "namespace": "media", "labels": labels},
        "spec": {"interval": "1h", "chartRef": {"kind": "OCIRepository", "name": "x", "namespace": "flux-system"}},
    }
    for item in (kustomization, release):
        path = f"{server.path_of(item)}/{item['metadata']['name']}"
        try:
            server.call("DELETE", path)
        except ApiError as error:
            assert error.status == 404
        server.apply(item)
    stalled = {"type": "Stalled", "status": "True", "reason": "RetriesExceeded", "message": "Failed", **SINCE}
    failed = {"type": "Ready", "status": "False", "reason": "UpgradeFailed", "message": "timed out waiting", **SINCE}
    server.set_status(release, {"observedGeneration": 1, "conditions": [stalled, failed]})
    return kustomization, release


SINCE = {"lastTransitionTime": "2026-01-01T00:00:00Z"}


def now(server: ApiServer, item: dict[str, Any]) -> dict[str, Any]:
    """Return an object as the server has it."""
    found: dict[str, Any] = server.call("GET", f"{server.path_of(item)}/{item['metadata']['name']}")
    return found


def test_an_app_is_suspended_and_resumed_as_a_whole(
    home: Home, jellyfin: tuple[dict[str, Any], ...], server: ApiServer
) -> None:
    said = home.workplace.succeeds("flux:suspend", *APP)
    assert "`task flux:resume APP=media/jellyfin`" in said
    assert [now(server, item)["spec"].get("suspend") for item in jellyfin] == [True, True]
    assert "is suspended: `task flux:resume APP=media/jellyfin` first" in home.workplace.refuses("flux:retry", *APP)
    home.workplace.succeeds("flux:resume", *APP)
    assert [now(server, item)["spec"].get("suspend", False) for item in jellyfin] == [False, False]


def test_retry_resets_what_gave_up(home: Home, jellyfin: tuple[dict[str, Any], ...], server: ApiServer) -> None:
    release = jellyfin[1]
    with home.workplace.running("flux:retry", *APP) as task:
        deadline = time.monotonic() + 60
        asked: dict[str, str] = {}
        while not asked and time.monotonic() < deadline:
            asked = now(server, release)["metadata"].get("annotations", {})
            time.sleep(0.2)
        names = ("requestedAt", "resetAt", "forceAt")
        assert len({asked.get(f"reconcile.fluxcd.io/{name}", name) for name in names}) == 1
        well = {"type": "Ready", "status": "True", "reason": "UpgradeSucceeded", "message": "Helm upgrade succeeded"}
        handled = {"lastHandledReconcileAt": asked["reconcile.fluxcd.io/requestedAt"], "observedGeneration": 1}
        server.set_status(release, handled | {"conditions": [well | SINCE]})
        said, _ = task.communicate(timeout=60)
    assert task.returncode == 0, said
    assert "media/jellyfin is tried again, with success." in said


def test_an_app_that_is_not_there_is_named_with_those_that_are(
    home: Home, jellyfin: tuple[dict[str, Any], ...]
) -> None:
    for task in ("flux:suspend", "flux:resume", "flux:retry", "debug"):
        refusal = home.workplace.refuses(task, "APP=media/jellyfish")
        assert "Flux knows no app media/jellyfish; of the namespace media it knows media/jellyfin." in refusal
        assert "APP is <namespace>/<app>, not jellyfin" in home.workplace.refuses(task, "APP=jellyfin")


def test_debug_says_what_each_layer_says(home: Home, jellyfin: tuple[dict[str, Any], ...], wellness: Wellness) -> None:
    server = wellness.server
    made = {"helm.toolkit.fluxcd.io/name": "jellyfin", "helm.toolkit.fluxcd.io/namespace": "media"}
    wellness.server.has_namespace("media")
    wellness.deployment("media", "jellyfin", pods=0)
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "jellyfin", "namespace": "media"}}
    server.change(deployment, {"metadata": {"labels": made}})
    wellness.pod("media", "jellyfin-7d-x", "k8s-2", CRASHING)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "jellyfin-7d-x", "namespace": "media"}}
    server.change(pod, {"metadata": {"labels": {"app": "jellyfin"}}})
    server.apply(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "jellyfin.1", "namespace": "media"},
            "type": "Warning",
            "message": "Back-off restarting failed container",
            "involvedObject": {"kind": "Pod", "namespace": "media", "name": "jellyfin-7d-x"},
            "lastTimestamp": "2026-01-01T00:00:00Z",
        }
    )
    try:
        done = home.workplace.task("debug", *APP)
        said = done.stdout
        assert done.returncode != 0
        assert "HelmRelease media/jellyfin: has given up: timed out waiting" in said
        assert "task flux:retry APP=media/jellyfin" in said
        assert "Kustomization flux-system/jellyfin: is not ready: Flux has not looked at it" in said
        assert "Pod media/jellyfin-7d-x: container app starts and ends again and again, 40 times so far" in said
        assert "Back-off restarting failed container" in said
        assert "kubectl logs jellyfin-7d-x --namespace media --container app --previous" in said
        done = talos_flux(home, "debug", "--app=media/jellyfin", "--json")
        assert (done.returncode, json.loads(done.stdout)["level"]) == (2, "critical")
    finally:
        wellness.remove("Pod", "media", "jellyfin-7d-x")


# --- Keys ---


@pytest.fixture(scope="module")
def with_sops(render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return configured(tmp_path_factory.mktemp("sops"), render(SOPS))


def test_keys_that_are_missing_are_named_and_no_value_is_printed(home: Home) -> None:
    done = home.workplace.task("backup:keys")
    assert done.returncode != 0
    assert "Secret network/cloudflared: has no value for tunnel-token" in done.stdout
    assert "task secret:set SECRET=cloudflared KEY=tunnel-token" in done.stdout
    assert json.loads(talos_flux(home, "backup", "keys", "--json").stdout)["level"] == "critical"
    for secret, key in re.findall(r"task secret:set SECRET=(\S+) KEY=(\S+)", done.stdout):
        value = given(home.workplace.root, secret, key)
        home.workplace.succeeds("secret:set", f"SECRET={secret}", f"KEY={key}", stdin=value)
    said = home.workplace.succeeds("backup:keys")
    assert "age.key, in your password manager" in said and "Emergency Kit" in said
    values = {value for item in home.workplace.items().values() for value in item.values()} - {"admin"}
    assert not [value for value in values if value in said]


def test_keys_that_do_not_fit_are_named(with_sops: Home, tmp_path: Path) -> None:
    home = with_sops.copy(tmp_path / "sops")
    assert "keys of Talos talos/secrets.sops.yaml" in home.workplace.task("backup:keys").stdout
    home.workplace.write("age.key", subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout)
    said = home.workplace.task("backup:keys").stdout
    assert "and .sops.yaml has a rule that encrypts for age1" in said
    (home.workplace.root / "age.key").unlink()
    assert "age.key is missing" in home.workplace.task("backup:keys").stdout


def test_a_bundle_of_another_cluster_is_noticed(home: Home, with_sops: Home) -> None:
    other = with_sops.workplace.read("talos/clusterconfig/talosconfig")
    home.workplace.write("talos/clusterconfig/talosconfig", other)
    assert "the document talos-secrets: has another authority" in home.workplace.task("backup:keys").stdout
