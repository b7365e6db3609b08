"""k8s-health-check names what is wrong, in words, with the exit code that says how bad it is.

Against a real API server without controllers: what is put there stays as it is.
"""

import asyncio
import base64
import contextlib
import gc
import importlib.util
import itertools
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from talos_flux.diagnose.pod_problems import of_workload
from talos_flux.kube import client, watch
from talos_flux.kube.kinds import POD
from talos_flux.kube.snapshot import Snapshot, take
from talos_flux.kube.watch import Follower
from tests.doubles.anton import configured, installed
from tests.doubles.workplace import ANSWERS
from tests.support import apiserver, crds, pictures, processes
from tests.support.apiserver import ApiServer
from tests.support.commands import TALOS_FLUX
from tests.support.needs import needs
from tests.support.proxy import Proxy
from tests.support.render import Renderer
from tests.support.repository import Object
from tests.support.terminal import Terminal

pytestmark = [needs("kube-apiserver"), pytest.mark.full, pytest.mark.xdist_group("health")]

TOOLS = ("health", "deployments", "monitor", "gate")
LONG_AGO = "2026-01-01T00:00:00Z"
# A Job would leave its pods to nobody otherwise.
AT_ONCE = "gracePeriodSeconds=0&propagationPolicy=Background"
CLASS: Object = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "local-path", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "rancher.io/local-path",
    "volumeBindingMode": "WaitForFirstConsumer",
}


def said_by(kind: str, status: str = "True", message: str = "") -> Object:
    return {
        "type": kind, "status": status, "reason": "Test", "message": message, "lastTransitionTime": LONG_AGO,
    }  # fmt: skip


def node(name: str, *conditions: Object, **spec: Any) -> tuple[Object, Object]:
    status = {"conditions": list(conditions or [said_by("Ready")]), "nodeInfo": INFO}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec}, status


INFO = dict.fromkeys(
    (
        "architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion",
        "machineID", "operatingSystem", "osImage", "systemUUID",
    ),
    "v1.36.4",
)  # fmt: skip


def pod(name: str, phase: str = "Running", *containers: Object, **more: Any) -> tuple[Object, Object]:
    item = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "media"},
        "spec": {"containers": [{"name": "app", "image": "a"}], "volumes": more.pop("volumes", [])},
    }
    ready = "True" if phase == "Running" and not containers else "False"
    conditions = more.pop("conditions", [said_by("Ready", ready)])
    status = {"phase": phase, "containerStatuses": list(containers), "conditions": conditions, "startTime": LONG_AGO}
    return item, status | more


def container(**state: Any) -> Object:
    """Return a container's status; `last` is how it ended before."""
    count, last = state.pop("restarts", 0), state.pop("last", None)
    ended = {"lastState": {"terminated": {"startedAt": LONG_AGO, **last}}} if last else {}
    return {
        "name": "app", "image": "a", "imageID": "", "ready": False, "restartCount": count, "state": state, **ended,
    }  # fmt: skip


def workload(kind: str, namespace: str, name: str, ready: int) -> tuple[Object, Object]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    item = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    if kind == "DaemonSet":
        status = {
            "desiredNumberScheduled": 1,
            "numberReady": ready,
            "currentNumberScheduled": 1,
            "numberMisscheduled": 0,
        }
        return item, status
    return item, {"replicas": 1, "readyReplicas": ready}


def custom(kind: str, version: str, namespace: str, spec: Object, status: Object) -> tuple[Object, Object]:
    metadata = {"name": "one"} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}, status


def claim(storage_class: str) -> tuple[Object, Object]:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": storage_class,
    }
    metadata = {"name": "data", "namespace": "media"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}, {
        "phase": "Pending"
    }


def certificate(days: float, ready: str = "True") -> tuple[Object, Object]:
    ends = (datetime.now(UTC) + timedelta(days=days, hours=12)).strftime("%Y-%m-%dT%H:%M:%SZ")
    spec = {"secretName": "a", "issuerRef": {"name": "a"}, "dnsNames": ["a.example.net"]}
    conditions = [said_by("Ready", ready, "the order has failed: rate limit")]
    return custom("Certificate", "cert-manager.io/v1", "media", spec, {"notAfter": ends, "conditions": conditions})


def gateway(accepted: str, programmed: str) -> tuple[Object, Object]:
    spec = {"gatewayClassName": "envoy", "listeners": [{"name": "a", "port": 80, "protocol": "HTTP"}]}
    said = [said_by("Accepted", accepted, "no address"), said_by("Programmed", programmed, "no address")]
    conditions = {"conditions": said}
    return custom("Gateway", "gateway.networking.k8s.io/v1", "media", spec, conditions)


WAITS = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
STORE: Object = {"provider": {"fake": {"data": []}}}
EXTERNAL = {"secretStoreRef": {"name": "a", "kind": "ClusterSecretStore"}, "data": []}
INGRESS = {"ingressClassName": "internal", "defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}
NOW = "now"  # becomes the time when it is put into the cluster, which can be an hour after this module was read
RESTARTED = container(running={}, restarts=12, last={"exitCode": 1, "finishedAt": NOW}) | {"ready": True}
RESTARTED_LONG_AGO = RESTARTED | {"lastState": {"terminated": {"exitCode": 1, "finishedAt": LONG_AGO}}}
REFUSED = said_by("ReplicaFailure", "True", "violates PodSecurity")
GAVE_UP = said_by("Failed", "True", "it has reached its backoff limit")
ONCE = {"restartPolicy": "Never", "containers": [{"name": "app", "image": "a"}]}
NOT_TAKEN = {
    "parentRef": {"name": "internal"},
    "controllerName": "example.net/gateways",
    "conditions": [said_by("Accepted", "False", "no listener takes its host name")],
}


@dataclass(frozen=True)
class Fault:
    """What is put into a healthy cluster, and the one thing that is then said of it."""

    items: tuple[tuple[Object, Object], ...]
    code: int
    said: str
    command: str = ""


FAULTS = {
    "a node is not ready": Fault(
        (node("k8s-2", said_by("Ready", "Unknown", "Kubelet stopped posting node status.")),),
        2, "✗ Node k8s-2: is not ready since", "talosctl --nodes k8s-2 dmesg",
    ),
    "a node is short of memory": Fault(
        (node("k8s-2", said_by("Ready"), said_by("MemoryPressure")),), 1, "! Node k8s-2: is short of memory",
        "kubectl describe node k8s-2",
    ),
    "a node is cordoned": Fault(
        (node("k8s-2", unschedulable=True),), 1, "! Node k8s-2: is cordoned", "kubectl uncordon k8s-2"
    ),
    "a pod crashes": Fault(
        (pod("a", "Running", container(
            waiting={"reason": "CrashLoopBackOff"}, restarts=7, last={"exitCode": 3, "finishedAt": NOW}
        )),),
        2, "container app starts and ends again and again, 7 times so far, the last time with exit code 3",
        "kubectl --namespace media logs a --container app --previous",
    ),
    "a pod takes too much memory": Fault(
        (pod("a", "Running", container(
            waiting={"reason": "CrashLoopBackOff"}, restarts=7,
            last={"exitCode": 137, "reason": "OOMKilled", "finishedAt": NOW},
        )),),
        2, "the last time with out of memory",
    ),
    "an image is not there": Fault(
        (pod("a", "Pending", container(waiting={"reason": "ImagePullBackOff", "message": "a: not found"})),),
        2, "✗ Pod media/a: container app can't get its image: a: not found", "kubectl --namespace media describe pod a",
    ),
    "a secret is missing": Fault(
        (pod("a", "Pending", container(
            waiting={"reason": "CreateContainerConfigError", "message": 'secret "a" not found'}
        )),),
        2, '✗ Pod media/a: container app lacks what it is configured with: secret "a" not found',
    ),
    "a pod finds no node": Fault(
        (pod("a", "Pending", conditions=[said_by("PodScheduled", "False", "0/3 nodes are available")]),),
        2, "✗ Pod media/a: finds no node: 0/3 nodes are available",
    ),
    "a pod is never ready": Fault(
        (pod("a", "Running", container(running={"startedAt": LONG_AGO})),), 2, "container app is not"
    ),
    "a pod has restarted often": Fault(
        (pod("a", "Running", RESTARTED, conditions=[said_by("Ready")]),),
        1, "! Pod media/a: container app has started again 12 times",
    ),
    "a pod was evicted": Fault(
        (pod("a", "Failed", reason="Evicted", message="The node was low on resource: memory"),),
        1, "! Pod media/a: has failed: The node was low on resource: memory",
    ),
    "a pod is on a node that is gone": Fault((pod("a", "Unknown"),), 2, "is on a node that does not answer"),
    "a workload can make no pods": Fault(
        ((workload("Deployment", "media", "a", 0)[0], {"conditions": [REFUSED]}),),
        2, "✗ Deployment media/a: can't make its pods: violates PodSecurity",
    ),
    "a claim's class is not there": Fault(
        (claim("fast"),), 2, "✗ PersistentVolumeClaim media/data: waits for the storage class fast, which is not there"
    ),
    "a claim that a pod waits for is not bound": Fault(
        (claim("local-path"), pod("a", "Running", volumes=[WAITS])), 2, "is not bound, and a pod waits for it"
    ),
    "a certificate has expired": Fault((certificate(-2),), 2, "✗ Certificate media/one: has expired 1d ago"),
    "a certificate expires soon": Fault((certificate(5),), 1, "! Certificate media/one: expires in 5d"),
    "a certificate is not issued": Fault((certificate(50, "False"),), 2, "is not issued: the order has failed"),
    "DNS is down": Fault(
        (workload("Deployment", "kube-system", "coredns", 0),), 2,
        "✗ Deployment kube-system/coredns: has no pod that is ready: DNS is down",
    ),
    "the pods' network is down": Fault(
        (workload("DaemonSet", "kube-system", "cilium", 0),), 2, "the pods' network is down"
    ),
    "a Gateway is not programmed": Fault(
        (gateway("True", "False"),), 2, "✗ Gateway media/one: is not programmed, so nothing gets through it: no address"
    ),
    "an Ingress is not taken": Fault(
        (custom("Ingress", "networking.k8s.io/v1", "media", INGRESS, {}),), 1,
        "! Ingress media/one: has no address: the controller of class internal has not taken it",
    ),
    "a Service has no address": Fault(
        (custom("Service", "v1", "media", {"type": "LoadBalancer", "ports": [{"port": 80}]}, {}),), 2,
        "✗ Service media/one: has no address",
    ),
    "the tunnel is down": Fault(
        (workload("Deployment", "media", "cloudflared", 0),), 2,
        "✗ Deployment media/cloudflared: has no pod that is ready: the tunnel is down",
        "kubectl --namespace media logs deployment/cloudflared",
    ),
    "external-dns is down": Fault(
        (workload("Deployment", "media", "external-dns", 0),), 2,
        "✗ Deployment media/external-dns: has no pod that is ready: public DNS is down",
    ),
    "a Gateway does not take a route": Fault(
        (custom("HTTPRoute", "gateway.networking.k8s.io/v1", "media", {"parentRefs": [{"name": "internal"}]},
                {"parents": [NOT_TAKEN]}),),
        1, "! HTTPRoute media/one: is not served by Gateway internal: no listener takes its host name",
    ),
    "a Job has given up": Fault(
        (custom("Job", "batch/v1", "media", {"template": {"spec": ONCE}},
                {"startTime": LONG_AGO, "conditions": [said_by("FailureTarget"), GAVE_UP]}),),
        1, "! Job media/one: has given up: it has reached its backoff limit", "kubectl --namespace media logs job/one",
    ),
    "a volume is lost": Fault(
        ((claim("local-path")[0], {"phase": "Lost"}),), 2,
        "✗ PersistentVolumeClaim media/data: has lost its volume, and the data with it",
    ),
    "two storage classes are the default": Fault(
        ((CLASS | {"metadata": CLASS["metadata"] | {"name": "longhorn"}}, {}),), 1,
        "! StorageClasses local-path, longhorn: are all the default, so the newest of them is taken",
    ),
    "an item of 1Password is not there": Fault(
        (custom("OnePasswordItem", "onepassword.com/v1", "media", {"itemPath": "vaults/Homelab/items/a"},
                {"conditions": [said_by("Ready", "False", "no item a")]}),),
        2, "✗ OnePasswordItem media/one: is not filled: no item a",
    ),
    "a node's disk is full": Fault(
        (node("k8s-2", said_by("Ready"), said_by("DiskPressure")),), 1, "! Node k8s-2: is short of disk space",
    ),
    "the store of secrets can't be read": Fault(
        (custom("ClusterSecretStore", "external-secrets.io/v1", "", STORE,
                {"conditions": [said_by("Ready", "False", "invalid token")]}),),
        2, "✗ ClusterSecretStore one: can't be read: invalid token",
    ),
    "a secret from outside is not there": Fault(
        (custom("ExternalSecret", "external-secrets.io/v1", "media", EXTERNAL,
                {"conditions": [said_by("Ready", "False", "no such item")]}),),
        2, "✗ ExternalSecret media/one: is not filled: no such item",
    ),
}  # fmt: skip

WELL = {
    "a Job that is done": (pod("done", "Succeeded", container(terminated={"exitCode": 0})),),
    "a claim that nobody mounts yet": (claim("local-path"),),
    "a pod that has just been made": (
        pod("new", "Pending", container(waiting={"reason": "ContainerCreating"}), startTime=NOW),
    ),
    "a container that restarted long ago": (
        pod("old", "Running", RESTARTED_LONG_AGO,
            conditions=[said_by("Ready")]),
    ),
    "a workload that is scaled down": (
        ({**(deployment := workload("Deployment", "media", "off", 0))[0],
          "spec": deployment[0]["spec"] | {"replicas": 0}}, {}),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> ApiServer:
    """One of its own, with what a healthy cluster has."""
    server = apiserver.running(tmp_path_factory.mktemp("health") / "server", os.getpid())
    server.has_namespace("media")
    for name in ("k8s-1", "k8s-2", "k8s-3"):
        put(server, node(name))
    put(server, workload("Deployment", "kube-system", "coredns", 1))
    put(server, workload("DaemonSet", "kube-system", "cilium", 1))
    put(server, (CLASS, {}))
    return server


@pytest.fixture(scope="module")
def home(render: Renderer, server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Provide a repository whose kubeconfig leads to the server, and whose machines run etcd."""
    folder = tmp_path_factory.mktemp("health")
    anton = configured(folder / "home", render(ANSWERS))
    anton.workplace.write("kubeconfig", server.kubeconfig())
    with installed(anton, folder, 98, 99, 100):
        yield anton.workplace.root


def put(server: ApiServer, thing: tuple[Object, Object]) -> Object:
    time_now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    item, status = json.loads(json.dumps(thing).replace(f'"{NOW}"', f'"{time_now}"'))
    server.apply(item)
    if status:
        server.set_status(item, status)
    return item


@pytest.fixture
def with_faults(server: ApiServer) -> Iterator[Any]:
    """Provide a function that puts things into the cluster; restore the cluster afterwards."""
    made: list[Object] = []
    before = [
        node("k8s-2"),
        workload("Deployment", "kube-system", "coredns", 1),
        workload("DaemonSet", "kube-system", "cilium", 1),
    ]

    def add(things: tuple[tuple[Object, Object], ...]) -> None:
        made.extend(put(server, thing) for thing in things)

    yield add
    for item in made:
        # Nobody is there who would take the finalizers away.
        server.change(item, {"metadata": {"finalizers": None}})
        server.call("DELETE", f"{server.path_of(item)}/{item['metadata']['name']}?{AT_ONCE}")
    for thing in before:
        put(server, thing)


def check(home: Path, *options: str, script: str = "health", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*TALOS_FLUX, script, *options]
    env = os.environ | {"COLUMNS": "300"} | environment
    return subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_and_nothing_else(name: str, home: Path, with_faults: Any) -> None:
    fault = FAULTS[name]
    with_faults(fault.items)
    done = check(home)
    problems = [line for line in done.stdout.splitlines() if line.startswith(("  ✗", "  !"))]
    assert len(problems) == 1 and fault.said in problems[0], done.stdout + done.stderr
    assert fault.command in done.stdout
    assert done.returncode == fault.code


@pytest.mark.parametrize("name", WELL)
def test_what_is_well_is_not_mentioned(name: str, home: Path, with_faults: Any) -> None:
    with_faults(WELL[name])
    done = check(home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "✓ everything is well\n", "")


# --- What can't be looked at ---


@pytest.fixture
def other(home: Path, tmp_path: Path) -> Path:
    """Provide a repository whose kubeconfig the test may change."""
    return Path(shutil.copytree(home, tmp_path / "home"))


@dataclass(frozen=True)
class Lost:
    """What is replaced in a kubeconfig, and what is then said."""

    old: str
    new: str
    said: str
    options: tuple[str, ...] = ()


LOST = {
    "another context": Lost("", "", "kubeconfig has no context nowhere; it has judge.", ("--context=nowhere",)),
    "a context that is not there": Lost(
        "current-context: judge", "current-context: b", "kubeconfig can't be used: Context 'b' not found."
    ),
    "nobody at the address": Lost(":PORT", ":1", "the API at https://127.0.0.1:1 can't be reached: "),
    "credentials that ran out": Lost(
        "token: judge", "token: old", "does not accept the credentials of context judge any more: `task kubeconfig`"
    ),
    "another cluster's authority": Lost(
        "insecure-skip-tls-verify: true", "insecure-skip-tls-verify: false", "its certificate is not accepted: "
    ),
    "no kubeconfig but something else": Lost("clusters:", "clusters: 3\nothers:", "kubeconfig is no kubeconfig: "),
    "no YAML": Lost("apiVersion", "apiVersion: [", "kubeconfig is no kubeconfig: "),
    "no user": Lost("user: admin", "user: null", "kubeconfig names no user for its context."),
}


@pytest.mark.parametrize("name", LOST)
def test_a_cluster_that_is_out_of_reach_is_one_sentence(name: str, other: Path, server: ApiServer) -> None:
    lost = LOST[name]
    text = (other / "kubeconfig").read_text()
    old = lost.old.replace("PORT", str(server.port))
    assert old in text
    (other / "kubeconfig").write_text(text.replace(old, lost.new) if old else text)
    is_refused(check(other, *lost.options), lost.said)


def is_refused(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert done.returncode == 3 and done.stdout == ""
    assert done.stderr.startswith("error: ") and said in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_waiting_for_an_api_that_never_answers_ends_in_time_and_knows_nothing(other: Path, server: ApiServer) -> None:
    text = (other / "kubeconfig").read_text()
    (other / "kubeconfig").write_text(text.replace(f":{server.port}", ":1"))
    done = check(other, "--wait", "--timeout=0.05", script="gate")
    assert done.returncode == 3 and "no upgrade now" in done.stdout
    assert "? the API has not answered since" in done.stdout


@pytest.mark.parametrize("value", ["0", "-1", "abc", "nan", "inf", "1e9"])
def test_a_timeout_that_is_none_is_refused(value: str, home: Path) -> None:
    done = check(home, "--wait", f"--timeout={value}", script="gate")
    assert done.returncode == 3 and f"{value} is no number of minutes up to 1440" in done.stderr


def test_without_a_kubeconfig_it_says_how_to_get_one(other: Path) -> None:
    (other / "kubeconfig").unlink()
    is_refused(
        check(other, KUBECONFIG=""),
        "kubeconfig is missing: `task kubeconfig` fetches it, once `task bootstrap:talos` has run.",
    )
    is_refused(check(other, KUBECONFIG="/nowhere"), "/nowhere is missing: KUBECONFIG names it.")


def test_a_server_that_is_no_kubernetes_is_one_sentence(other: Path, tmp_path: Path) -> None:
    with serving_nonsense() as port:
        text = (other / "kubeconfig").read_text()
        (other / "kubeconfig").write_text(re.sub(r"https://127.0.0.1:\d+", f"http://127.0.0.1:{port}", text))
        is_refused(check(other), f"the API at http://127.0.0.1:{port} can't be reached: ")


@contextmanager
def serving_nonsense() -> Iterator[int]:
    class Nonsense(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>It works!</html>")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Nonsense) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield served.server_port
        served.shutdown()


def test_what_one_may_not_see_is_said_and_the_rest_is_looked_at(other: Path, with_faults: Any) -> None:
    with_faults(guest("nodes", "namespaces", "certificates"))
    with_faults((certificate(-2),))
    log_in_as_guest(other)
    done = check(other)
    assert done.returncode == 3
    assert "✗ Certificate media/one: has expired" in done.stdout
    assert '? pods can\'t be looked at: pods is forbidden: User "guest" cannot list resource "pods"' in done.stdout


def test_one_may_see_everything_but_nodes_and_none_is_said_to_be_missing(other: Path, with_faults: Any) -> None:
    with_faults(guest("namespaces", "pods", "deployments", "daemonsets"))
    log_in_as_guest(other)
    for script in ("health", "gate"):
        done = check(other, script=script)
        assert done.returncode == 3
        assert "? nodes can't be looked at: nodes is forbidden" in done.stdout
        assert "Node k8s-1" not in done.stdout


def test_the_monitor_says_what_one_may_not_see(other: Path, with_faults: Any) -> None:
    with_faults(guest("kustomizations", "namespaces"))
    log_in_as_guest(other)
    sentence = "helmreleases.helm.toolkit.fluxcd.io is forbidden"
    done = check(other, script="monitor")
    assert done.returncode == 3 and f"helmreleases can't be looked at: {sentence}" in done.stderr
    with Terminal([*TALOS_FLUX, "monitor", "--watch"], other, size=(200, 40)) as terminal:
        terminal.shows(sentence)
        terminal.press("q")
        assert terminal.ends() == 0


def guest(*plurals: str) -> tuple[tuple[Object, Object], ...]:
    """Return the objects that let the guest look at some kinds."""
    group = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": ["*"], "resources": list(plurals), "verbs": ["list", "watch"]}]
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "guest"},
        "rules": rules,
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "guest"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": apiserver.GUEST}],
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "guest"},
    }
    return (role, {}), (binding, {})


def log_in_as_guest(home: Path) -> None:
    config = home / "kubeconfig"
    config.write_text(config.read_text().replace("token: judge", f"token: {apiserver.GUEST}"))


def test_a_kind_that_the_repository_uses_and_the_cluster_does_not_know_is_said(home: Path, server: ApiServer) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    [definition] = [one for one in crds.definitions() if one["spec"]["names"]["kind"] == "OnePasswordItem"]
    server.call("DELETE", f"{path}/{definition['metadata']['name']}")
    try:
        processes.wait_until(lambda: ("onepassword.com", "v1", "onepassworditems") not in server.discovered())
        done = check(home)
        assert done.returncode == 3
        assert (
            "? the cluster does not know the kind OnePasswordItem of onepassword.com, which kubernetes/" in done.stdout
        )
    finally:
        apiserver.install(server, [definition])


def test_a_namespace_that_is_not_there_is_no_healthy_one(home: Path) -> None:
    done = check(home, "--namespace=medai")
    assert done.returncode == 3
    assert (
        "there is no namespace medai; there are default, kube-node-lease, kube-public, kube-system, media."
        in done.stdout
    )


def test_only_the_namespace_that_is_asked_for_is_looked_at(home: Path, with_faults: Any) -> None:
    with_faults((*FAULTS["a pod crashes"].items, *FAULTS["DNS is down"].items))
    assert "Pod media/a" in check(home, "--namespace=media").stdout
    assert "coredns" not in check(home, "--namespace=media").stdout
    assert "coredns" in check(home, "--namespace=kube-system").stdout


def test_a_slow_api_is_named(other: Path, server: ApiServer) -> None:
    with closing(Proxy(server.port, delay=3)) as proxy:
        lead_to(other, server, proxy)
        done = check(other)
    assert done.returncode == 1 and re.search(r"! API: took \d+ seconds to list what there is", done.stdout), (
        done.stdout
    )


def lead_to(home: Path, server: ApiServer, proxy: Proxy) -> None:
    config = home / "kubeconfig"
    config.write_text(config.read_text().replace(str(server.port), str(proxy.port)))


def test_a_handshake_that_takes_too_long_is_no_fault_of_tls() -> None:
    late = httpx2.ConnectTimeout("")
    late.__context__ = ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "The operation did not complete (read)")
    assert client.why(late) == f"no answer within {client.SECONDS} seconds"


def test_a_certificate_that_has_expired_is_one_sentence(other: Path) -> None:
    config = yaml.safe_load((other / "kubeconfig").read_text())
    config["users"][0]["user"] = expired()
    (other / "kubeconfig").write_text(yaml.safe_dump(config))
    is_refused(check(other), "does not accept the credentials of context judge any more: `task kubeconfig` fetches new")


def expired() -> dict[str, str]:
    """Create a user's certificate that expired in 2020."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "admin")])
    since = datetime(2020, 1, 1, tzinfo=UTC)
    until = since + timedelta(days=365)
    certificate = x509.CertificateBuilder(name, name, key.public_key(), 1, since, until).sign(key, None)
    written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "client-certificate-data": base64.b64encode(certificate.public_bytes(Encoding.PEM)).decode(),
        "client-key-data": base64.b64encode(written).decode(),
    }


@pytest.mark.parametrize("script", TOOLS)
def test_a_look_at_everything_asks_at_most_25_times_and_only_reads(
    script: str, server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"talos_flux.cli.{script}")
    kinds = module.gate.KINDS if script == "gate" else module.KINDS
    (tmp_path / "kubeconfig").write_text(server.kubeconfig())
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    asked: list[str] = []
    send = httpx2.AsyncClient.send

    async def counted(self: Any, request: Any, **options: Any) -> Any:
        asked.append(request.method)
        return await send(self, request, **options)

    async def look() -> Snapshot:
        async with client.connected() as connection:
            return await take(connection, kinds)

    monkeypatch.setattr(httpx2.AsyncClient, "send", counted)
    found = asyncio.run(look())
    assert set(found.objects) | found.unserved == set(kinds)
    assert len(kinds) <= len(asked) <= 25
    assert set(asked) == {"GET"}


# --- As it changes ---


class Restless:
    """A server on which a lot happens; its watches end again and again, as a real one's do."""

    pods, changes, watches = 300, 2000, 12

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def list(self, *_: Any, **__: Any) -> Any:
        gc.collect()
        self.sizes.append(tracemalloc.get_traced_memory()[0])

        async def pages(_: Any) -> AsyncIterator[Any]:
            for number in range(self.pods):
                yield pod_of(number, 0)

        return type("Pages", (), {"resourceVersion": "1", "__aiter__": pages})()

    async def watch(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        if len(self.sizes) > self.watches:
            raise asyncio.CancelledError
        for number in range(self.changes):
            yield "MODIFIED", pod_of(number % self.pods, number)
            yield "ADDED", pod_of(self.pods + number, number)
            yield "DELETED", pod_of(self.pods + number, number)
        raise ConnectionError("the watch has ended")


def pod_of(number: int, version: int) -> Object:
    metadata = {"name": f"pod-{number}", "namespace": "media", "resourceVersion": str(version)}
    return {"metadata": metadata, "status": {"phase": "Running", "message": "x" * 500}}


def test_a_day_of_changes_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """72,000 changes, more than 300 pods make at home in a day, in a dozen watches."""
    monkeypatch.setattr(watch, "PAUSE_SECONDS", (0.001, 0.001))
    restless = Restless()
    follower = Follower(cast(Any, restless), (POD,))

    async def day() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await follower.follow()

    tracemalloc.start()
    try:
        asyncio.run(day())
    finally:
        tracemalloc.stop()
    assert len(follower.snapshot.objects[POD]) == Restless.pods
    assert len(restless.sizes) == Restless.watches + 1
    # After the first rounds it takes no more than it did then.
    assert max(restless.sizes[3:]) < restless.sizes[2] + 200_000, restless.sizes


def test_watching_shows_what_changes_and_survives_an_outage(other: Path, server: ApiServer, with_faults: Any) -> None:
    with closing(Proxy(server.port)) as proxy:
        lead_to(other, server, proxy)
        command = [*TALOS_FLUX, "health", "--watch", "--json", "--interval=0.1"]
        with subprocess.Popen(command, cwd=other, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tool:
            assert tool.stdout and tool.stderr
            # A change that it never shows must not keep the tests waiting.
            (impatience := threading.Timer(180, tool.kill)).start()

            def until(wanted: Callable[[Any], bool]) -> Any:
                assert tool.stdout and tool.stderr
                for line in tool.stdout:
                    if wanted(found := json.loads(line)):
                        return found
                raise AssertionError(tool.stderr.read())

            until(lambda report: report["level"] == "healthy")
            with_faults(FAULTS["a pod crashes"].items)
            until(lambda report: report["level"] == "critical")
            proxy.broken()
            late = until(lambda report: "outage" in report)
            assert late["level"] == "critical" and "the API has not answered since" in late["outage"]
            proxy.mended()
            until(lambda report: "outage" not in report)
            tool.send_signal(signal.SIGINT)
            assert tool.wait(60) == 2
            impatience.cancel()
            assert tool.stderr.read() == ""


def test_the_monitor_says_when_the_api_goes_away_and_when_it_answers_again(
    other: Path, server: ApiServer, with_faults: Any, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    numbers = itertools.count()

    def is_watching() -> bool:
        with_faults((kustomization(f"new-{next(numbers)}"),))
        time.sleep(0.5)
        return "is new and in progress" in said.read_text()

    with closing(Proxy(server.port)) as proxy, said.open("w") as output:
        lead_to(other, server, proxy)
        command = [*TALOS_FLUX, "monitor", "--watch", "--interval=0.1"]
        with subprocess.Popen(command, cwd=other, stdout=output, stderr=output) as tool:
            try:
                processes.wait_until(is_watching)
                proxy.broken()
                processes.wait_until(lambda: "the API has not answered since" in said.read_text())
                proxy.mended()
                processes.wait_until(lambda: said.read_text().endswith("the API answers again\n"))
                tool.send_signal(signal.SIGINT)
                assert tool.wait(60) == 0
            finally:
                tool.kill()
    assert "Traceback" not in said.read_text()


def kustomization(name: str) -> tuple[Object, Object]:
    source = {"kind": "GitRepository", "name": "flux-system"}
    spec = {"interval": "1h", "prune": True, "path": "./a", "sourceRef": source}
    item, status = custom("Kustomization", "kustomize.toolkit.fluxcd.io/v1", "media", spec, {})
    return item | {"metadata": item["metadata"] | {"name": name}}, status


@pytest.mark.parametrize("value", ["0", "-1", "abc", "nan", "1e9"])
def test_an_interval_that_is_none_is_refused(value: str, home: Path) -> None:
    done = check(home, "--watch", f"--interval={value}")
    assert done.returncode == 3 and f"{value} is no number of seconds from 0.1 to 3600" in done.stderr


# --- For programs, and how it looks ---


def test_programs_read_the_same(home: Path, with_faults: Any) -> None:
    with_faults(FAULTS["a certificate has expired"].items)
    done = check(home, "--json")
    report = json.loads(done.stdout)
    problems = [problem for part in report["parts"] for problem in part["problems"]]
    assert (done.returncode, report["level"], report["unknown"]) == (2, "critical", [])
    assert problems == [
        {
            "level": "critical",
            "subject": "Certificate media/one",
            "namespace": "media",
            "text": "has expired 1d ago",
            "command": "kubectl --namespace media describe certificate one",
            "details": [],
        }
    ]


def test_verbose_says_what_was_looked_at(home: Path) -> None:
    done = check(home, "--verbose")
    parts = re.findall(r"^✓ (\w+) ", done.stdout, re.MULTILINE)
    assert parts == [
        "API",
        "access",
        "etcd",
        "nodes",
        "network",
        "storage",
        "certificates",
        "secrets",
        "flux",
        "pods",
        "everything",
    ]


def test_a_node_that_never_joined_is_named(home: Path, server: ApiServer) -> None:
    server.call("DELETE", "/api/v1/nodes/k8s-3")
    try:
        done = check(home)
        assert done.returncode == 2
        assert "✗ Node k8s-3: is in talos/inventory.yaml and not in the cluster" in done.stdout
    finally:
        put(server, node("k8s-3"))


def test_its_picture(home: Path, with_faults: Any) -> None:
    names = ("a pod crashes", "a certificate has expired", "a claim's class is not there", "a node is not ready")
    with_faults(tuple(item for name in names for item in FAULTS[name].items))
    with Terminal([*TALOS_FLUX, "health"], home) as terminal:
        terminal.shows("critical")
        said = ("Certificate media/one: has expired 1d ago", "kubectl --namespace media describe certificate one")
        pictures.take(terminal, "k8s-health-check", "./scripts/k8s-health-check.py", *said)


@pytest.mark.parametrize("script", TOOLS)
def test_a_secrets_value_is_never_shown(script: str, home: Path, with_faults: Any) -> None:
    metadata = {"name": "token", "namespace": "media"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"token": "nobody-shows-this"}}
    with_faults(((secret, {}), *FAULTS["a pod crashes"].items))
    for options in ((), ("--json",)):
        done = check(home, *options, script=script)
        assert done.returncode in (0, 1, 2) and "Traceback" not in done.stderr
        assert "nobody-shows-this" not in done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_workload_with_too_few_pods_is_named_when_it_is_no_longer_new(kind: str) -> None:
    item, status = workload(kind, "media", "jellyfin", 0)
    item |= {"status": status}
    item["metadata"]["creationTimestamp"] = datetime.now(UTC).isoformat()
    assert list(of_workload(item)) == []
    item["metadata"]["creationTimestamp"] = LONG_AGO
    [problem] = of_workload(item)
    assert str(problem) == f"{kind} media/jellyfin: has 0 of 1 pods ready"
    assert problem.command == f"kubectl --namespace media describe {kind.lower()} jellyfin"
    item["status"] = workload(kind, "media", "jellyfin", 1)[1]
    assert list(of_workload(item)) == []


def test_names_are_only_names(home: Path, with_faults: Any) -> None:
    with_faults((pod("a", "Failed", message="[red]not a colour[/red] [/]"),))
    assert "Pod media/a: has failed: [red]not a colour[/red] [/]" in check(home).stdout
