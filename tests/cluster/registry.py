"""An OCI registry on loopback, for charts.

    python -m tests.cluster.registry FOLDER PID

keeps one running in FOLDER until process PID is gone.
"""

import http.client
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.support import processes, tools
from tests.support.processes import Processes


def running(folder: Path, owner: int) -> str:
    """Run a registry, and return its address as host:port."""
    return str(processes.running(__name__, folder, owner)["address"])


def push(address: str, path: str, archive: bytes, folder: Path) -> None:
    """Push a packaged chart to <address>/<path>/<its name>."""
    file = folder / "chart.tgz"
    file.write_bytes(archive)
    tools.run("helm", "push", file, f"oci://{address}/{path}", "--plain-http")


def _bring_up(started: Processes) -> dict[str, Any]:
    [port] = processes.free_ports(1)
    address = f"127.0.0.1:{port}"
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(started.scratch / "registry")}},
        "http": {"addr": address},
    }
    (started.folder / "config.yaml").write_text(yaml.safe_dump(config))
    started.start("registry", "serve", str(started.folder / "config.yaml"))

    def answers() -> bool:
        connection = http.client.HTTPConnection(address, timeout=5)
        connection.request("GET", "/v2/")
        return connection.getresponse().status == http.HTTPStatus.OK

    started.wait_until(answers)
    return {"address": address}


if __name__ == "__main__":
    processes.keep(Path(sys.argv[1]), int(sys.argv[2]), _bring_up)
