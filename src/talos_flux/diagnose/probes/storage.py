"""The check of storage classes and claims."""

from collections.abc import Iterator

from talos_flux.diagnose.pod_problems import is_old
from talos_flux.diagnose.problem import CheckResult, Level, Problem
from talos_flux.kube.accessors import Object, is_being_deleted, name_of, namespace_of, spec_of, status_of
from talos_flux.kube.kinds import CLAIM, POD, STORAGE_CLASS
from talos_flux.kube.snapshot import Snapshot

DEFAULT = "storageclass.kubernetes.io/is-default-class"
FIRST_CONSUMER = "WaitForFirstConsumer"


def storage(snapshot: Snapshot, namespace: str = "") -> CheckResult:
    """Check storage classes and claims."""
    classes = {str(item["metadata"]["name"]): item for item in snapshot.of(STORAGE_CLASS)}
    defaults = [
        name for name, item in classes.items() if (item["metadata"].get("annotations") or {}).get(DEFAULT) == "true"
    ]
    claims = list(snapshot.of(CLAIM, namespace=namespace))
    problems = [problem for claim in claims for problem in of_claim(claim, classes, snapshot)]
    if len(defaults) > 1:
        text = "are all the default, so the newest of them is taken"
        problems.append(Problem(Level.WARNING, f"StorageClasses {', '.join(sorted(defaults))}", text))
    elif STORAGE_CLASS in snapshot.objects and not defaults and any(map(takes_the_default, claims)):
        problems.append(Problem(Level.WARNING, "StorageClass", "none is the default, and a claim names none"))
    return CheckResult(
        "storage", f"{len(claims)} claims, classes: {', '.join(sorted(classes)) or 'none'}", tuple(problems)
    )


def of_claim(claim: Object, classes: dict[str, Object], snapshot: Snapshot) -> Iterator[Problem]:
    """Yield a problem for a claim that is not bound, or whose volume is gone.

    One that no pod mounts may wait for its first user.
    """
    phase = status_of(claim).get("phase", "Pending")
    if phase == "Bound" or is_being_deleted(claim):
        return
    name = str(spec_of(claim).get("storageClassName") or "")
    namespace = namespace_of(claim)
    subject = f"PersistentVolumeClaim {name_of(claim)}"
    command = f"kubectl --namespace {namespace} describe pvc {claim['metadata']['name']}"
    if phase == "Lost":
        yield Problem(Level.CRITICAL, subject, "has lost its volume, and the data with it", namespace, command)
    elif STORAGE_CLASS in snapshot.objects and name and name not in classes:
        text = f"waits for the storage class {name}, which is not there"
        yield Problem(Level.CRITICAL, subject, text, namespace, command)
    elif is_waited_for(claim, snapshot):
        yield Problem(Level.CRITICAL, subject, "is not bound, and a pod waits for it", namespace, command)
    elif is_old(claim) and name in classes and classes[name].get("volumeBindingMode") != FIRST_CONSUMER:
        yield Problem(Level.WARNING, subject, "is not bound", namespace, command)


def takes_the_default(claim: Object) -> bool:
    """Return whether a claim leaves its storage class open. An empty name does not: it asks for no class."""
    return spec_of(claim).get("storageClassName") is None


def is_waited_for(claim: Object, snapshot: Snapshot) -> bool:
    """Return whether a pod that is no longer new mounts a claim."""
    name = claim["metadata"]["name"]
    return any(
        (volume.get("persistentVolumeClaim") or {}).get("claimName") == name
        for pod in snapshot.of(POD, namespace=namespace_of(claim))
        if is_old(pod)
        for volume in spec_of(pod).get("volumes") or []
    )
