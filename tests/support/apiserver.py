"""A real kube-apiserver with etcd on loopback, with every CRD and Talos' own pod security, shared by a test run.

    python -m tests.support.apiserver FOLDER PID

keeps one running in FOLDER until process PID is gone; `running` starts that and returns a client.
"""

import base64
import hashlib
import http.client
import json
import os
import shutil
import ssl
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.support import crds, processes, tools
from tests.support.processes import NotYet, Processes
from tests.support.repository import Object, is_kind, parse
from tests.tools.locks import cache_dir, locked

# Holds the service networks of every example and of the defaults; the largest that an API server takes.
SERVICE_NETWORK = "10.32.0.0/12"
KEY, ADMISSION, AUTHORITY, TOKENS = "service-account.key", "admission.yaml", "authority.crt", "tokens.csv"
CERTIFICATE = "certificates/apiserver.crt"
NOT_FOUND = 404
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TOKEN = "judge"  # noqa: S105, it opens a server on loopback that ends with the tests
# Of a user who may do nothing, until a test says otherwise.
GUEST = "guest"


class ApiError(NotYet):
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

    def call(
        self, method: str, path: str, body: Any = None, kind: str = "application/json", accept: str = "application/json"
    ) -> Any:
        """One request, repeated while the server is still preparing the storage of new CRDs (429).

        A kept connection may have been closed meanwhile: the request is then made once more, on a new one.
        """
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind, "Accept": accept}
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

    def everything(self, version: str, kind: str) -> list[Object]:
        """Every object of a kind, in all namespaces; none while the server does not know the kind."""
        item = {"apiVersion": version, "kind": kind, "metadata": {"namespace": ""}}
        try:
            found = self.call("GET", self.path_of(item).replace("/namespaces//", "/"))["items"]
        except LookupError:
            return []
        return [{"apiVersion": version, "kind": kind, **item} for item in found]

    def discovered(self) -> set[tuple[str, str, str]]:
        """(group, version, plural) of all that clients find; a new CRD is served a while before it is among these."""
        found = self.call("GET", "/apis", accept=DISCOVERY)["items"]
        return {
            (group["metadata"]["name"], version["version"], resource["resource"])
            for group in found
            for version in group["versions"]
            for resource in version.get("resources", [])
        }

    def apply(self, item: Object, manager: str = "tests", namespace: str = "default", **query: str) -> Object:
        """Server-side apply; ApiError or LookupError when refused. `namespace` counts where the object names none."""
        asked = urlencode({"fieldManager": manager, "force": "true", **query})
        path = f"{self.path_of(item, namespace)}/{item['metadata']['name']}?{asked}"
        applied: Object = self.call("PATCH", path, item, "application/apply-patch+yaml")
        return applied

    def kubeconfig(self, context: str = "judge") -> str:
        """Return the text of a kubeconfig that leads here, with a context of that name."""
        address = {"server": f"https://127.0.0.1:{self.port}", "insecure-skip-tls-verify": True}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": address}],
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
            "contexts": [{"name": context, "context": {"cluster": "cluster", "user": "admin"}}],
            "current-context": context,
        }
        return yaml.safe_dump(config)

    def set_status(self, item: Object, status: Object) -> None:
        """Merge fields into an object's status, unless the object is gone."""
        self.change(item, {"status": status}, "/status")

    def change(self, item: Object, fields: Object, part: str = "") -> None:
        """Merge fields into an object, or into a part of it with its own address, unless the object is gone."""
        path = f"{self.path_of(item)}/{item['metadata']['name']}{part}"
        try:
            self.call("PATCH", path, fields, "application/merge-patch+json")
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise

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
        """Return what the server says against applying an object, every unknown field included; empty when nothing."""
        try:
            path = self.path_of(item, namespace)
            if "/namespaces/" in path:
                self.has_namespace(path.split("/namespaces/")[1].split("/")[0])
            self.apply(item, "judge", namespace, dryRun="All", fieldValidation="Strict")
        except (ApiError, LookupError) as error:
            return str(error)
        return ""

    def objection_to_pod(self, template: Object, namespace: str, level: str) -> str:
        """Return what the server, pod security included, says against a pod in a namespace that enforces `level`.

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
    """Return the server of this test run, started by whoever asks first; it ends soon after process `owner` does."""
    return ApiServer(**processes.running(__name__, folder, owner))


def start(
    started: Processes, disable: Sequence[str], definitions: Sequence[Object] = ()
) -> tuple[ApiServer, dict[str, Any]]:
    """Start etcd and an API server as Talos configures it, without some admission plugins, with these CRDs in it.

    etcd starts from a copy of data that holds the CRDs already; the first run on a machine makes it.
    Returns a client of the server, and what another process needs to make one.
    """
    shutil.copytree(_prepared(definitions), started.folder, dirs_exist_ok=True)
    started.scratch.mkdir(exist_ok=True)
    (started.folder / "etcd").rename(started.scratch / "etcd")
    server = run(started, disable)
    processes.wait_until(lambda: served_by(definitions) <= server.discovered())
    return server, {"port": server.port, "certificate": str(started.folder / CERTIFICATE)}


def _prepared(definitions: Sequence[Object]) -> Path:
    """Return a folder in the cache with what a server starts from: its keys, its configuration, and etcd's data.

    One for each set of CRDs and each version of the tools that wrote it.
    """
    recipe = [os.path.realpath(tools.path(name)) for name in ("etcd", "kube-apiserver")]
    digest = hashlib.sha256(json.dumps([recipe, Path(__file__).read_text(), definitions]).encode()).hexdigest()
    target = cache_dir().parent / "apiservers" / digest[:16]
    with locked(target):
        if not target.exists():
            draft = target.with_name(f"{target.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            _write_configuration(draft)
            making = Processes(draft)
            try:
                install(run(making, ["ServiceAccount"]), definitions)
            finally:
                making.end(keep=True)
            (draft / "scratch/etcd").rename(draft / "etcd")
            (draft / "scratch").rmdir()
            for log in draft.glob("*.log"):
                log.unlink()
            draft.rename(target)
    return target


def _write_configuration(folder: Path) -> None:
    """Write what a server reads when it starts."""
    for name, text in zip((KEY, ADMISSION, AUTHORITY), _from_talos(folder), strict=True):
        (folder / name).touch(0o600)
        (folder / name).write_text(text)
    (folder / TOKENS).write_text(f"{TOKEN},admin,1,system:masters\n{GUEST},{GUEST},2\n")


def run(started: Processes, disable: Sequence[str], services: str = SERVICE_NETWORK) -> ApiServer:
    """Start etcd, with the data that is in its folder, and an API server that reads what lies beside it."""
    folder = started.folder
    client, peer, secure = processes.free_ports(3)
    etcd, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    started.start(
        "etcd",
        "--name=judge",
        f"--data-dir={started.scratch / 'etcd'}",
        f"--listen-client-urls={etcd}",
        f"--advertise-client-urls={etcd}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=judge={peers}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    )
    started.start(
        "kube-apiserver",
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        # Of documentation (RFC 5737): without any, a computer that is in no network has none to tell.
        "--advertise-address=192.0.2.1",
        f"--secure-port={secure}",
        f"--cert-dir={(folder / CERTIFICATE).parent}",
        f"--service-account-key-file={folder / KEY}",
        f"--service-account-signing-key-file={folder / KEY}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={services}",
        f"--client-ca-file={folder / AUTHORITY}",
        f"--token-auth-file={folder / TOKENS}",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        f"--admission-control-config-file={folder / ADMISSION}",
        f"--disable-admission-plugins={','.join(disable)}",
    )
    started.wait_until((folder / CERTIFICATE).exists)
    server = ApiServer(secure, str(folder / CERTIFICATE))
    started.wait_until(lambda: server.call("GET", "/readyz") == "ok")
    return server


def install(server: ApiServer, definitions: Sequence[Object]) -> None:
    """Create CRDs and wait until clients find each; TimeoutError after START_SECONDS."""
    for definition in definitions:
        server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    processes.wait_until(lambda: served_by(definitions) <= server.discovered())


def served_by(definitions: Sequence[Object]) -> set[tuple[str, str, str]]:
    """(group, version, plural) of everything that CRDs bring."""
    return {
        (spec["group"], version["name"], spec["names"]["plural"])
        for spec in (definition["spec"] for definition in definitions)
        for version in spec["versions"]
        if version["served"]
    }


def _from_talos(folder: Path) -> tuple[str, str, str]:
    """Return the signing key, admission configuration (PodSecurity) and authority that Talos gives its API servers."""
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
    authority = next(d for d in documents if is_kind(d, "KubeAPIServerCAConfig"))["issuingCA"]["cert"]
    return _plain(key), yaml.safe_dump(configuration), _plain(authority)


def _plain(text: str) -> str:
    """Decode what Talos writes in base64, and return anything else as it is."""
    return text if text.startswith("-----") else base64.b64decode(text).decode()


def _bring_up(started: Processes) -> dict[str, Any]:
    # Pods are judged without their service accounts, which nobody makes in a dry run.
    return start(started, ["ServiceAccount"], crds.definitions())[1]


if __name__ == "__main__":
    processes.keep(Path(sys.argv[1]), int(sys.argv[2]), _bring_up)
