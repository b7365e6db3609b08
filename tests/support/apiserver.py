"""A real kube-apiserver with etcd on loopback, with every CRD and Talos' own pod security, shared by a test run.

    python -m tests.support.apiserver FOLDER PID

keeps one running in FOLDER until process PID is gone; `running` starts that and returns a client.
"""

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.support import crds, tools
from tests.support.locks import locked
from tests.support.repository import Object, is_kind, parse

START_SECONDS = 120
# Holds the service networks of every example and of the defaults; the largest that an API server takes.
SERVICE_NETWORK = "10.32.0.0/12"
TOKEN = "judge"  # noqa: S105, it opens a server on loopback that ends with the tests


class ApiError(Exception):
    """The server's refusal: `status` is the HTTP code, the text its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ApiServer:
    """A client. Each thread keeps one connection; refusals are raised as ApiError."""

    def __init__(self, port: int, certificate: str) -> None:
        self.port = port
        self._tls = ssl.create_default_context(cafile=certificate)
        self._local = threading.local()
        self._resources: dict[tuple[str, str], tuple[str, bool]] = {}
        self._namespaces: set[str] = set()

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """One request, repeated while the server is still preparing the storage of new CRDs (429).

        A kept connection may have been closed meanwhile: the request is then made once more, on a new one.
        """
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
        payload = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        for wait in (0.1, 0.2, 0.5, 1, 2, 5, 5, 0):
            connection = getattr(self._local, "connection", None)
            is_kept = connection is not None
            if connection is None:
                connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self._tls, timeout=60)
                self._local.connection = connection
            try:
                connection.request(method, path, payload, headers)
                response = connection.getresponse()
                text = response.read()
            except (http.client.HTTPException, OSError):
                self._local.connection = None
                if is_kept and wait:
                    continue
                raise
            if response.status != 429 or not wait:
                break
            time.sleep(wait)
        is_json = "json" in (response.getheader("Content-Type") or "")
        answer = json.loads(text) if is_json else text.decode()
        if response.status >= 300:
            raise ApiError(response.status, answer["message"] if isinstance(answer, dict) else answer)
        return answer

    def path_of(self, item: Object, namespace: str = "default") -> str:
        """Where objects of this kind are; `namespace` counts where the object names none. LookupError if unknown."""
        version, kind = item["apiVersion"], item["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._resources:
            try:
                listed = self.call("GET", root)["resources"]
            except ApiError as error:
                raise LookupError(f"the server knows no {version}") from error
            for resource in listed:
                if "/" not in resource["name"]:
                    self._resources[version, resource["kind"]] = resource["name"], resource["namespaced"]
        if (version, kind) not in self._resources:
            raise LookupError(f"the server knows no {kind} in {version}")
        plural, namespaced = self._resources[version, kind]
        if not namespaced:
            return f"{root}/{plural}"
        return f"{root}/namespaces/{item['metadata'].get('namespace', namespace)}/{plural}"

    def has_namespace(self, name: str, labels: dict[str, str] | None = None) -> None:
        """Make a namespace for real, because nothing can be judged in one that does not exist."""
        if name in self._namespaces:
            return
        try:
            metadata = {"name": name, "labels": labels or {}}
            self.call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        except ApiError as error:
            if error.status != 409:
                raise
        self._namespaces.add(name)

    def objection_to(self, item: Object, namespace: str = "default") -> str:
        """What the server says against applying an object, every unknown field included; empty when nothing."""
        try:
            path = self.path_of(item, namespace)
            if "/namespaces/" in path:
                self.has_namespace(path.split("/namespaces/")[1].split("/")[0])
            query = "dryRun=All&fieldValidation=Strict&fieldManager=judge&force=true"
            self.call("PATCH", f"{path}/{item['metadata']['name']}?{query}", item, "application/apply-patch+yaml")
        except (ApiError, LookupError) as error:
            return str(error)
        return ""

    def objection_to_pod(self, template: Object, namespace: str, level: str) -> str:
        """What the server, pod security included, says against a pod in a namespace that enforces `level`.

        Clusters differ in the level of one namespace, so each level has its own here; kube-system is exempt
        on Talos and keeps its name.
        """
        where = namespace if namespace == "kube-system" else f"{namespace}-{level or 'unlabelled'}"
        self.has_namespace(where, {"pod-security.kubernetes.io/enforce": level} if level else {})
        metadata = {
            key: value for key, value in template.get("metadata", {}).items() if key in ("labels", "annotations")
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "judge", **metadata}, "spec": template["spec"]}
        try:
            self.call("POST", f"/api/v1/namespaces/{where}/pods?dryRun=All&fieldValidation=Strict", pod)
        except ApiError as error:
            return str(error)
        return ""


def running(folder: Path, owner: int) -> ApiServer:
    """The server of this test run, started by whoever asks first; it ends soon after process `owner` does.

    RuntimeError with the end of the logs when it does not come up.
    """
    ready = folder / "ready.json"
    with locked(folder):
        folder.mkdir(exist_ok=True)
        if not ready.exists():
            keeper = subprocess.Popen(
                [sys.executable, "-m", __name__, str(folder), str(owner)],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                stdout=(folder / "keeper.log").open("w"),
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal must not end etcd before the API server
            )
            while not ready.exists():
                if keeper.poll() is not None:
                    raise RuntimeError(f"no API server; logs are in {folder}\n{logs(folder)}")
                time.sleep(0.1)
    return ApiServer(**json.loads(ready.read_text()))


def stop(folder: Path) -> None:
    """End the server of a test run now, if there is one, and wait for it."""
    try:
        keeper = int((folder / "keeper.pid").read_text())
        os.kill(keeper, signal.SIGTERM)
    except (FileNotFoundError, ProcessLookupError):
        return
    while (folder / "keeper.pid").exists() and _is_alive(keeper):
        time.sleep(0.05)


def logs(folder: Path) -> str:
    """The last lines of each log."""
    tails = (f"{log.name}:\n{''.join(log.open().readlines()[-8:])}" for log in sorted(folder.glob("*.log")))
    return "\n".join(tails)


# --- The keeper ---


def keep(folder: Path, owner: int) -> None:
    """Run etcd and the API server until `owner` is gone or SIGTERM comes; whatever happens, both end."""
    (folder / "keeper.pid").write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    started: list[subprocess.Popen[bytes]] = []
    try:
        port = _start(folder, started)
        certificate = folder / "certificates" / "apiserver.crt"
        _wait(certificate.exists, started)
        server = ApiServer(port, str(certificate))
        _wait(lambda: server.call("GET", "/readyz") == "ok", started)
        _install_crds(server, started)
        draft = folder / "ready.draft"
        draft.write_text(json.dumps({"port": port, "certificate": str(certificate)}))
        draft.rename(folder / "ready.json")
        while _is_alive(owner) and all(process.poll() is None for process in started):
            time.sleep(0.2)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # With etcd gone first the API server ignores SIGTERM and keeps its port.
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(folder / "etcd", ignore_errors=True)
        (folder / "ready.json").unlink(missing_ok=True)
        (folder / "keeper.pid").unlink(missing_ok=True)


def _start(folder: Path, started: list[subprocess.Popen[bytes]]) -> int:
    client, peer, secure = _free_ports(3)
    etcd, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    started.append(
        _spawn(
            folder,
            "etcd",
            "--name=judge",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=judge={peers}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
    )
    key, admission = folder / "service-account.key", folder / "admission.yaml"
    for file, text in zip((key, admission), _from_talos(folder), strict=True):
        file.touch(0o600)
        file.write_text(text)
    (folder / "tokens.csv").write_text(f"{TOKEN},admin,1,system:masters\n")
    started.append(
        _spawn(
            folder,
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={secure}",
            f"--cert-dir={folder / 'certificates'}",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            f"--admission-control-config-file={admission}",
            # Pods are judged without their service accounts, which nobody makes in a dry run.
            "--disable-admission-plugins=ServiceAccount",
        )
    )
    return secure


def _from_talos(folder: Path) -> tuple[str, str]:
    """A signing key and the admission configuration (PodSecurity) that Talos gives its API servers."""
    made = folder / "talos"
    tools.run("talosctl", "gen", "config", "judge", "https://127.0.0.1:6443", "--force", "--output", made)
    documents = parse((made / "controlplane.yaml").read_text())
    shutil.rmtree(made)
    key = next(d for d in documents if is_kind(d, "KubeServiceAccountConfig"))["issuer"]["privateKey"]
    plugins = [d for d in documents if is_kind(d, "KubeAdmissionControlConfig")]
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{"name": plugin["name"], "configuration": plugin["configuration"]} for plugin in plugins],
    }
    return key if key.startswith("-----") else base64.b64decode(key).decode(), yaml.safe_dump(configuration)


def _spawn(folder: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    log = (folder / f"{name}.log").open("w")
    return subprocess.Popen([tools.path(name), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def _wait(condition: Callable[[], Any], started: list[subprocess.Popen[bytes]]) -> None:
    """Wait until a condition holds; RuntimeError when a process ended, TimeoutError after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        for process in started:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            if condition():
                return
        except (OSError, ApiError, http.client.HTTPException):
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"not ready after {START_SECONDS} s")
        time.sleep(0.1)


def _install_crds(server: ApiServer, started: list[subprocess.Popen[bytes]]) -> None:
    definitions = crds.definitions()
    for definition in definitions:
        server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    wanted: dict[str, set[str]] = {}
    for spec in (definition["spec"] for definition in definitions):
        for version in (version["name"] for version in spec["versions"] if version["served"]):
            wanted.setdefault(f"{spec['group']}/{version}", set()).add(spec["names"]["plural"])

    def served(version: str) -> set[str]:
        return {resource["name"] for resource in server.call("GET", f"/apis/{version}")["resources"]}

    _wait(lambda: all(plurals <= served(version) for version, plurals in wanted.items()), started)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
