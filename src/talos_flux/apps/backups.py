"""Backups of an app's volumes: VolSync's objects in the cluster, and the workloads that write to the volumes."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from talos_flux import kubectl
from talos_flux.errors import UserError
from talos_flux.kubectl import Object
from talos_flux.paths import KUBECONFIG, ROOT
from talos_flux.process import ToolError

SOURCES = "replicationsources.volsync.backube"
DESTINATIONS = "replicationdestinations.volsync.backube"
KUSTOMIZATIONS = "kustomizations.kustomize.toolkit.fluxcd.io"
HELM_RELEASES = "helmreleases.helm.toolkit.fluxcd.io"
# The fields of restic that a restore copies from its ReplicationSource.
SHARED = (
    "repository",
    "customCA",
    "cacheAccessModes",
    "cacheCapacity",
    "cacheStorageClassName",
    "moverAffinity",
    "moverPodLabels",
    "moverResources",
    "moverSecurityContext",
    "moverServiceAccount",
    "moverVolumes",
)
# Whose fields Flux keeps.
FLUX = "flux"
VOLSYNC = ("storage", "volsync")
EVERY = 2.0
# Seconds for a backup or restore: a terabyte from a remote store takes a day.
PATIENCE = 24 * 3600
TO_END = 300


@dataclass(frozen=True)
class Backup:
    """A volume that is backed up: a ReplicationSource with restic."""

    namespace: str
    name: str
    claim: str
    restic: Object
    status: Object

    def __str__(self) -> str:
        return f"{self.namespace}/{self.claim}"

    @property
    def last(self) -> str:
        """Return in words when it last succeeded."""
        last_sync = self.status.get("lastSyncTime")
        return f"last backed up {in_words(moment(last_sync))}" if last_sync else "not backed up by this cluster yet"


def refuse_without_backups() -> None:
    """Raise UserError when the repository has no VolSync, which only the answer `backups` brings."""
    if not ROOT.joinpath("kubernetes/apps", *VOLSYNC, "ks.yaml").is_file():
        raise UserError(
            "this cluster backs nothing up, as its answer `backups` is none: "
            "`task update -- --data backups=s3 --data backup_s3_url=<bucket>` lets it, or backups=nfs with backup_nfs."
        )


def backups_of(namespace: str, app: str, volume: str = "") -> list[Backup]:
    """Return the app's backups, or that of one volume, by the claim's name or its suffix; UserError without one."""
    if not KUBECONFIG.is_file():
        raise UserError("kubeconfig is missing: `task kubeconfig` fetches it, once `task bootstrap:talos` has run.")
    items = kubectl.listed(SOURCES, namespace, selector=f"kustomize.toolkit.fluxcd.io/name={app}")
    backups = [
        Backup(
            namespace,
            item["metadata"]["name"],
            item["spec"]["sourcePVC"],
            item["spec"]["restic"],
            item.get("status") or {},
        )
        for item in items
        if "restic" in item["spec"]
    ]
    if not backups:
        raise UserError(
            f"{namespace}/{app} has no backup in the cluster: "
            "`copier update --defaults --data app_backup=true` in its folder "
            "adds one, or Flux has not applied it yet."
        )
    selected = [backup for backup in backups if volume in ("", backup.claim, backup.claim.removeprefix(f"{app}-"))]
    if not selected:
        names = ", ".join(backup.claim.removeprefix(f"{app}-") for backup in backups)
        raise UserError(f"{namespace}/{app} has no volume {volume} that is backed up; it has {names}.")
    return selected


# --- Time ---


def moment(text: str) -> datetime:
    """Return a time; one without a zone is local time. UserError when it can't be parsed."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise UserError(f"{text} is no time: write 2026-11-20, 2026-11-20T03:00 or 2026-11-20T03:00:00Z.") from None


def as_kubernetes_writes(time_: datetime) -> str:
    """Return a time in RFC 3339, in UTC."""
    return time_.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_words(time_: datetime) -> str:
    """Return a time for people to read, in local time."""
    return time_.astimezone().strftime("%Y-%m-%d %H:%M")


def now() -> str:
    """Return the current time as a part of a name."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


# --- Writers to the volumes ---


@dataclass(frozen=True)
class Writer:
    """A workload that mounts a volume, or a Flux object that would start it again; `off` and `on` are its fields."""

    kind: str
    namespace: str
    name: str
    off: Object
    on: Object

    def __str__(self) -> str:
        return f"{self.kind.partition('.')[0]} {self.namespace}/{self.name}"

    def stop(self) -> None:
        """Suspend it, or scale it to zero."""
        kubectl.patch(self.kind, self.namespace, self.name, {"spec": self.off}, manager=FLUX)

    def start(self) -> None:
        """Set its fields to what they were."""
        kubectl.patch(self.kind, self.namespace, self.name, {"spec": self.on}, manager=FLUX)


def writers(namespace: str, app: str, claims: Iterable[str]) -> list[Writer]:
    """Return what has to stop while the volumes are overwritten, in the order of stopping: Flux first."""
    owned = f"kustomize.toolkit.fluxcd.io/name={app}"
    workloads = [
        Writer(kind, item["metadata"]["namespace"], item["metadata"]["name"], {"suspend": True}, {"suspend": None})
        for kind, items in (
            (KUSTOMIZATIONS, [kubectl.get(KUSTOMIZATIONS, "flux-system", app)]),
            (HELM_RELEASES, kubectl.listed(HELM_RELEASES, namespace, selector=owned)),
        )
        for item in items
        if not item["spec"].get("suspend")
    ]
    mounted = set(claims)
    for kind in ("deployments", "statefulsets"):
        workloads += [
            Writer(kind, namespace, item["metadata"]["name"], {"replicas": 0}, {"replicas": item["spec"]["replicas"]})
            for item in kubectl.listed(kind, namespace)
            if item["spec"].get("replicas") and mounted & claims_of_workload(item)
        ]
    workloads += [
        Writer("cronjobs", namespace, item["metadata"]["name"], {"suspend": True}, {"suspend": False})
        for item in kubectl.listed("cronjobs", namespace)
        if not item["spec"].get("suspend") and mounted & claims_of(item["spec"]["jobTemplate"]["spec"]["template"])
    ]
    return workloads


def claims_of(pod: Object) -> set[str]:
    """Return the claims that a pod mounts."""
    volumes = pod["spec"].get("volumes") or []
    return {volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume}


def claims_of_workload(item: Object) -> set[str]:
    """Return the claims that a Deployment's or StatefulSet's pods mount, including those from volumeClaimTemplates."""
    made = [template["metadata"]["name"] for template in item["spec"].get("volumeClaimTemplates") or []]
    numbers = range(item["spec"].get("replicas") or 0)
    own = {f"{name}-{item['metadata']['name']}-{number}" for name in made for number in numbers}
    return claims_of(item["spec"]["template"]) | own


def wait_until_nothing_mounts(namespace: str, claims: Iterable[str]) -> None:
    """Wait until no running pod mounts the claims; UserError when a pod does not end."""
    mounted = set(claims)
    until = time.monotonic() + TO_END
    while True:
        running = [
            pod["metadata"]["name"]
            for pod in kubectl.listed("pods", namespace)
            if mounted & claims_of(pod) and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        ]
        if not running:
            return
        if time.monotonic() > until:
            raise UserError(f"{', '.join(running)} still use{'s' if len(running) == 1 else ''} the volume.")
        time.sleep(EVERY)


# --- List ---


@dataclass(frozen=True)
class ResticSnapshot:
    """A restic snapshot of a volume."""

    time: datetime
    id: str
    size: int

    def __str__(self) -> str:
        # Rounded up to whole seconds, so that as AS_OF it selects this snapshot.
        local = (self.time + timedelta(microseconds=999_999)).astimezone()
        return f"{local:%Y-%m-%dT%H:%M:%S}  {self.id}  {self.size / 1e6:10.1f} MB"


def snapshots_of(backup: Backup) -> list[ResticSnapshot]:
    """Return restic's snapshots of a volume, the oldest first; UserError when they can't be listed.

    A temporary pod lists them.
    """
    pod = lister(backup)
    name = pod["metadata"]["name"]
    kubectl.delete("pods", backup.namespace, [name])
    kubectl.create(pod)
    try:
        succeeded = has_succeeded(backup.namespace, name)
        logs = kubectl.logs(backup.namespace, name)
    finally:
        kubectl.delete("pods", backup.namespace, [name])
    listing = next((line for line in logs.splitlines() if line.startswith("[")), "")
    if not succeeded or not listing:
        raise UserError(f"restic can't list {backup}: {' '.join(logs.split()) or 'it gave no reason'}")
    snapshots = (
        ResticSnapshot(
            moment(item["time"]), item["short_id"], (item.get("summary") or {}).get("total_bytes_processed", 0)
        )
        for item in json.loads(listing)
    )
    return sorted(snapshots, key=lambda snapshot: snapshot.time)


def lister(backup: Backup) -> Object:
    """Return the pod that lists snapshots, with the permissions of VolSync's mover, and without the volume."""
    folders = {f"folder-{number}": folder for number, folder in enumerate(backup.restic.get("moverVolumes") or [])}
    mounts = [{"name": name, "mountPath": f"/mnt/{folder['mountPath']}"} for name, folder in folders.items()]
    container = {
        "name": "restic",
        "image": image_of_restic(),
        "command": ["restic", "snapshots", "--json", "--no-lock", "--no-cache"],
        "envFrom": [{"secretRef": {"name": backup.restic["repository"]}}],
        "resources": backup.restic.get("moverResources") or {},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, *mounts],  # noqa: S108, in the pod
    }
    volumes = [{"name": name, **folder["volumeSource"]} for name, folder in folders.items()]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{backup.name}-list", "namespace": backup.namespace},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": backup.restic.get("moverSecurityContext") or {},
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}, *volumes],
        },
    }


def image_of_restic() -> str:
    """Return the image that VolSync runs restic from; UserError when its Deployment does not name it."""
    deployment = kubectl.get("deployments", *VOLSYNC)
    arguments = [
        word
        for container in deployment["spec"]["template"]["spec"]["containers"]
        for word in container.get("args") or []
    ]
    option = "--restic-container-image="
    image = next((word.removeprefix(option) for word in arguments if word.startswith(option)), "")
    if not image:
        raise UserError(f"the Deployment {'/'.join(VOLSYNC)} does not say which image it runs restic from.")
    return image


def has_succeeded(namespace: str, name: str) -> bool:
    """Return whether a pod succeeds, once it has ended; UserError when it does not end."""
    until = time.monotonic() + TO_END
    while time.monotonic() < until:
        status = kubectl.get("pods", namespace, name).get("status") or {}
        if status.get("phase") in ("Succeeded", "Failed"):
            return bool(status["phase"] == "Succeeded")
        time.sleep(EVERY)
    waiting = [entry.get("state", {}).get("waiting") or {} for entry in status.get("containerStatuses") or []]
    reasons = " ".join(f"{entry['reason']}: {entry.get('message', '')}" for entry in waiting if "reason" in entry)
    raise UserError(f"the pod {namespace}/{name} does not end: {reasons.strip() or 'no node has started it'}")


# --- Back up, restore ---


def back_up(backup: Backup) -> None:
    """Back up now, apart from the schedule; ToolError or UserError when it fails. The trigger is removed again."""
    trigger = f"by-hand-{now()}"
    known = mover_status(backup.status)
    kubectl.patch(SOURCES, backup.namespace, backup.name, {"spec": {"trigger": {"manual": trigger}}})
    try:
        wait_for(SOURCES, backup.namespace, backup.name, trigger, known)
    finally:
        kubectl.patch(SOURCES, backup.namespace, backup.name, {"spec": {"trigger": {"manual": None}}})


def restore(backup: Backup, as_of: datetime | None) -> None:
    """Restore the volume; nothing may write to it meanwhile. UserError when there is no such backup."""
    trigger = now()
    name = f"{backup.name}-restore"
    restic = {key: backup.restic[key] for key in SHARED if key in backup.restic}
    restic |= {"destinationPVC": backup.claim, "copyMethod": "Direct", "enableFileDeletion": True}
    if as_of:
        restic["restoreAsOf"] = as_kubernetes_writes(as_of)
    destination = {
        "apiVersion": "volsync.backube/v1alpha1",
        "kind": "ReplicationDestination",
        "metadata": {"name": name, "namespace": backup.namespace},
        "spec": {"trigger": {"manual": trigger}, "restic": restic},
    }
    kubectl.delete(DESTINATIONS, backup.namespace, [name])
    kubectl.create(destination)
    try:
        logs = wait_for(DESTINATIONS, backup.namespace, name, trigger)
    finally:
        kubectl.delete(DESTINATIONS, backup.namespace, [name])
    if "No eligible snapshots" in logs:
        when = f" of {in_words(as_of)} or before" if as_of else ""
        raise UserError(f"{backup} has no backup{when}: it was left as it is.")


def mover_status(status: Object) -> Object:
    """Return VolSync's status of the last run."""
    return status.get("latestMoverStatus") or {}


def wait_for(kind: str, namespace: str, name: str, trigger: str, known: Object | None = None) -> str:
    """Wait until VolSync has done what the trigger asks for; return its log.

    UserError when it reports a failure, unless that failure is `known` from before.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        status = kubectl.get(kind, namespace, name).get("status") or {}
        mover = mover_status(status)
        logs = str(mover.get("logs") or "")
        if status.get("lastManualSync") == trigger:
            return logs
        if mover.get("result") == "Failed" and mover != known:
            raise UserError(f"{namespace}/{name} failed: {' '.join(logs.split()) or 'VolSync gave no reason'}")
        time.sleep(EVERY)
    raise ToolError(["volsync", name], "it did not end within a day")
