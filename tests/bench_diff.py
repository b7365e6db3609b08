"""What `task diff` takes for a pull request that raises three charts of sixty apps, beside flate alone: `make bench`.

Flate compares the same two trees, and prints what differs. The charts come from a registry on loopback, and are in the
caches of both before it counts.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster import registry
from tests.support import processes
from tests.support.chart_home import ChartHome, made
from tests.support.commands import TALOS_FLUX
from tests.support.proxy import Proxy, certificate_of_loopback
from tests.support.render import git

CHARTS = ("demo", "other", "third")
APPS, TIMES = 60, 5


def home_with_apps(folder: Path, address: str, with_tls: str) -> ChartHome:
    """Return a cluster whose last commit has the charts at 1.0.0, and whose work tree has them at 1.1.0."""
    home = made(folder, folder, address)
    for name in CHARTS:
        for version in ("1.0.0", "1.1.0"):
            home.push(version, name=name)
        home.add_source("1.0.0", url=f"oci://{with_tls}/{home.path}/{name}", name=name)
    for number in range(APPS):
        name = CHARTS[number % len(CHARTS)]
        chart = {"chartRef": {"kind": "OCIRepository", "name": name, "namespace": "flux-system"}}
        home.add_app(f"app-{number:02}", chart, args=["--quiet"])
    home.commit()
    for name in CHARTS:
        path = f"kubernetes/flux/meta/repos/{name}.yaml"
        home.write(path, home.read(path).replace("1.0.0", "1.1.0"))
    return home


def seconds(command: list[str], cwd: Path, environment: dict[str, str], marks: str) -> float:
    """Return how long a command takes; RuntimeError when what it prints has no `marks`."""
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - begun
    if marks not in done.stdout:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"
        )
    return took


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        address = registry.running(folder / "registry", os.getpid())
        certificate = certificate_of_loopback(folder)
        proxy = Proxy(int(address.rpartition(":")[2]), certificate=certificate)
        try:
            home = home_with_apps(folder / "home", address, f"127.0.0.1:{proxy.port}")
            caches = {"SSL_CERT_FILE": str(certificate), "XDG_CACHE_HOME": str(folder / "cache")}
            environment = os.environ | home.environment | caches
            before = folder / "before"
            git(home.root, "worktree", "add", "--quiet", "--detach", str(before))
            flate = [
                "flate", "diff", "all", f"--path={home.root}/kubernetes/flux/cluster",
                f"--path-orig={before}/kubernetes/flux/cluster", "--no-progress", "--log-level=error",
            ]  # fmt: skip
            ours, theirs = ([], [])
            for number in range(TIMES + 1):
                took = (
                    seconds(flate, home.root, environment, "1.1.0"),
                    seconds([*TALOS_FLUX, "diff", "HEAD"], home.root, environment, "1.1.0"),
                )
                # The first run of each fills the caches.
                if number:
                    theirs.append(took[0])
                    ours.append(took[1])
        finally:
            proxy.close()
            processes.stop(folder / "registry")
    ratios = sorted(mine / other for mine, other in zip(ours, theirs, strict=True))
    print(f"a pull request that raises {len(CHARTS)} charts of {APPS} apps, {TIMES} times each in turn, median seconds")
    print(f"flate diff all      {statistics.median(theirs):6.2f}")
    print(f"talos-flux diff     {statistics.median(ours):6.2f}   {statistics.median(ratios):.2f} times as long")
    return 0


if __name__ == "__main__":
    sys.exit(main())
