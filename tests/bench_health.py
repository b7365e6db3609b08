"""What a look at a cluster takes, of 300 pods, 60 Kustomizations and 60 HelmReleases: `make bench`.

The API server is a real one. Beside each tool stands what only starts Python and asks for the same lists.
"""

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench_update import run
from tests.doubles.workplace import ANSWERS
from tests.support import apiserver
from tests.support.apiserver import ApiServer
from tests.support.render import Renderer, snapshot
from tests.support.repository import Object
from tests.support.wellness import NEVER, Wellness, ready

SCRIPTS = ("health", "deployments", "monitor")
PODS, APPS, TIMES = 300, 60, 7
COMMIT = "main@sha1:1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"
# Nothing but the lists.
FLOOR = """\
import asyncio
from talos_flux.kube import kinds
from talos_flux.kube.client import connected
from talos_flux.kube.snapshot import take

async def look():
    async with connected() as client:
        await take(client, (*kinds.CORE, *kinds.BROUGHT, *kinds.FLUX, kinds.WARNING))

asyncio.run(look())
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        home = prepared(work, Renderer(snapshot(work / "template"), work / "rendered")(ANSWERS))
        (home / "scripts/floor.py").write_text(FLOOR)
        print(f"{PODS} pods, {APPS} Kustomizations, {APPS} HelmReleases{'wall':>15}{'CPU':>9}{'memory':>10}   ratio")
        # etcd can't be asked here, which is exit code 3.
        floor = median(home, "floor")
        for script in SCRIPTS:
            wall, cpu, memory = median(home, script)
            print(f"{script:52}{wall:8.2f}s{cpu:8.2f}s{memory:6.0f} MiB{wall / floor[0]:8.1f}", flush=True)
        print(f"{'its floor: the same lists and nothing else':52}{floor[0]:8.2f}s{floor[1]:8.2f}s{floor[2]:6.0f} MiB")
    return 0


def prepared(work: Path, rendered: Path) -> Path:
    """Create a cluster's repository whose kubeconfig leads to a full server."""
    home = Path(shutil.copytree(rendered, work / "home"))
    server = apiserver.running(work / "server", os.getpid())
    (home / "kubeconfig").write_text(server.kubeconfig())
    fill(server)
    return home


def median(home: Path, script: str) -> list[float]:
    """Seconds, seconds of CPU and MiB."""
    found = [run(home, script=script, ends_with=(0, 3)) for _ in range(TIMES)]
    return [statistics.median(values) for values in zip(*found, strict=True)]


def fill(server: ApiServer) -> None:
    """Fill the server with a healthy cluster."""
    wellness = Wellness(server)
    wellness.bring(["k8s-1", "k8s-2", "k8s-3"])
    for number in range(PODS):
        wellness.pod(f"apps-{number % 12}", f"app-{number}-0", f"k8s-{number % 3 + 1}")
    artifact = {
        "digest": f"sha256:{'0' * 64}",
        "lastUpdateTime": NEVER,
        "path": "a",
        "url": "http://a",
        "revision": COMMIT,
    }
    spec: Object = {"url": "https://git.example.net/home.git", "interval": "1h"}
    source = named("source.toolkit.fluxcd.io/v1", "GitRepository", "flux-system", "flux-system")
    put(server, source | {"spec": spec}, artifact=artifact)
    for number in range(APPS):
        name = f"app-{number}"
        spec = {"interval": "1h", "prune": True, "path": f"./kubernetes/apps/{name}"}
        spec["sourceRef"] = {"kind": "GitRepository", "name": "flux-system"}
        app = named("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", name)
        put(server, app | {"spec": spec}, lastAppliedRevision=COMMIT)
        chart = {"kind": "OCIRepository", "name": "app-template", "namespace": "flux-system"}
        release = named("helm.toolkit.fluxcd.io/v2", "HelmRelease", f"apps-{number % 12}", name)
        put(server, release | {"spec": {"interval": "1h", "chartRef": chart}})


def named(version: str, kind: str, namespace: str, name: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def put(server: ApiServer, item: Object, **more: Any) -> None:
    """Create a Flux object that reports that it is ready."""
    server.has_namespace(item["metadata"]["namespace"])
    server.apply(item)
    status = ready(**more)
    for one in status["conditions"]:
        one |= {"reason": "Succeeded", "message": "Applied revision"}
    server.set_status(item, status)


if __name__ == "__main__":
    sys.exit(main())
