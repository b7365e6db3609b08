"""The tasks backup:list, :now and :restore on a real API server; the test plays VolSync, controllers and restic."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.workplace import ANSWERS, Workplace, set_up
from tests.support import flux
from tests.support.additions import Adder
from tests.support.apiserver import ApiError, ApiServer
from tests.support.app_cases import IMAGE, TO_NFS
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.support.repository import Object, Repository

pytestmark = [needs("kube-apiserver", "kubectl", "flux-build", "task", "flux"), pytest.mark.full]

CLUSTER: dict[str, Any] = ANSWERS | TO_NFS
APP = IMAGE | {
    "app_kind": "manifests",
    "app_replicas": 1,
    "app_mounts": [{"path": "/config", "pvc": "1Gi"}, {"path": "/data", "pvc": "1Gi"}],
    "app_backup": True,
}
OWNER = "kustomize.toolkit.fluxcd.io/name"
GROUPS = {
    "ReplicationSource": "volsync.backube/v1alpha1",
    "ReplicationDestination": "volsync.backube/v1alpha1",
    "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
    "HelmRelease": "helm.toolkit.fluxcd.io/v2",
    "Deployment": "apps/v1",
    "Pod": "v1",
}


class Films:
    """An app in its cluster: what the tasks see and change."""

    def __init__(self, server: ApiServer, workplace: Workplace, namespace: str) -> None:
        self.server, self.workplace, self.namespace = server, workplace, namespace
        self.name = f"{namespace}-films"

    def path(self, kind: str) -> str:
        """Where its objects of that kind are."""
        namespace = "flux-system" if kind == "Kustomization" else self.namespace
        item = {"apiVersion": GROUPS[kind], "kind": kind, "metadata": {"namespace": namespace}}
        return self.server.path_of(item, namespace)

    def get(self, kind: str, name: str = "") -> Object:
        found: Object = self.server.call("GET", f"{self.path(kind)}/{name or self.name}")
        return found

    def all(self, kind: str) -> list[Object]:
        items: list[Object] = self.server.call("GET", self.path(kind))["items"]
        return items

    @property
    def is_running(self) -> tuple[bool, bool, int]:
        """Whether Flux looks after it, whether helm-controller does, and how many pods it wants."""
        return (
            not self.get("Kustomization")["spec"].get("suspend"),
            not self.get("HelmRelease")["spec"].get("suspend"),
            self.get("Deployment")["spec"]["replicas"],
        )

    def pod(self) -> None:
        """Create the pod of its Deployment."""
        template = self.get("Deployment")["spec"]["template"]
        metadata = {"name": f"{self.name}-1", "namespace": self.namespace, "labels": template["metadata"]["labels"]}
        self.server.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})


@pytest.fixture
def films(server: ApiServer, template: Path, render: Renderer, tmp_path: Path, request: pytest.FixtureRequest) -> Films:
    """Provide an app with two volumes that are backed up, applied as Flux applies it, with a pod."""
    namespace = f"n{abs(hash(request.node.name)) % 10**8}"
    workplace = set_up(tmp_path, render(CLUSTER))
    found = Films(server, workplace, namespace)
    folder = workplace.root / "kubernetes/apps" / namespace / found.name
    Adder(template).add("app", folder, APP)
    (workplace.root / "kubeconfig").write_text(server.kubeconfig())
    applied = flux.reconcile(Repository(workplace.root, CLUSTER))
    server.has_namespace("flux-system")
    server.has_namespace(namespace)
    [kustomization] = [item for item in applied["cluster-apps"] if item["metadata"]["name"] == found.name]
    server.apply(kustomization, "kustomize-controller")
    release = {
        "apiVersion": GROUPS["HelmRelease"],
        "kind": "HelmRelease",
        "metadata": {"name": found.name, "namespace": namespace},
        "spec": {"interval": "1h", "chartRef": {"kind": "OCIRepository", "name": "app-template"}},
    }
    for item in [*applied[found.name], release]:
        item["metadata"].setdefault("labels", {})[OWNER] = found.name
        server.apply(item, "kustomize-controller", namespace)
    found.pod()
    return found


@contextmanager
def playing(films: Films, says: str = "Restic completed in 1s", result: str = "Successful") -> Iterator[list[Object]]:
    """VolSync, which does what a trigger asks for, and the controllers, which end the pods of a Deployment without any.

    Yields every ReplicationDestination that it has seen, with whether a pod ran meanwhile.
    """
    over = threading.Event()
    seen: dict[str, Object] = {}

    def play() -> None:
        while not over.is_set():
            try:
                if films.get("Deployment")["spec"]["replicas"] == 0 and films.all("Pod"):
                    pod = f"{films.path('Pod')}/{films.name}-1"
                    films.server.call("DELETE", f"{pod}?gracePeriodSeconds=0")
                for kind in ("ReplicationSource", "ReplicationDestination"):
                    for item in films.all(kind):
                        if kind == "ReplicationDestination":
                            item["a pod ran"] = bool(films.all("Pod"))
                            seen.setdefault(item["metadata"]["uid"], item)
                        trigger = item["spec"]["trigger"].get("manual")
                        status = {"latestMoverStatus": {"result": result, "logs": says}}
                        if result == "Successful" and trigger:
                            status["lastManualSync"] = trigger
                        if trigger:
                            films.server.set_status(item, status)
            except ApiError:
                continue
            finally:
                time.sleep(0.2)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    found: list[Object] = []
    try:
        yield found
    finally:
        over.set()
        thread.join()
        found += seen.values()


def app_of(films: Films) -> str:
    return f"APP={films.namespace}/{films.name}"


def test_a_restore_stops_the_app_overwrites_its_volumes_and_starts_it_again(films: Films) -> None:
    before = films.is_running
    assert before == (True, True, 1)
    with playing(films) as made:
        said = films.workplace.succeeds("backup:restore", app_of(films), "AS_OF=2026-11-20T03:00:00Z", "--", "--yes")
    assert f"{films.namespace}/{films.name}-config" in said and "what came later is lost" in said
    assert {item["spec"]["restic"]["destinationPVC"] for item in made} == {f"{films.name}-config", f"{films.name}-data"}
    for item in made:
        source = films.get("ReplicationSource", item["spec"]["restic"]["destinationPVC"])["spec"]["restic"]
        restic = item["spec"]["restic"]
        assert (restic["copyMethod"], restic["enableFileDeletion"]) == ("Direct", True)
        assert restic["restoreAsOf"] == "2026-11-20T03:00:00Z"
        for key in ("repository", "moverSecurityContext", "moverVolumes", "moverResources"):
            assert restic[key] == source[key]
        assert not item["a pod ran"], "nothing may write to the volume meanwhile"
    assert films.is_running == before
    assert films.all("ReplicationDestination") == []


KUBECTL = """#!/bin/sh
case " $* " in *" logs "*) cat {said} ;; *) exec {kubectl} "$@" ;; esac
"""
IMAGE_OF_RESTIC = "quay.io/backube/volsync:0.16.0"


@contextmanager
def restic(films: Films, folder: Path, says: str, phase: str = "Succeeded") -> Iterator[list[Object]]:
    """Play a kubelet whose restic pods end with these logs, which kubectl gets; yield the pods that it has seen."""
    (folder / "bin").mkdir()
    (folder / "said").write_text(says)
    (folder / "bin/kubectl").write_text(KUBECTL.format(said=folder / "said", kubectl=shutil.which("kubectl")))
    (folder / "bin/kubectl").chmod(0o755)
    films.workplace.extra["PATH"] = os.pathsep.join([str(folder / "bin"), films.workplace.environment["PATH"]])
    container = {"name": "manager", "image": "x", "args": [f"--restic-container-image={IMAGE_OF_RESTIC}"]}
    labels = {"app": "volsync"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    metadata = {"name": "volsync", "namespace": "storage"}
    films.server.has_namespace("storage")
    films.server.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }
    )
    over = threading.Event()
    seen: dict[str, Object] = {}

    def play() -> None:
        while not over.wait(0.2):
            for pod in films.all("Pod"):
                if pod["metadata"]["name"].endswith("-list"):
                    seen.setdefault(pod["metadata"]["uid"], pod)
                    # In a list a pod does not say that it is one.
                    films.server.set_status({"apiVersion": "v1", "kind": "Pod"} | pod, {"phase": phase})

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    found: list[Object] = []
    try:
        yield found
    finally:
        over.set()
        thread.join()
        found += seen.values()


def test_backups_are_listed_with_the_times_that_a_restore_takes(films: Films, tmp_path: Path) -> None:
    kept = [
        {"time": f"2026-11-{day}T03:12:45.123456789+01:00", "short_id": f"abcdef{day}", "summary": summary}
        for day, summary in (("21", {"total_bytes_processed": 3_000_000}), ("20", {"total_bytes_processed": 2_000_000}))
    ]
    films.workplace.extra["TZ"] = "UTC"
    with restic(films, tmp_path, f"a warning\n{json.dumps(kept)}\n") as pods:
        said = films.workplace.succeeds("backup:list", app_of(films), "VOLUME=data")
    assert f"{films.namespace}/{films.name}-data: 2 backups" in said
    lines = [line.split() for line in said.splitlines() if " MB" in line]
    assert lines == [
        ["2026-11-20T02:12:46", "abcdef20", "2.0", "MB"],
        ["2026-11-21T02:12:46", "abcdef21", "3.0", "MB"],
    ]
    [pod] = [pod["spec"] for pod in pods]
    source = films.get("ReplicationSource", f"{films.name}-data")["spec"]["restic"]
    assert pod["containers"][0]["image"] == IMAGE_OF_RESTIC
    assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": source["repository"]}}]
    assert pod["securityContext"] == source["moverSecurityContext"]
    assert [volume["nfs"] for volume in pod["volumes"] if "nfs" in volume] == [
        volume["volumeSource"]["nfs"] for volume in source["moverVolumes"]
    ]
    assert not [item for item in films.all("Pod") if item["metadata"]["name"].endswith("-list")]
    assert films.is_running == (True, True, 1)


def test_a_list_that_restic_can_not_make_says_why(films: Films, tmp_path: Path) -> None:
    with restic(films, tmp_path, "Fatal: wrong password or no key found", "Failed"):
        said = films.workplace.refuses("backup:list", app_of(films), "VOLUME=data")
    assert f"can't list {films.namespace}/{films.name}-data: Fatal: wrong password or no key found" in said
    assert not [item for item in films.all("Pod") if item["metadata"]["name"].endswith("-list")]


def test_one_volume_alone_is_restored(films: Films) -> None:
    with playing(films) as made:
        films.workplace.succeeds("backup:restore", app_of(films), "VOLUME=data", "--", "--yes")
    assert [item["spec"]["restic"]["destinationPVC"] for item in made] == [f"{films.name}-data"]
    assert "restoreAsOf" not in made[0]["spec"]["restic"]


@pytest.mark.parametrize(
    ("says", "result", "words"),
    [
        ("No eligible snapshots found\n=== No data will be restored ===", "Successful", "has no backup"),
        ("Fatal: wrong password or no key found", "Failed", "wrong password or no key found"),
    ],
    ids=["no such backup", "VolSync fails"],
)
def test_the_app_runs_again_when_a_restore_fails(films: Films, says: str, result: str, words: str) -> None:
    with playing(films, says, result):
        done = films.workplace.task("backup:restore", app_of(films), "VOLUME=config", "--", "--yes")
    assert done.returncode != 0 and words in done.stderr
    assert f"{films.namespace}/{films.name}-config was not restored" in done.stderr
    assert films.is_running == (True, True, 1)
    assert films.all("ReplicationDestination") == []


def test_what_was_suspended_stays_so(films: Films) -> None:
    films.server.change(films.get("Kustomization"), {"spec": {"suspend": True}})
    with playing(films):
        films.workplace.succeeds("backup:restore", app_of(films), "--", "--yes")
    assert films.is_running == (False, True, 1)


def test_a_backup_is_made_out_of_turn_and_the_schedule_goes_on(films: Films) -> None:
    with playing(films):
        said = films.workplace.succeeds("backup:now", app_of(films))
    assert f"{films.namespace}/{films.name}-data is backed up." in said
    for item in films.all("ReplicationSource"):
        assert item["status"]["lastManualSync"].startswith("by-hand-")
        assert item["spec"]["trigger"].keys() == {"schedule"}


def test_a_backup_that_fails_says_why(films: Films) -> None:
    with playing(films, "Fatal: unable to open the bucket", "Failed"):
        assert "unable to open the bucket" in films.workplace.refuses("backup:now", app_of(films), "VOLUME=data")
    assert all(item["spec"]["trigger"].keys() == {"schedule"} for item in films.all("ReplicationSource"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (lambda films: ("backup:restore", app_of(films)), "Nobody is at the terminal to answer: pass --yes to agree."),
        (
            lambda films: ("backup:restore", app_of(films), "VOLUME=cache"),
            "has no volume cache that is backed up; it has",
        ),
        (lambda films: ("backup:restore", app_of(films), "AS_OF=yesterday"), "yesterday is no time: write 2026-11-20"),
        (lambda films: ("backup:now", "APP=default/echo"), "default/echo has no backup in the cluster"),
        (lambda films: ("backup:now", "APP=default/nobody"), "nobody"),
        (lambda films: ("backup:list",), "APP is missing: APP=<namespace>/<app>."),
    ],
    ids=["nobody to ask", "no such volume", "no time", "no backup", "no such app", "no app"],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_touched(
    films: Films, words: Callable[[Films], tuple[str, ...]], said: str
) -> None:
    assert said in films.workplace.refuses(*words(films))
    assert films.is_running == (True, True, 1)
    assert films.all("ReplicationDestination") == []


def test_without_a_kubeconfig_the_task_says_how_to_get_one(films: Films) -> None:
    (films.workplace.root / "kubeconfig").unlink()
    for task in ("backup:list", "backup:now", "backup:restore"):
        assert (
            films.workplace.refuses(task, app_of(films))
            == "kubeconfig is missing: `task kubeconfig` fetches it, once `task bootstrap:talos` has run."
        )
