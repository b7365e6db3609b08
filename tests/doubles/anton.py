"""A configured cluster whose machines are on loopback addresses."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.doubles.factory import image_factory
from tests.doubles.machines import Machines, machine, network, running
from tests.doubles.workplace import Workplace, environment, set_up
from tests.support.apiserver import ApiServer


@dataclass
class Home:
    """A configured cluster and the first three bytes of its nodes' addresses."""

    workplace: Workplace
    network: str

    def address(self, last: int) -> str:
        return f"{self.network}.{last}"

    def copy(self, folder: Path) -> "Home":
        """Copy the cluster to a folder of its own."""
        return Home(self.workplace.copy(folder), self.network)


def configured(folder: Path, rendered: Path) -> Home:
    """Set up a cluster on loopback addresses: init, push and configure."""
    home = Home(set_up(folder, rendered), network())
    for path in (home.workplace.root / "talos").rglob("*.yaml"):
        path.write_text(path.read_text().replace("192.168.1.", f"{home.network}."))
    with image_factory() as factory:
        home.workplace.extra["IMAGE_FACTORY_URL"] = factory.url
        home.workplace.succeeds("init")
        home.workplace.push()
        home.workplace.succeeds("configure")
        home.workplace.push()
    return home


def talosctl(home: Home, *words: str | Path) -> str:
    """Run the real talosctl with the cluster's keys, and return its output."""
    return subprocess.run(
        ["talosctl", *map(str, words)],
        cwd=home.workplace.root,
        env=environment() | {"TALOSCONFIG": str(home.workplace.root / "talos/clusterconfig/talosconfig")},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def use(home: Home, server: ApiServer) -> None:
    """Write the real API server's kubeconfig to the checkout; the cluster's nodes have registered there."""
    home.workplace.write("kubeconfig", server.kubeconfig("admin@anton"))


class installed:
    """Machines by the last byte of their addresses, which run the cluster; `new` ones wait to be installed.

    `changes` are to the new ones, or where there are none, to all.
    """

    def __init__(self, home: Home, folder: Path, *last: int, new: tuple[int, ...] = (), **changes: Any) -> None:
        self.home, self.last = home, last
        waiting = [machine(home.address(one), **changes) for one in new]
        changes = {} if new else changes
        self.running = running(folder, [*(machine(home.address(one), **changes) for one in last), *waiting])

    def __enter__(self) -> Machines:
        machines = self.running.__enter__()
        for number, last in enumerate(self.last, 1):
            file = f"talos/clusterconfig/k8s-{number}.yaml"
            talosctl(self.home, "apply-config", "--insecure", "--nodes", self.home.address(last), "--file", file)
        address = self.home.address(self.last[0])
        talosctl(self.home, "bootstrap", "--nodes", address, "--endpoints", address)
        return machines

    def __exit__(self, *error: Any) -> None:
        self.running.__exit__(*error)
