"""What the health check says of a snapshot, and of a kubeconfig that leads nowhere: words, and no guesses."""

import asyncio
import base64
import contextlib
import gc
import itertools
import json
import os
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from talos_flux.diagnose import gate, runner
from talos_flux.diagnose.flux.dependency_graph import Graph
from talos_flux.diagnose.flux.revisions import revisions
from talos_flux.diagnose.flux.rows import rows
from talos_flux.diagnose.probes import pods
from talos_flux.diagnose.probes.certificates import certificates, secrets
from talos_flux.diagnose.probes.credentials import access
from talos_flux.diagnose.probes.etcd_health import Etcd
from talos_flux.diagnose.probes.flux_health import controllers, flux
from talos_flux.diagnose.probes.network import network
from talos_flux.diagnose.probes.nodes import nodes
from talos_flux.diagnose.probes.storage import storage
from talos_flux.diagnose.problem import CheckResult, Level, Problem
from talos_flux.diagnose.report import Report
from talos_flux.errors import UserError
from talos_flux.kube import client, kinds
from talos_flux.kube.accessors import selects
from talos_flux.kube.kinds import CLAIM, DEPLOYMENT, NODE, POD, STORAGE_CLASS, VOLUME, WARNING
from talos_flux.kube.snapshot import Snapshot, take
from talos_flux.repository.settings import Inventory, Node
from talos_flux.talos import add_node, config, etcd_snapshots
from talos_flux.talos import etcd as members
from talos_flux.talos.etcd import EtcdStatus, MemberReport

LONG_AGO = "2026-01-01T00:00:00Z"
CONTROLLERS = tuple(Node(f"k8s-{number}", f"192.168.1.{97 + number}", "controller", "x") for number in (1, 2, 3))
ANTON = Inventory("anton", "https://192.168.1.101:6443", CONTROLLERS)


def now() -> str:
    """As Kubernetes writes it; not taken once, since these tests can begin minutes after they are collected."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def item(name: str, namespace: str = "", since: str = LONG_AGO, **more: Any) -> Any:
    metadata = {"name": name, "creationTimestamp": since} | ({"namespace": namespace} if namespace else {})
    return {"metadata": metadata, **more}


def said(*parts: Any) -> list[str]:
    return [str(problem) for part in parts for problem in part.problems]


# --- What may not be looked at is no fault ---


def test_what_one_may_not_see_is_not_said_to_be_missing() -> None:
    nothing = Snapshot(denied=dict.fromkeys((NODE, POD, STORAGE_CLASS), "forbidden"))
    assert said(nodes(nothing, ["k8s-1"]), gate.control_plane(nothing, ANTON), gate.vital(nothing)) == []
    claims = [item("data", "media", spec={"storageClassName": "fast"}), item("other", "media", spec={})]
    assert said(storage(Snapshot({CLAIM: claims}, denied={STORAGE_CLASS: "forbidden"}))) == []


def test_what_one_may_see_and_is_not_there_is_missing() -> None:
    empty = Snapshot({NODE: [], POD: []})
    assert said(nodes(empty, ["k8s-1"])) == ["Node k8s-1: is in talos/inventory.yaml and not in the cluster"]
    assert len(said(gate.control_plane(empty, ANTON))) == 9


def test_a_node_that_has_said_nothing_yet_is_not_ready() -> None:
    part = nodes(Snapshot({NODE: [item("k8s-1", status={})]}), ["k8s-1"])
    assert said(part) == ["Node k8s-1: is not ready: its kubelet has not reported yet"]
    assert part.looked_at == "1 nodes, Kubernetes unknown"


def test_what_is_lost_with_a_node_is_not_less_because_one_may_not_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def volumes() -> Snapshot:
        return Snapshot(denied={VOLUME: "persistentvolumes is forbidden"})

    monkeypatch.setattr(add_node, "_volumes", volumes)
    assert add_node.losses(CONTROLLERS[0]).endswith("It may be more, since persistentvolumes is forbidden.")


# --- etcd ---


def asked(monkeypatch: pytest.MonkeyPatch, look: Callable[[Inventory], EtcdStatus]) -> Etcd:
    monkeypatch.setattr(config, "has_talosconfig", lambda: True)
    monkeypatch.setattr(members, "look", look)
    return Etcd(ANTON)


def test_when_no_controller_answers_talosctl_etcd_is_unknown_and_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a talosconfig that has expired every member is silent, and a restore would destroy what is well."""
    silent = EtcdStatus(tuple(MemberReport(node, silence="tls: expired certificate.") for node in CONTROLLERS))
    etcd = asked(monkeypatch, lambda _: silent)
    assert etcd.parts == []
    assert etcd.unknown == [
        "etcd can't be asked: of k8s-1 (192.168.1.98), k8s-2 (192.168.1.99), k8s-3 (192.168.1.100) nobody answers "
        "talosctl: tls: expired certificate."
    ]


def test_a_quorum_that_is_lost_is_still_said_when_one_controller_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = CONTROLLERS
    alone = EtcdStatus((MemberReport(first, leader="0" * 16), *(MemberReport(node, silence="gone") for node in others)))
    etcd = asked(monkeypatch, lambda _: alone)
    assert said(*etcd.parts)[0].startswith("etcd: has no quorum: 1 of 3 members answers")
    assert etcd.unknown == []


def test_without_talosctl_the_rest_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Inventory) -> EtcdStatus:
        raise UserError("talosctl is not on PATH: `mise install` installs it.")

    etcd = asked(monkeypatch, refuse)
    assert etcd.parts == []
    assert etcd.unknown == ["etcd can't be asked: talosctl is not on PATH: `mise install` installs it."]


# --- Pods and claims ---


def stuck(since: str = LONG_AGO) -> Any:
    waiting = {"name": "app", "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    status = {"phase": "Pending", "startTime": since, "containerStatuses": [waiting]}
    return item("films-0", "media", since, kind="Pod", spec={"volumes": volumes}, status=status)


def test_a_pod_that_never_starts_has_the_reason_that_kubernetes_warned_of() -> None:
    """A Secret that is a volume is in no status, only in an event."""
    about = {"kind": "Pod", "namespace": "media", "name": "films-0"}
    old, new = (
        item(
            f"films-0.{number}",
            "media",
            involvedObject=about,
            message=text,
            lastTimestamp=f"2026-01-01T00:00:0{number}Z",
        )
        for number, text in (
            (1, "something else"),
            (2, 'MountVolume.SetUp failed for volume "v" :\nsecret "a" not found'),
        )
    )
    part = pods.pods(Snapshot({POD: [stuck()], WARNING: [new, old]}))
    assert said(part) == [
        'Pod media/films-0: is not ready: container app is not: MountVolume.SetUp failed for volume "v" : secret "a" '
        "not found"
    ]
    assert said(pods.pods(Snapshot({POD: [stuck()]}))) == ["Pod media/films-0: is not ready: container app is not"]
    assert said(pods.pods(Snapshot({POD: [stuck(now())], WARNING: [new]}))) == []


def of_app(kind: str, name: str, selector: dict[str, Any]) -> Any:
    """Return a workload without a ready pod."""
    return item(name, "media", kind=kind, spec={"selector": selector, "replicas": 1}, status={})


def test_a_workload_is_told_though_the_name_of_another_failing_one_begins_with_its_own() -> None:
    pod = stuck()
    pod["metadata"] |= {"name": "films-box-0", "labels": {"app": "films-box"}}
    workloads = [of_app("Deployment", name, {"matchLabels": {"app": name}}) for name in ("films", "films-box")]
    part = pods.pods(Snapshot({POD: [pod], DEPLOYMENT: workloads}))
    assert said(part) == [
        "Pod media/films-box-0: is not ready: container app is not",
        "Deployment media/films: has 0 of 1 pods ready",
    ]


@pytest.mark.parametrize(
    ("selector", "is_selected"),
    [
        ({}, False),
        ({"matchLabels": {"app": "a"}}, True),
        ({"matchLabels": {"app": "a", "tier": "b"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
    ],
)
def test_a_workload_selects_its_pods_as_kubernetes_does(selector: dict[str, Any], is_selected: bool) -> None:
    workload = of_app("Deployment", "a", selector)
    pod: Any = {"metadata": {"name": "x", "namespace": "media", "labels": {"app": "a"}}}
    assert selects(workload, pod) is is_selected
    assert not selects(workload, {"metadata": pod["metadata"] | {"namespace": "other"}})


def test_a_claim_is_given_the_time_that_its_pod_is_given() -> None:
    classes = [item("local-path", volumeBindingMode="WaitForFirstConsumer"), item("nfs", volumeBindingMode="Immediate")]

    def problems(claim: Any, pod: Any = None) -> list[str]:
        there = [pod] if pod else []
        return said(storage(Snapshot({STORAGE_CLASS: classes, CLAIM: [claim], POD: there})))

    first = {"storageClassName": "local-path"}
    assert problems(item("data", "media", spec=first), stuck(now())) == []
    assert problems(item("data", "media", spec=first), stuck()) == [
        "PersistentVolumeClaim media/data: is not bound, and a pod waits for it"
    ]
    at_once = {"storageClassName": "nfs"}
    assert problems(item("data", "media", now(), spec=at_once)) == []
    assert problems(item("data", "media", spec=at_once)) == ["PersistentVolumeClaim media/data: is not bound"]


def test_a_claim_that_wants_no_class_does_not_miss_the_default() -> None:
    claims = [item("data", "media", spec={"storageClassName": ""}, status={"phase": "Bound"})]
    assert said(storage(Snapshot({STORAGE_CLASS: [], CLAIM: claims}))) == []
    claims[0]["spec"] = {}
    assert said(storage(Snapshot({STORAGE_CLASS: [], CLAIM: claims}))) == [
        "StorageClass: none is the default, and a claim names none"
    ]


def test_getting_older_is_no_change_that_a_watch_tells(capsys: pytest.CaptureFixture[str]) -> None:
    def report(text: str) -> Report:
        return Report([CheckResult("nodes", "1 nodes", (Problem(Level.CRITICAL, "Node k8s-1", text),))])

    with runner._shown(as_json=True) as show:
        for text in ("is not ready since 59s", "is not ready since 1m", "is not ready since 2h", "is cordoned"):
            show(report(text), "")
    told = [json.loads(line)["parts"][0]["problems"][0]["text"] for line in capsys.readouterr().out.splitlines()]
    assert told == ["is not ready since 59s", "is cordoned"]


SAYING_LITTLE: tuple[dict[str, Any], ...] = (
    {},
    {"spec": None, "status": None},
    {"spec": {}, "status": {}},
    {"spec": {"suspend": True}},
    {"status": {"conditions": None, "inventory": None, "history": None}},
    {"status": {"conditions": [{}], "inventory": {"entries": None}}},
    {"status": {"conditions": [{"type": "Ready", "status": "False"}], "phase": "Failed"}},
    {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}], "phase": "Running"}},
    {"status": {"phase": "Pending", "containerStatuses": None, "initContainerStatuses": None}},
    {"status": {"phase": "Running", "containerStatuses": [{"name": "app"}]}},
)
METADATA: tuple[dict[str, Any], ...] = (
    {},
    {"labels": None, "annotations": None, "ownerReferences": None},
    {"creationTimestamp": LONG_AGO},
    {"deletionTimestamp": LONG_AGO},
    {"labels": {"kustomize.toolkit.fluxcd.io/name": "a"}},
)
EVERYTHING = (*kinds.CORE, *kinds.BROUGHT, *kinds.FLUX, kinds.WARNING, kinds.LONGHORN_VOLUME)


@pytest.mark.parametrize("kind", EVERYTHING, ids=str)
def test_an_object_that_says_little_of_itself_is_no_traceback(
    kind: kinds.Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "version_of", lambda _: "v1.2.3")
    monkeypatch.setattr(config, "has_talosconfig", lambda: False)
    door = gate.Gate(ANTON)
    for more, metadata in itertools.product(SAYING_LITTLE, METADATA):
        place = {} if kind.of_cluster else {"namespace": "media"}
        odd = {"kind": kind.name, "metadata": {"name": "a", **place, **metadata}, **more}
        snapshot = Snapshot({one: [] for one in EVERYTHING} | {kind: [odd]})
        graph = Graph.of(snapshot)
        for look in (network, storage, certificates, secrets, pods.pods):
            look(snapshot, "media")
        for part in (nodes(snapshot, []), flux(graph, "media", snapshot), controllers(snapshot), revisions(snapshot)):
            Report([part]).as_json()
        rows(graph)
        door.examine(snapshot).as_json()


@pytest.mark.full
def test_looking_and_telling_all_day_leaves_nothing_behind() -> None:
    """Follower, which keeps the snapshot, has a test of its own: here is what is made of it at every change."""
    sizes = []
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), runner._shown(as_json=True) as show:
        tracemalloc.start()
        try:
            for number in range(30):
                there = [
                    stuck() | {"metadata": item(f"films-{number}-{one}", "media")["metadata"]} for one in range(50)
                ]
                snapshot = Snapshot({POD: there, NODE: [item("k8s-1")]})
                parts = [flux(Graph.of(snapshot)), nodes(snapshot, ["k8s-1"]), pods.pods(snapshot), storage(snapshot)]
                show(Report(parts), "")
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    assert max(sizes[15:]) < max(sizes[:15]) + 20_000, sizes


# --- A kubeconfig that leads nowhere ---

CLUSTER = {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}
NONSENSE = "bm9uc2Vuc2U="
PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1beta1", "args": ["sesame"]}
BROKEN: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "an authority that is none": ({"certificate-authority-data": NONSENSE}, {}, "can't be used: the credentials of"),
    "an authority that is not there": ({"certificate-authority": "/nowhere"}, {}, "can't be used: the credentials of"),
    "a certificate that is none": (
        {}, {"client-certificate-data": NONSENSE, "client-key-data": NONSENSE}, "can't be used: the credentials of",
    ),
    "a certificate without a key": ({}, {"client-certificate": "/nowhere"}, "can't be used: the credentials of"),
    "a plugin that is not there": ({}, {"exec": PLUGIN | {"command": "nobody-has-it"}}, "can't be reached: "),
    "a plugin that fails": ({}, {"exec": PLUGIN | {"command": "false"}}, "can't be reached: Exec false returned 1"),
    "a plugin that says nonsense": ({}, {"exec": PLUGIN | {"command": "echo"}}, "can't be reached: "),
    "a login that nobody supports any more": ({}, {"auth-provider": {"name": "oidc"}}, "auth-provider not supported"),
    "an address without a scheme": ({"server": "10.0.0.1:6443"}, {}, "has 10.0.0.1:6443 as the API's address: write"),
    "an address that is none": ({"server": "https://[::1"}, {}, "has https://[::1 as the API's address: write"),
    "a port that is none": ({"server": "https://10.0.0.1:99999"}, {}, "as the API's address: write one like"),
    "no address": ({"server": ""}, {}, "has (nothing) as the API's address: write one like"),
}  # fmt: skip


def refused(path: Path) -> str:
    """Return what is said of a kubeconfig, in process."""

    async def look() -> Snapshot:
        async with client.connected() as connection:
            return await take(connection, (NODE,))

    with pytest.raises(UserError) as refusal:
        asyncio.run(look())
    return str(refusal.value)


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return tmp_path / "kubeconfig"


def written(cluster: dict[str, Any], user: dict[str, Any]) -> str:
    config = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "home", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "home",
    }
    return yaml.safe_dump(config)


@pytest.mark.parametrize("name", BROKEN)
def test_a_kubeconfig_that_can_not_be_used_is_one_sentence(name: str, kubeconfig: Path) -> None:
    cluster, user, sentence = BROKEN[name]
    kubeconfig.write_text(written(CLUSTER | cluster, user or {"token": "sesame"}))
    found = refused(kubeconfig)
    assert sentence in found and "sesame" not in found and "\n" not in found


@pytest.mark.parametrize("token", ['"sesame', "[sesame", "sesame: sesame", "!!binary sesame", "{sesame}"])
def test_a_kubeconfig_that_is_broken_where_the_token_is_keeps_it(token: str, kubeconfig: Path) -> None:
    text = written(CLUSTER, {"token": "open"})
    kubeconfig.write_text(text.replace("token: open", f"token: {token}"))
    found = refused(kubeconfig)
    assert found.startswith(f"{kubeconfig} is no kubeconfig: ") and "sesame" not in found


def test_the_newest_snapshot_is_this_clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_snapshots, "FOLDER", tmp_path)
    for name in ("anton-20260101-120000", "anton-20260102-120000", "anton-lab-20260103-120000", "zulu-20260104-120000"):
        (tmp_path / f"{name}.etcd").touch()
    newest = etcd_snapshots.newest(ANTON)
    assert newest and newest.name == "anton-20260102-120000.etcd"


# --- Keys that run out ---


def made_until(ends: datetime) -> dict[str, str]:
    """Certificate and key of a user, in base64."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "admin")])
    since = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, since, ends).sign(key, None)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "certificate": base64.b64encode(made.public_bytes(Encoding.PEM)).decode(),
        "key": base64.b64encode(private).decode(),
    }


def kept(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, ends: datetime) -> None:
    """Write a kubeconfig and a talosconfig with certificates that end then."""
    pair = made_until(ends)
    user = {"client-certificate-data": pair["certificate"], "client-key-data": pair["key"]}
    kubeconfig.write_text(written(CLUSTER, user))
    talosconfig = kubeconfig.with_name("talosconfig")
    talosconfig.write_text(yaml.safe_dump({"contexts": {"anton": {"crt": pair["certificate"]}}}))
    monkeypatch.setattr("talos_flux.diagnose.probes.credentials.TALOSCONFIG", talosconfig)


@pytest.mark.parametrize(
    ("days", "problems"),
    [
        (200, []),
        (9, ["certificate ends in 9d, after which it opens nothing"] * 2),
        (-1, ["certificate has ended, after which it opens nothing"] * 2),
        # From 2050 on, a certificate writes the year in four digits.
        (365 * 40, []),
    ],
)
def test_keys_that_end_soon_are_named_with_what_renews_them(
    days: int, problems: list[str], kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days, hours=1)
    kept(kubeconfig, monkeypatch, ends)
    part = access(ANTON)
    assert [problem.text.removeprefix("its ") for problem in part.problems] == problems
    assert [problem.command for problem in part.problems] == ["task kubeconfig", "task configure"][: len(problems)]
    assert part.looked_at == f"kubeconfig until {ends:%Y-%m-%d}, talosconfig until {ends:%Y-%m-%d}"


def test_a_login_without_a_certificate_ends_when_its_issuer_says_so(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("talos_flux.diagnose.probes.credentials.TALOSCONFIG", kubeconfig.with_name("nowhere"))
    kubeconfig.write_text(written(CLUSTER, {"token": "sesame"}))
    part = access(ANTON)
    assert (part.looked_at, part.problems) == ("no certificates", ())
