"""talos-flux bootstrap talos: install Talos on every node and start Kubernetes."""

import click

from talos_flux.cli.commands import subcommand, timeout_option
from talos_flux.errors import UserError
from talos_flux.repository.settings import inventory
from talos_flux.talos import config, preflight
from talos_flux.talos.bootstrap_etcd import start_etcd
from talos_flux.talos.machines import Poller
from talos_flux.talos.node_install import disks_to_wipe, fetch_kubeconfig, install, look_at
from talos_flux.talos.write_configs import post_schematics
from talos_flux.terminal import confirm, done


@subcommand()
@click.option("--yes", is_flag=True, help="Wipe the disks without asking.")
@timeout_option(20)
def command(timeout: float, *, yes: bool) -> None:
    """Install Talos on every node and start Kubernetes.

    Nodes that already run this cluster are left alone. What is lost on the disks is named before they are wiped.
    """
    preflight.refuse_unless_ready(preflight.BEFORE_BOOTSTRAP)
    cluster = inventory()
    if problem := config.why_the_rendered_configs_are_stale(cluster):
        raise UserError(problem)
    machines = look_at(cluster.nodes)
    new = [node for node, machine in machines.items() if machine.maintenance]
    if new:
        post_schematics(cluster)
    if wiped := disks_to_wipe(machines):
        confirm(f"Everything on these disks will be lost: {'; '.join(wiped)}. Install Talos there?", yes=yes)
    else:
        done("Every node already runs this cluster.")
    patience = Poller(timeout)
    install(new, patience)
    start_etcd(cluster, set(new), patience)
    fetch_kubeconfig(cluster, patience, "task kubeconfig")
    done("Next: `task bootstrap:apps`. Nodes become Ready only then, with the network.")
