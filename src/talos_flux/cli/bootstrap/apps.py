"""talos-flux bootstrap apps: install what must run before Flux does, then Flux."""

from talos_flux.apps import bootstrap
from talos_flux.cli.commands import subcommand, timeout_option
from talos_flux.errors import UserError
from talos_flux.paths import KUBECONFIG
from talos_flux.repository.settings import inventory, short
from talos_flux.talos import preflight
from talos_flux.talos.machines import Poller
from talos_flux.talos.node_install import wait_until_registered
from talos_flux.terminal import done, step


@subcommand()
@timeout_option(20, "How long to wait for the nodes.")
def command(timeout: float) -> None:
    """Install what must run before Flux, then Flux.

    Flux brings everything else. All is applied, not created: a second run changes only what is missing or old.
    """
    preflight.refuse_unless_ready(preflight.BEFORE_BOOTSTRAP)
    if not KUBECONFIG.exists():
        raise UserError(f"{short(KUBECONFIG)} is missing: run `task bootstrap:talos`.")
    wait_until_registered(inventory().nodes, Poller(timeout))
    bootstrap.apply_namespaces()
    bootstrap.apply_secrets()
    bootstrap.forget_interrupted_releases()
    step("Installing the network, certificates and Flux")
    bootstrap.install_releases()
    done("Flux runs and brings the rest: `kubectl get kustomizations --namespace flux-system --watch` shows it.")
