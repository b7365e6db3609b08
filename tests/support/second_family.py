"""A control plane of IPv4 that starts anew with IPv6 beside it, as Talos' does with another KubeNetworkConfig.

    python -m tests.support.second_family FOLDER PID

keeps it running in FOLDER until process PID is gone. FOLDER/networks.json holds the KubeNetworkConfig.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.support import apiserver, processes
from tests.support.apiserver import ApiServer
from tests.support.processes import Processes
from tests.support.repository import Object

NETWORKS = "networks.json"
NODE: Object = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "k8s-1"}, "spec": {}}
SERVICE: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"ports": [{"port": 80}]},
}
PODS_OF_THE_NODE = "10.42.0.0/24"


def running(folder: Path, owner: int, networks: Object) -> ApiServer:
    """Run it in `folder`: a Node and a Service in it are from before."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NETWORKS).write_text(json.dumps(networks))
    return ApiServer(**processes.running(__name__, folder, owner))


def _bring_up(started: Processes) -> dict[str, Any]:
    folder = started.folder
    networks = json.loads((folder / NETWORKS).read_text())
    disabled = ["ServiceAccount"]
    first = Processes(folder)
    try:
        server, _ = apiserver.start(first, disabled)
        pods = {"podCIDR": PODS_OF_THE_NODE, "podCIDRs": [PODS_OF_THE_NODE]}
        server.call("POST", server.path_of(NODE), {**NODE, "spec": pods})
        processes.wait_until(lambda: server.call("POST", server.path_of(SERVICE), SERVICE))
    finally:
        first.end(keep=True)
    # The first network stays: Kubernetes takes no other one.
    server = apiserver.run(started, disabled, f"{apiserver.SERVICE_NETWORK},{networks['serviceSubnets'][1]}")
    (folder / "kubeconfig").write_text(server.kubeconfig())
    # What Talos 1.14 gives it: internal/app/machined/pkg/controllers/k8s/control_plane_final.go.
    started.start(
        "kube-controller-manager",
        f"--kubeconfig={folder / 'kubeconfig'}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={processes.free_ports(1)[0]}",
        "--controllers=node-ipam-controller,service-cidr-controller",
        "--allocate-node-cidrs=true",
        "--configure-cloud-routes=false",
        f"--cluster-cidr={','.join(networks['podSubnets'])}",
        f"--service-cluster-ip-range={','.join(networks['serviceSubnets'])}",
        "--node-cidr-mask-size-ipv4=24",
        "--node-cidr-mask-size-ipv6=64",
    )
    return {"port": server.port, "certificate": str(folder / apiserver.CERTIFICATE)}


if __name__ == "__main__":
    processes.keep(Path(sys.argv[1]), int(sys.argv[2]), _bring_up)
