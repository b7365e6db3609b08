"""What Flux does with the objects of an app whose Kustomization moves to flux-system, as the page about it says."""

import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from talos_flux.apps.takeover.comparison import Comparison
from talos_flux.manifests.flux_tree import Cluster
from tests.cluster import kustomizer
from tests.cluster.cluster import KUSTOMIZATIONS
from tests.cluster.source import GROUP, SourceController, archive_of
from tests.support import processes
from tests.support.apiserver import ApiServer
from tests.support.needs import CLUSTER, needs
from tests.support.render import PROJECT, commit_all
from tests.support.repository import FLUX_KUSTOMIZATION, Object

pytestmark = [needs(*CLUSTER), pytest.mark.full, pytest.mark.xdist_group("taking-over")]

PAGE = PROJECT / "docs" / "how-to" / "let-flux-take-over.md"
ROOT = "cluster-apps"
NAMESPACE = "flux-system"
TICK_SECONDS = 0.2
ORPHAN: dict[str, Any] = {"deletionPolicy": "Orphan"}
GIT = {"apiVersion": GROUP, "kind": "GitRepository", "metadata": {"name": "flux-system", "namespace": NAMESPACE}}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
RELEASE = {"interval": "1h", "chartRef": {"kind": "OCIRepository", "name": "app"}}
APP = [
    {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "app"}, "spec": CLAIM},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"key": "value"}},
    {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "app"}, "spec": RELEASE},
]
Objects = Sequence[dict[str, Any]]
# What a Kustomization says before it goes, and how the page names it.
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "prune": ({}, "nothing, and `prune: true`"),
    "wait": ({"deletionPolicy": "WaitForTermination"}, "`deletionPolicy: WaitForTermination` or `Delete`"),
    "delete": ({"deletionPolicy": "Delete", "prune": False}, "or `Delete`, with any `prune`"),
    "orphan": (ORPHAN, "`deletionPolicy: Orphan`"),
    "suspend": ({"suspend": True}, "`suspend: true`"),
    "no-prune": ({"prune": False}, "`prune: false`, and no `deletionPolicy`"),
}


class Taking:
    """A cluster that follows `repository`: one namespace, called like the case, with one app."""

    def __init__(self, server: ApiServer, source: SourceController, folder: Path, namespace: str) -> None:
        self.server, self.source, self.repository, self.namespace = server, source, folder / "repository", namespace

    def push(self, where: str, objects: list[dict[str, Any]] = APP, beside: Objects = (), **spec: Any) -> None:
        """Commit, and wait until it runs."""
        self.commit(where, objects, beside, **spec)
        processes.wait_until(lambda: self._applied == {(NAMESPACE, ROOT), (where, self.namespace)})

    def commit(self, where: str, objects: list[dict[str, Any]] = APP, beside: Objects = (), **spec: Any) -> None:
        """Commit the app, with its Kustomization in the namespace `where` and these fields, and let Flux see it.

        What lies `beside` it, the root applies itself.
        """
        shutil.rmtree(self.repository / "kubernetes", ignore_errors=True)
        app = f"kubernetes/apps/{self.namespace}/app"
        ks = kustomization(self.namespace, where, f"./{app}/app", targetNamespace=self.namespace, **spec)
        kept = {"name": self.namespace, "annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"}}
        self._write(f"{app}/app/kustomization.yaml", {"resources": ["objects.yaml"]})
        self._write(f"{app}/app/objects.yaml", *objects)
        self._write(f"{app}/ks.yaml", ks)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": kept}
        self._write(f"kubernetes/apps/{self.namespace}/namespace.yaml", namespace)
        self._write(f"kubernetes/apps/{self.namespace}/beside.yaml", *beside)
        listed = {"resources": ["namespace.yaml", "app/ks.yaml", *(["beside.yaml"] if beside else [])]}
        self._write("kubernetes/flux/cluster/ks.yaml", kustomization(ROOT, NAMESPACE, "./kubernetes/apps"))
        self._write(f"kubernetes/apps/{self.namespace}/kustomization.yaml", listed)
        commit_all(self.repository, "feat: the app")
        self.source.repository = archive_of(self.repository)
        processes.wait_until(lambda: self._fetched == self.source.repository[0])
        self.server.apply(kustomization(ROOT, NAMESPACE, "./kubernetes/apps"))
        self.reconcile()

    def give(self, spec: dict[str, Any]) -> None:
        """Give the app's Kustomization fields before it goes."""
        [item] = [item for item in self.kustomizations if item["metadata"]["namespace"] == self.namespace]
        self.server.change(item, {"spec": spec})

    def remove(self, items: list[Object]) -> None:
        """Delete Kustomizations, not what they have applied, and wait until they are gone."""
        for item in items:
            self.server.change(item, {"spec": ORPHAN | {"suspend": True}})
            self.server.call("DELETE", f"{self.server.path_of(item)}/{item['metadata']['name']}")
        gone = {item["metadata"]["uid"] for item in items}
        processes.wait_until(lambda: not gone & {item["metadata"]["uid"] for item in self.kustomizations})

    def reconcile(self) -> None:
        asked = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": self.source.repository[0]}}}
        self.server.change(kustomization(ROOT, NAMESPACE, ""), asked)

    def copy(self, folder: Path) -> Cluster:
        """Copy what the repository holds now, as the checks see it, to a folder of its own."""
        shutil.copytree(self.repository, folder)
        return Cluster(folder)

    @property
    def maps(self) -> set[str]:
        """The ConfigMaps of the namespace."""
        items = self.server.everything("v1", "ConfigMap")
        return {item["metadata"]["name"] for item in items if item["metadata"]["namespace"] == self.namespace}

    @property
    def kustomizations(self) -> list[Object]:
        return self.server.everything(*KUSTOMIZATIONS)

    @property
    def objects(self) -> dict[str, tuple[str, str]]:
        """What the app is made of: by kind, the identity of the object and the namespace of its owner."""
        found = {}
        for one in APP:
            for item in self.server.everything(str(one["apiVersion"]), str(one["kind"])):
                if item["metadata"]["namespace"] == self.namespace and item["metadata"]["name"] == "app":
                    owner = item["metadata"]["labels"][f"{FLUX_KUSTOMIZATION}/namespace"]
                    found[item["kind"]] = item["metadata"]["uid"], owner
        return found

    @property
    def _fetched(self) -> str:
        return "".join(
            item.get("status", {}).get("artifact", {}).get("revision", "")
            for item in self.server.everything(GROUP, "GitRepository")
        )

    @property
    def _applied(self) -> set[tuple[str, str]]:
        """The Kustomizations that are there; empty unless each has applied the last commit, or is suspended."""
        items = self.kustomizations
        if any(
            item.get("status", {}).get("lastAppliedRevision") != self.source.repository[0]
            for item in items
            if not item["spec"].get("suspend")
        ):
            return set()
        return {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in items}

    def _write(self, path: str, *documents: dict[str, Any]) -> None:
        (self.repository / path).parent.mkdir(parents=True, exist_ok=True)
        (self.repository / path).write_text(yaml.safe_dump_all(documents))


def kustomization(name: str, namespace: str, path: str, **spec: Any) -> Object:
    source = {"kind": "GitRepository", "name": "flux-system", "namespace": NAMESPACE}
    return {
        "apiVersion": KUSTOMIZATIONS[0],
        "kind": KUSTOMIZATIONS[1],
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"interval": "1h", "retryInterval": "1s", "prune": True, "path": path, "sourceRef": source, **spec},
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, SourceController]]:
    """Flux, and a part that serves what is pushed."""
    folder, ended = tmp_path_factory.mktemp("kustomizer"), threading.Event()
    server = kustomizer.running(folder, os.getpid())
    source = SourceController(server)

    def play() -> None:
        while not ended.wait(TICK_SECONDS):
            source.tick()

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    server.has_namespace(NAMESPACE)
    server.apply(GIT | {"spec": {"url": "https://git.example.net/home.git", "interval": "1h"}})
    yield server, source
    ended.set()
    thread.join()
    source.close()
    processes.stop(folder)


@pytest.fixture
def taking(
    running: tuple[ApiServer, SourceController], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Taking]:
    """Provide the test with its own namespace, which Flux leaves alone afterwards."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[-50:].strip("-")
    taking = Taking(*running, tmp_path, name)
    yield taking
    # The root first: it would bring its app back.
    for is_wanted in (lambda item: item["metadata"]["name"] == ROOT, lambda item: True):
        taking.remove([item for item in taking.kustomizations if is_wanted(item)])


def page_says_it_stays(words: str) -> bool:
    """Return whether the page's table says "stay" beside these words; "the same" repeats the row before."""
    table = PAGE.read_text().split("| --- | --- |\n", 1)[1].split("\n\n", 1)[0]
    stays = False
    for row in table.splitlines():
        _, case, verdict, _ = row.split("|")
        stays = stays if verdict.strip() == "the same" else verdict.strip().startswith("stay")
        if words in case:
            return stays
    raise AssertionError(f"{PAGE.name} has no row for {words}")


@pytest.mark.parametrize("case", CASES)
def test_the_page_says_whose_objects_stay(case: str, taking: Taking) -> None:
    spec, words = CASES[case]
    taking.push(taking.namespace)
    before = taking.objects
    assert {owner for _, owner in before.values()} == {taking.namespace}
    taking.give(spec)
    taking.push(NAMESPACE)
    after = taking.objects
    assert {owner for _, owner in after.values()} == {NAMESPACE}
    same = {kind for kind, (identity, _) in after.items() if identity == before[kind][0]}
    assert same == (set(before) if page_says_it_stays(words) else set())


def test_the_way_back_keeps_everything_while_the_new_ones_are_orphaned_too(taking: Taking) -> None:
    taking.push(taking.namespace, **ORPHAN)
    before = taking.objects
    taking.push(NAMESPACE, **ORPHAN)
    assert taking.objects != before
    taking.push(taking.namespace, **ORPHAN)
    assert taking.objects == before


def test_a_kustomization_that_keeps_its_name_deletes_what_its_folder_no_longer_has(taking: Taking) -> None:
    taking.push(NAMESPACE)
    before = taking.objects
    taking.push(NAMESPACE, [item for item in APP if item["kind"] != "ConfigMap"])
    assert taking.objects == {kind: one for kind, one in before.items() if kind != "ConfigMap"}


def test_what_adopt_check_foretells_is_what_flux_does(taking: Taking, tmp_path: Path) -> None:
    kept = {"annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"}}
    beside: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": taking.namespace, **more}}
        for name, more in (("lost", {}), ("kept", kept), ("brought", {}))
    ]
    taking.push(taking.namespace, beside=beside, **ORPHAN)
    old, before = taking.copy(tmp_path / "old"), taking.maps
    # Else it may read the new files before it goes, and delete what they have not.
    taking.give({"suspend": True})
    taking.push(NAMESPACE, [item for item in APP if item["kind"] != "ConfigMap"], beside=beside[2:])
    found = Comparison(old, taking.copy(tmp_path / "new"))
    assert "flux suspend kustomization --all --namespace" in PAGE.read_text()
    assert [found.may_prune(one) for one in found.left if one.name == taking.namespace] == [True]
    assert {one.key.name for one in found.deleted} == before - taking.maps == {"lost"}
    assert {key.name for keys in found.left.values() for key in keys} == {"kept", "app"}
    assert taking.maps >= {"kept", "app", "brought"}


def test_one_object_without_a_namespace_holds_up_all_that_is_applied_with_it(taking: Taking) -> None:
    taking.push(NAMESPACE)
    taking.commit(NAMESPACE, beside=[{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lost"}}])

    def says() -> str:
        [root] = [item for item in taking.kustomizations if item["metadata"]["name"] == ROOT]
        return " ".join(str(one["message"]) for one in root["status"]["conditions"])

    processes.wait_until(lambda: "ConfigMap/lost namespace not specified" in says())
