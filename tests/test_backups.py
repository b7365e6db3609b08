"""Backups of apps' volumes: what VolSync is told, and the tasks that back up and restore, on a real API server."""

import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import flux
from tests.support.apiserver import ApiServer
from tests.support.app_cases import CLUSTERS, IMAGE, TO_NFS, TO_S3
from tests.support.commands import TALOS_FLUX
from tests.support.home import Home
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.support.repository import Object, Repository, is_kind
from tests.tools.records.secret_stores import Backend, backends
from tests.tools.records.storage import storages

FILMS = "kubernetes/apps/media/films"
TWO_VOLUMES: dict[str, Any] = IMAGE | {
    "app_mounts": [{"path": "/config", "pvc": "5Gi"}, {"path": "/cache", "emptyDir": ""}, {"path": "/data", "pvc": 1e9}]
}
BACKED_UP = TWO_VOLUMES | {"app_backup": True}


def with_films(home_with: Callable[..., Home], cluster: dict[str, Any], **answers: Any) -> dict[str, list[Object]]:
    """Return what Flux applies of the app, by kind, in a cluster with these answers."""
    home = home_with(**cluster)
    home.add("app", FILMS, **BACKED_UP | answers)
    found: dict[str, list[Object]] = {}
    for item in flux.reconcile(Repository(home.root, cluster))["films"]:
        found.setdefault(item["kind"], []).append(item)
    return found


def mover(source: Object, namespace: str) -> Object:
    """Return the pod that VolSync makes of a ReplicationSource, as far as pod security looks at it."""
    restic = source["spec"]["restic"]
    claims: list[Object] = [{"name": "data", "persistentVolumeClaim": {"claimName": source["spec"]["sourcePVC"]}}]
    more = [{"name": f"u-{volume['mountPath']}", **volume["volumeSource"]} for volume in restic.get("moverVolumes", [])]
    container = {
        "name": "restic",
        "image": "quay.io/backube/volsync:0.16.0",
        "resources": restic["moverResources"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
        },
    }
    spec = {"securityContext": restic["moverSecurityContext"], "volumes": claims + more, "containers": [container]}
    return {"metadata": {"namespace": namespace}, "spec": spec}


def places() -> Iterator[Any]:
    """Each secrets backend with each storage and each target; make test has one of the former two to each target."""
    witnesses = (("onepassword", "longhorn", TO_S3), ("sops", "local-path", TO_NFS))
    for backend, storage, place in itertools.product(backends(), [each.name for each in storages()], (TO_S3, TO_NFS)):
        marks = [] if (backend.name, storage, place) in witnesses else [pytest.mark.full]
        yield pytest.param(backend, storage, place, marks=marks, id=f"{backend.name}-{storage}-{place['backups']}")


@pytest.mark.parametrize(("backend", "storage", "place"), list(places()))
@needs("flux-build")
def test_each_volume_has_a_repository_of_its_own(
    home_with: Callable[..., Home], backend: Backend, storage: str, place: dict[str, str]
) -> None:
    found = with_films(home_with, {**backend.answers, "storage": storage, **place})
    sources = {item["metadata"]["name"]: item["spec"] for item in found["ReplicationSource"]}
    claims = {item["metadata"]["name"] for item in found["PersistentVolumeClaim"]}
    assert claims == sources.keys() == {"films-config", "films-data"}
    where = {"s3": "s3:https://s3.example.net/volumes", "nfs": "/mnt/backups"}[place["backups"]]
    for name, spec in sources.items():
        restic = spec["restic"]
        assert spec["sourcePVC"] == name
        assert restic["copyMethod"] == {each.name: each.copy_method for each in storages()}[storage]
        assert restic["repository"] == f"{name}-backup"
        values = values_of(found, f"{name}-backup")
        assert values["RESTIC_REPOSITORY"] == f"{where}/media/films/{name.removeprefix('films-')}"
        assert values.get("AWS_DEFAULT_REGION") == ("us-east-1" if place["backups"] == "s3" else None)
        if not backend.store:
            secret = {"RESTIC_PASSWORD"} | ({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} if place is TO_S3 else set())
            assert {key: values[key] for key in secret} == dict.fromkeys(secret, flux.LOOKS_LIKE_A_NUMBER)
        nfs = {"server": "nas.example.net", "path": "/volume1/backups"}
        volumes = [{"mountPath": "backups", "volumeSource": {"nfs": nfs}}]
        assert restic.get("moverVolumes") == (volumes if place is TO_NFS else None)


def values_of(found: dict[str, list[Object]], name: str) -> Object:
    """Return the known values of a Secret: all that Flux fills in, or those beside the values of the store's item."""
    for item in found.get("Secret", []):
        if item["metadata"]["name"] == name:
            assert all(isinstance(value, str) for value in item["stringData"].values())
            return item["stringData"]
    [external] = [item for item in found["ExternalSecret"] if item["spec"]["target"]["name"] == name]
    assert external["spec"]["dataFrom"] == [{"extract": {"key": "backups"}}]
    template = external["spec"]["target"]["template"]
    assert template["mergePolicy"] == "Merge"
    data: Object = template["data"]
    return data


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"app_user": 1001, "app_fs_group": 1003}, {"runAsUser": 1001, "runAsGroup": 1001, "fsGroup": 1003}),
        ({"app_root": True}, {"runAsUser": 0}),
        (
            {"app_root": True, "app_env": {"PUID": "1000", "PGID": 100}},
            {"runAsUser": 1000, "runAsGroup": 100, "fsGroup": 100},
        ),
        ({"app_root": True, "app_env": {"PUID": "me"}}, {"runAsUser": 0}),
    ],
    ids=["an own user", "root", "the user that root gives files to", "no number"],
)
@needs("flux-build")
@pytest.mark.full
def test_files_are_read_by_the_user_whose_they_are(
    home_with: Callable[..., Home], answers: dict[str, Any], expected: dict[str, int]
) -> None:
    for source in with_films(home_with, dict(TO_S3), **answers)["ReplicationSource"]:
        context = source["spec"]["restic"]["moverSecurityContext"]
        assert {name: context[name] for name in ("runAsUser", "runAsGroup", "fsGroup") if name in context} == expected


@needs("flux-build")
@pytest.mark.full
def test_apps_are_backed_up_at_night_and_not_all_at_once(home_with: Callable[..., Home]) -> None:
    home = home_with(**TO_S3)
    schedules = set()
    for number in range(8):
        home.add("app", f"kubernetes/apps/media/app-{number}", **BACKED_UP)
        for item in Repository(home.root, TO_S3).app[f"app-{number}"].objects:
            if is_kind(item, "ReplicationSource"):
                schedules.add(item["spec"]["trigger"]["schedule"])
    assert len(schedules) > 5
    for schedule in schedules:
        minute, hour, *rest = schedule.split()
        assert 0 <= int(minute) < 60 and 1 <= int(hour) < 5 and rest == ["*", "*", "*"]


@needs("flux-build")
def test_only_who_says_so_is_backed_up(home_with: Callable[..., Home]) -> None:
    home = home_with(**TO_S3)
    home.add("app", FILMS, **TWO_VOLUMES)
    home.add("app", "kubernetes/apps/media/web", **IMAGE)
    assert home.answers(FILMS)["app_backup"] is False
    assert "app_backup" not in home.answers("kubernetes/apps/media/web"), "it has nothing to back up"
    assert not list((home.root / "kubernetes/apps/media").rglob("backup.yaml"))


def test_a_cluster_without_backups_does_not_ask(home: Home) -> None:
    home.add("app", FILMS, **TWO_VOLUMES)
    assert "app_backup" not in home.answers(FILMS)
    assert home.answers(FILMS)["backups"] == "none"


def test_a_restricted_namespace_can_not_back_up_to_nfs(home_with: Callable[..., Home]) -> None:
    home = home_with(**TO_NFS)
    home.add("namespace", "kubernetes/apps/media", ns_pod_security="restricted")
    with pytest.raises(Exception, match="restricted, which allows no NFS volumes, and the cluster's backups go to one"):
        home.add("app", FILMS, **BACKED_UP)


@needs("kube-apiserver", "flux-build")
@pytest.mark.parametrize("level", ["baseline", "restricted"])
@pytest.mark.parametrize("place", [TO_S3, TO_NFS], ids=lambda place: place["backups"])
def test_pod_security_lets_the_movers_in(
    home_with: Callable[..., Home], server: ApiServer, level: str, place: dict[str, str]
) -> None:
    roots: list[dict[str, Any]] = (
        [{}] if level == "restricted" else [{}, {"app_root": True}, {"app_root": True, "app_env": {"PUID": "1000"}}]
    )
    home = home_with(**place)
    for number, answers in enumerate(roots):
        home.add("app", f"kubernetes/apps/media/app-{number}", **BACKED_UP | answers)
    applied = flux.reconcile(Repository(home.root, place))
    sources = [item for n in range(len(roots)) for item in applied[f"app-{n}"] if is_kind(item, "ReplicationSource")]
    assert len(sources) == 2 * len(roots)
    refused = level == "restricted" and place is TO_NFS
    for source in sources:
        assert bool(server.objection_to_pod(mover(source, "media"), "media", level)) is refused


@pytest.mark.parametrize("answers", [{**TO_S3, "secrets_backend": "sops"}, dict(TO_NFS)], ids=["sops", "onepassword"])
@pytest.mark.full
def test_the_keys_are_those_that_task_init_asks_for(home_with: Callable[..., Home], answers: dict[str, str]) -> None:
    home = home_with(**answers)
    home.add("app", FILMS, **BACKED_UP)
    inventory = Repository(home.root, answers).documents("bootstrap/secrets.yaml")[0]["secrets"]
    [entry] = [secret for secret in inventory if secret["name"] == "backups"]
    text = home.text(f"{FILMS}/app/backup.yaml")
    if "item" in entry:
        assert f"key: {entry['item']}\n" in text
    else:
        assert all(f"${{{key['name']}#" in text for key in entry["keys"])


def test_every_cluster_of_the_generators_tests_backs_up_somewhere_else() -> None:
    pairs = {(c.get("secrets_backend", "onepassword"), c["backups"]) for c in CLUSTERS.values() if "backups" in c}
    assert pairs >= set(itertools.product(("onepassword", "sops"), ("s3", "nfs")))


@pytest.mark.parametrize("answers", [dict(TO_S3), {**TO_NFS, "secrets_backend": "sops"}], ids=["s3", "nfs with sops"])
@pytest.mark.full
def test_the_clusters_own_check_finds_nothing(home_with: Callable[..., Home], answers: dict[str, str]) -> None:
    home = home_with(**answers)
    home.add("app", FILMS, **BACKED_UP)
    done = subprocess.run([*TALOS_FLUX, "check"], cwd=home.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tasks_are_there_only_with_backups(render: Renderer) -> None:
    def tasks(cluster: Path) -> set[str]:
        return set(yaml.safe_load((cluster / ".taskfiles/backup/Taskfile.yaml").read_text())["tasks"])

    assert tasks(render(TO_S3)) == {"keys", "list", "now", "restore"}
    assert tasks(render({})) == {"keys"}
