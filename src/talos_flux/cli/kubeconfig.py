"""talos-flux kubeconfig: fetch kubeconfig from the cluster."""

from talos_flux.cli.commands import CHECK_FAILED, subcommand, timeout_option
from talos_flux.repository.settings import inventory
from talos_flux.talos import config
from talos_flux.talos.machines import Poller
from talos_flux.talos.node_install import fetch_kubeconfig
from talos_flux.terminal import step


@subcommand(failed=CHECK_FAILED)
@timeout_option(1, "Try for at most this long.")
def command(timeout: float) -> None:
    """Fetch kubeconfig from the first controller that gives it.

    Git ignores the file, and only you can read it.
    """
    config.refuse_without_talosconfig()
    step(f"Asking the controllers for a kubeconfig, for at most {timeout:g} min")
    fetch_kubeconfig(inventory(), Poller(timeout, pause=1), "task kubeconfig")
