"""A cluster that follows a checkout: push a commit, wait, look; when it does not come up, the reasons are printed."""

import json
import os
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from tests.cluster import controlplane
from tests.cluster.actors import RELEASES, Actors, condition_of, is_ready
from tests.cluster.source import GROUP, SourceController, archive_of
from tests.support import processes
from tests.support.apiserver import ApiServer
from tests.support.render import commit_all
from tests.support.repository import FLUX_KUSTOMIZATION, Object, Repository, is_kind, parse
from tests.support.talos import Machines, new_secrets

KUSTOMIZATIONS = (f"{FLUX_KUSTOMIZATION}/v1", "Kustomization")
NAMESPACE = "flux-system"
AGE_SECRET = "sops-age"  # noqa: S105, a name
RETRY = "3s"
TICK_SECONDS = 0.5
LOOK_SECONDS = 0.5
MACHINE = {"cpu": "16", "memory": "64Gi", "ephemeral-storage": "500Gi", "pods": "110"}
MINUTES = 6
# Dependencies are looked at more often, and failures retried sooner, than at home.
QUICKER = ["--requeue-dependency=1s"]


class Cluster:
    """`checkout` is the repository in git. `server`, `source` and `actors` may be looked into and held back.

    What fails is tried again after `retry`.

    `first_ready` is when each Kustomization said for the first time that it is Ready, `errors_on_the_way` what Flux
    logged as an error until everything was.
    """

    def __init__(self, checkout: Path, folder: Path, *, with_secrets: bool = True, retry: str = RETRY) -> None:
        self.checkout, self.folder, self.retry = checkout, folder, retry
        flags = {name: [*flags, *QUICKER] for name, flags in controlplane.flux_flags(self.repository).items()}
        self.server: ApiServer = controlplane.running(folder, os.getpid(), flags)
        self.source = SourceController(self.server)
        self.actors = Actors(self.server)
        self.first_ready: dict[str, str] = {}
        self.errors_on_the_way: list[Object] | None = None
        self._errors: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        try:
            self.register_machines()
            if with_secrets:
                self._make_secrets()
        except BaseException:
            self.stop()
            raise

    @property
    def repository(self) -> Repository:
        """The checkout as it is now."""
        return Repository(self.checkout, {})

    @property
    def roots(self) -> list[Object]:
        """cluster-meta and cluster-apps as they are applied here."""
        found: list[Object] = deepcopy(self.repository.documents("kubernetes/flux/cluster/ks.yaml"))
        for root in found:
            root["spec"]["retryInterval"] = self.retry
            if "patches" in root["spec"]:
                root["spec"]["patches"].append(self._sooner)
        return found

    @property
    def _sooner(self) -> Object:
        """What gives every app the retry interval."""
        change = {
            "apiVersion": KUSTOMIZATIONS[0],
            "kind": "Kustomization",
            "metadata": {"name": "any"},
            "spec": {"retryInterval": self.retry},
        }
        return {"target": {"group": FLUX_KUSTOMIZATION, "kind": "Kustomization"}, "patch": json.dumps(change)}

    def play(self) -> None:
        """Begin to act as the controllers that are not there."""
        self.push()
        self._thread.start()

    def start(self) -> None:
        """Let Flux take over: from here on everything follows from the two roots."""
        if not self._thread.is_alive():
            self.play()
        self.server.has_namespace(NAMESPACE)
        metadata = {"name": "flux-system", "namespace": NAMESPACE}
        spec = {"url": "https://git.example.net/home.git", "interval": "1h"}
        self.server.apply({"apiVersion": GROUP, "kind": "GitRepository", "metadata": metadata, "spec": spec})
        for root in self.roots:
            self.server.apply(root)

    def stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self.source.close()
        processes.stop(self.folder)

    def push(self) -> None:
        """Serve the last commit of the checkout; the vault holds every item that it asks for."""
        wanted = self.repository.documents("bootstrap/secrets.yaml")[0]["secrets"]
        self.actors.vault = {
            (one["namespace"], one["name"]): [key["name"] for key in one["keys"]]
            for one in wanted
            if "namespace" in one
        }
        for file in self.checkout.glob("kubernetes/apps/*/*/.copier-answers.yml"):
            answers = parse(file.read_text())[0]
            self.actors.vault[file.parts[-3], file.parts[-2]] = answers.get("app_secret_keys", [])
        self.source.repository = archive_of(self.checkout)

    def commit(self, message: str = "feat: more") -> None:
        """Commit everything in the checkout, and push it."""
        commit_all(self.checkout, message)
        self.push()

    def give_key(self, key: str) -> None:
        """Put the age key where Flux looks for it, as `task bootstrap:apps` does."""
        metadata = {"name": AGE_SECRET, "namespace": NAMESPACE}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"age.agekey": key}}
        self.server.has_namespace(NAMESPACE)
        self.server.apply(secret)

    def register_machines(self) -> None:
        """As Talos registers them, with the labels and taints of their configurations; one that is gone is removed."""
        if not (secrets := self.folder / "secrets.yaml").exists():
            new_secrets(self.folder)
        # talosctl overwrites no configuration.
        machines = Machines(self.checkout, secrets, Path(tempfile.mkdtemp(prefix="machines-", dir=self.folder)))
        for name, documents in machines.configurations.items():
            self._register(name, next(d for d in documents if is_kind(d, "KubeNodeConfig")))
        for node in self.server.everything("v1", "Node"):
            if node["metadata"]["name"] not in machines.configurations:
                self.server.call("DELETE", f"{self.server.path_of(node)}/{node['metadata']['name']}")

    def _make_secrets(self) -> None:
        """Those that no app brings. Flux must do without an age key while nothing is encrypted."""
        for secret in self.repository.documents("bootstrap/secrets.yaml")[0]["secrets"]:
            if "namespace" in secret and "app" not in secret and secret["name"] != AGE_SECRET:
                self.server.has_namespace(secret["namespace"])
                self.actors.has_secret(secret["namespace"], secret["name"], [key["name"] for key in secret["keys"]])

    def _register(self, name: str, configuration: Object) -> None:
        taints = []
        for key, text in configuration.get("taints", {}).items():
            value, _, effect = text.rpartition(":")
            taints.append({"key": key, "effect": effect, "value": value})
        labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name}
        node = self.server.apply(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {
                    "name": name,
                    "labels": labels | configuration.get("labels", {}),
                    "annotations": {"kwok.x-k8s.io/node": "fake"},
                },
                "spec": {"taints": taints},
            }
        )
        self.server.set_status(node, {"capacity": MACHINE, "allocatable": MACHINE})

    def _play(self) -> None:
        while not self._ended.wait(TICK_SECONDS):
            for part in (self.source.tick, self.actors.tick, self._remember):
                try:
                    part()
                except Exception:  # whatever it is belongs in the report of a failing test
                    self._errors.append(traceback.format_exc())

    def _remember(self) -> None:
        for name, item in self.kustomizations.items():
            if is_ready(item):
                self.first_ready.setdefault(name, condition_of(item)["lastTransitionTime"])

    # --- Looking ---

    @property
    def kustomizations(self) -> dict[str, Object]:
        return {item["metadata"]["name"]: item for item in self.server.everything(*KUSTOMIZATIONS)}

    @property
    def fetched(self) -> str:
        """The revision of the checkout that Flux has."""
        [repository] = self.server.everything(GROUP, "GitRepository")
        return str(repository.get("status", {}).get("artifact", {}).get("revision", ""))

    @property
    def releases(self) -> dict[str, Object]:
        """The HelmReleases by <namespace>/<name>."""
        found = self.server.everything(*RELEASES)
        return {f"{item['metadata']['namespace']}/{item['metadata']['name']}": item for item in found}

    @property
    def wanted(self) -> set[str]:
        """The Kustomizations of the checkout."""
        return {root["metadata"]["name"] for root in self.roots} | self.repository.app.keys()

    def unready(self) -> dict[str, Object]:
        """Kustomizations and HelmReleases that are not Ready at the revision last pushed, by kind and name."""
        revision = self.source.repository[0]
        found = {}
        for name, item in self.kustomizations.items():
            if not is_ready(item) or item["status"].get("lastAppliedRevision") != revision:
                found[f"Kustomization {name}"] = item
        found |= {f"HelmRelease {name}": item for name, item in self.releases.items() if not is_ready(item)}
        return found

    def wait_until(self, condition: Callable[[], Any], what: str, seconds: float = MINUTES * 60) -> None:
        """AssertionError with what is wrong in the cluster when the condition does not come to hold."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not after {seconds:.0f} s\n{self.explain()}"
            time.sleep(LOOK_SECONDS)

    def ask(self) -> str:
        """Ask every Kustomization and HelmRelease to look again, as `flux reconcile --with-source` does.

        What each will confirm.
        """
        self.wait_until(lambda: self.fetched == self.source.repository[0], "the last commit is fetched")
        token = str(time.monotonic())
        asked = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
        for item in [*self.kustomizations.values(), *self.releases.values()]:
            path = f"{self.server.path_of(item)}/{item['metadata']['name']}"
            self.server.call("PATCH", path, asked, "application/merge-patch+json")
        return token

    def reconcile(self) -> None:
        """Ask everything to look again, and wait until each has and is Ready."""
        token = self.ask()

        def all_did() -> bool:
            items = [*self.kustomizations.values(), *self.releases.values()]
            return all(item["status"].get("lastHandledReconcileAt") == token for item in items)

        self.wait_until(all_did, "everything is reconciled again")
        self.wait_until_ready()

    def objects(self, kustomization: str) -> list[Object]:
        """Everything that a Kustomization has applied, as it is in the cluster."""
        found = []
        for entry in self.kustomizations[kustomization]["status"]["inventory"]["entries"]:
            namespace, name, group, kind = entry["id"].split("_")
            version = f"{group}/{entry['v']}" if group else entry["v"]
            item = {"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace}}
            found.append(self.server.call("GET", f"{self.server.path_of(item)}/{name}"))
        return found

    def wait_until_ready(self, seconds: float = MINUTES * 60) -> None:
        """Every Flux Kustomization of the checkout is there and Ready, and so is every HelmRelease."""
        wanted = self.wanted

        def all_are_ready() -> bool:
            return wanted == self.kustomizations.keys() == self.first_ready.keys() & wanted and not self.unready()

        self.wait_until(all_are_ready, "everything is Ready", seconds)
        if self.errors_on_the_way is None:
            self.errors_on_the_way = self.errors()

    def explain(self) -> str:
        """Return what a person would look at first: each object that is not Ready, why, and its controller's errors."""
        return "\n".join(text.strip().replace("\n", "\n    ") for text in self._explanation())

    def _explanation(self) -> Iterator[str]:
        if absent := self.wanted - self.kustomizations.keys():
            yield f"not there: Kustomization {', '.join(sorted(absent))}"
        for name, item in self.unready().items():
            reasons = [message_of(item)]
            if "dependency" not in reasons[0]:
                reasons += [f"event: {text}" for text in dict.fromkeys(self._events(item))]
                reasons += [f"log: {text}" for text in self._log_lines(item)]
            yield "\n".join([f"{name}: {reasons[0]}", *reasons[1:]])
        for item in self.server.everything("v1", "Pod"):
            if item["status"].get("phase") == "Pending":
                scheduled = [c["message"] for c in item["status"].get("conditions", []) if c.get("message")]
                reasons = [*self.actors.missing(item), *scheduled]
                yield f"Pod {item['metadata']['namespace']}/{item['metadata']['name']}: {'; '.join(reasons)}"
        for version, kind in ((GROUP, "OCIRepository"), (GROUP, "GitRepository"), (GROUP, "HelmChart")):
            for item in self.server.everything(version, kind):
                if not is_ready(item):
                    yield f"{kind} {item['metadata']['name']}: {message_of(item)}"
        yield from self._errors[-2:]

    def _events(self, item: Object) -> Iterator[str]:
        for event in self.server.everything("v1", "Event"):
            about = event["involvedObject"]
            if (about["kind"], about["name"]) == (item["kind"], item["metadata"]["name"]):
                yield event["message"].partition("\n\n")[0]  # then the logs of helm

    def _log_lines(self, item: Object, count: int = 3) -> list[str]:
        """Return the last errors that an object's controller logged about it."""
        place = item["kind"].lower(), item["metadata"]["namespace"], item["metadata"]["name"]
        found = (
            entry for entry in self.errors() if tuple(map(entry.get, ("controller", "namespace", "name"))) == place
        )
        return [f"{entry['msg']}: {entry['error']}" for entry in found][-count:]

    def errors(self) -> list[Object]:
        """Return the errors that Flux' controllers logged, in order, without a line that is still being written."""
        lines = [
            line for name in controlplane.FLUX for line in (self.folder / f"{name}.log").read_text().split("\n")[:-1]
        ]
        entries: list[Object] = [json.loads(line) for line in lines if line.startswith("{")]
        return [entry for entry in entries if entry.get("level") == "error" and "error" in entry]


def message_of(item: Object) -> str:
    """Return the message in an object's Ready condition."""
    return str(condition_of(item).get("message", "has no status"))
