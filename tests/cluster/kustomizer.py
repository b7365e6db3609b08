"""An API server and Flux' kustomize-controller, nothing else: for what Flux does with objects, not what they do.

    python -m tests.cluster.kustomizer FOLDER PID

keeps them running in FOLDER until process PID is gone.
"""

import sys
from pathlib import Path
from typing import Any

from tests.cluster import controlplane
from tests.support import apiserver, crds, processes
from tests.support.apiserver import ApiServer
from tests.support.processes import Processes

# Nobody is there to let a claim that is deleted go, nor to make service accounts.
WITHOUT = ["ServiceAccount", "StorageObjectInUseProtection"]


def running(folder: Path, owner: int) -> ApiServer:
    """Run a separate pair in `folder`, and return its API server."""
    return ApiServer(**processes.running(__name__, folder, owner))


def _bring_up(started: Processes) -> dict[str, Any]:
    definitions = [item for item in crds.definitions() if item["spec"]["group"].endswith(".fluxcd.io")]
    server, access = apiserver.start(started, WITHOUT, definitions)
    (started.folder / "kubeconfig").write_text(server.kubeconfig())
    controlplane.start_flux(started, {"kustomize-controller": ["--concurrent=20"]})
    return access


if __name__ == "__main__":
    processes.keep(Path(sys.argv[1]), int(sys.argv[2]), _bring_up)
