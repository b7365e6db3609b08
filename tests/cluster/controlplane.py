"""etcd, the API server, its controllers, the scheduler, kwok's fake nodes, and Flux' two that apply things.

    python -m tests.cluster.controlplane FOLDER PID

keeps them running in FOLDER until process PID is gone. FOLDER/wanted.json holds the Flux controllers' arguments.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.support import apiserver, crds, modules, processes, tools
from tests.support.apiserver import ApiServer
from tests.support.processes import Processes
from tests.support.repository import Object, Repository, is_kind, parse

KWOK = "sigs.k8s.io/kwok@v0.8.0"
FLUX_OPERATOR = "github.com/controlplaneio-fluxcd/flux-operator@v0.58.1"
FLUX = ("kustomize-controller", "helm-controller")
# A pod starts once the kubelet, which `actors` plays, has found all that it mounts and reads.
COMPLETE = "cluster.test/complete"
WANTED = "wanted.json"


def running(folder: Path, owner: int, flags: dict[str, list[str]]) -> ApiServer:
    """Run a separate control plane in `folder`, with these arguments for the Flux controllers."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WANTED).write_text(json.dumps(flags))
    return ApiServer(**processes.running(__name__, folder, owner))


def flux_flags(repository: Repository) -> dict[str, list[str]]:
    """Return the arguments that the cluster's flux-instance gives each Flux controller, including those of its size."""
    release = repository.documents("kubernetes/apps/flux-system/flux-instance/app/helmrelease.yaml")[0]
    instance = release["spec"]["values"]["instance"]
    size = instance["cluster"]["size"].title()
    source = (modules.folder(FLUX_OPERATOR) / "internal/builder/profiles.go").read_text()
    profile = re.search(rf"^const profileClusterSize{size} = `(.*?)`", source, re.DOTALL | re.MULTILINE)
    if not profile:
        raise ValueError(f"{FLUX_OPERATOR} knows no size {size}")
    patches = yaml.safe_load(profile[1]) + instance["kustomize"]["patches"]
    return {name: [flag for patch in patches for flag in _flags(patch, name)] for name in FLUX}


def _flags(patch: Object, controller: str) -> list[str]:
    """Return the arguments that a patch adds to a controller's Deployment."""
    target = patch["target"]
    if target["kind"] != "Deployment" or not re.fullmatch(target.get("name", ".*"), controller):
        return []
    operations = yaml.safe_load(patch["patch"])
    if not isinstance(operations, list):
        return []
    return [operation["value"] for operation in operations if operation["path"].endswith("/args/-")]


def _bring_up(started: Processes) -> dict[str, Any]:
    folder = started.folder
    server, access = apiserver.start(
        started,
        # The pods behind them are fake.
        disable=["MutatingAdmissionWebhook", "ValidatingAdmissionWebhook"],
        definitions=[item for item in crds.definitions() if item["spec"]["group"].endswith(".toolkit.fluxcd.io")],
    )
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(server.kubeconfig())
    controllers, scheduler, kwok = processes.free_ports(3)
    common = (f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--bind-address=127.0.0.1")
    started.start(
        "kube-controller-manager",
        *common,
        f"--secure-port={controllers}",
        f"--service-account-private-key-file={folder / 'service-account.key'}",
    )
    started.start("kube-scheduler", *common, f"--secure-port={scheduler}")
    (folder / "stages.yaml").write_text(yaml.safe_dump_all(_stages()))
    started.start(
        "kwok",
        f"--kubeconfig={kubeconfig}",
        f"--config={folder / 'stages.yaml'}",
        "--manage-all-nodes=true",
        # Without leases pods turn unready after half a minute.
        "--node-lease-duration-seconds=40",
        f"--server-address=127.0.0.1:{kwok}",
    )
    start_flux(started, json.loads((folder / WANTED).read_text()))
    return access


def start_flux(started: Processes, flags: dict[str, list[str]]) -> None:
    """Start Flux controllers with these arguments, and a home of their own each; the folder has a kubeconfig."""
    for name, own in flags.items():
        home = started.scratch / name
        home.mkdir(parents=True)
        started.start(
            name,
            "--watch-all-namespaces=true",
            "--log-level=info",
            "--log-encoding=json",
            "--events-addr=",
            "--metrics-addr=127.0.0.1:0",
            "--health-addr=127.0.0.1:0",
            *own,
            environment={
                "KUBECONFIG": str(started.folder / "kubeconfig"),
                "RUNTIME_NAMESPACE": "flux-system",
                "HOME": str(home),
                "TMPDIR": str(home),
            },
        )


def _stages() -> list[Object]:
    """kwok's own fast ones, except that a pod waits for what it mounts and reads."""
    stages = parse(tools.run("kustomize", "build", modules.folder(KWOK) / "kustomize/stage/fast"))
    for stage in stages:
        if is_kind(stage, "Stage") and stage["metadata"]["name"] == "pod-ready":
            rule = {"key": f'.metadata.annotations["{COMPLETE}"]', "operator": "Exists"}
            stage["spec"]["selector"]["matchExpressions"].append(rule)
    return stages


if __name__ == "__main__":
    processes.keep(Path(sys.argv[1]), int(sys.argv[2]), _bring_up)
