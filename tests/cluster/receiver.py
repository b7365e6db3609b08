"""Flux' notification-controller with an API server on loopback.

    python -m tests.cluster.receiver FOLDER PID

keeps them running in FOLDER until process PID is gone.
"""

import os
import sys
from pathlib import Path
from typing import Any

from tests.support import apiserver, crds, processes
from tests.support.apiserver import ApiServer
from tests.support.processes import Processes


def running(folder: Path) -> tuple[ApiServer, int]:
    """Run both in `folder` for this process; return a client of the API server, and the port for webhooks."""
    folder.mkdir(parents=True, exist_ok=True)
    access = processes.running(__name__, folder, os.getpid())
    port = access.pop("webhooks")
    return ApiServer(**access), port


def _bring_up(started: Processes) -> dict[str, Any]:
    definitions = [item for item in crds.definitions() if item["spec"]["group"].endswith(".toolkit.fluxcd.io")]
    server, access = apiserver.start(started, ["MutatingAdmissionWebhook", "ValidatingAdmissionWebhook"], definitions)
    kubeconfig = started.folder / "kubeconfig"
    kubeconfig.write_text(server.kubeconfig())
    home = started.scratch / "notification-controller"
    home.mkdir()
    webhooks, events, health = processes.free_ports(3)
    started.start(
        "notification-controller",
        "--log-level=info",
        "--log-encoding=json",
        f"--receiverAddr=127.0.0.1:{webhooks}",
        f"--events-addr=127.0.0.1:{events}",
        f"--health-addr=127.0.0.1:{health}",
        "--metrics-addr=127.0.0.1:0",
        environment={
            "KUBECONFIG": str(kubeconfig),
            "RUNTIME_NAMESPACE": "flux-system",
            "HOME": str(home),
            "TMPDIR": str(home),
        },
    )
    return {**access, "webhooks": webhooks}


if __name__ == "__main__":
    processes.keep(Path(sys.argv[1]), int(sys.argv[2]), _bring_up)
