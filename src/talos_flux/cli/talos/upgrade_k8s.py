"""talos-flux talos upgrade-k8s: upgrade Kubernetes on every node."""

from collections.abc import Sequence

from talos_flux import upgrades
from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.cli.talos import PASS_ON, upgrade_options
from talos_flux.repository.settings import inventory


@subcommand(failed=CHECK_FAILED, context_settings=PASS_ON)
@upgrade_options
def command(timeout: float, more: Sequence[str], *, yes: bool) -> None:
    """Upgrade Kubernetes to the version in talos/versions.yaml.

    It goes node by node while everything is well: the control plane on every controller, then every kubelet. Before,
    etcd is kept in snapshots/.

    What is unknown here goes to `talosctl upgrade-k8s`.
    """
    upgrades.refuse_unless_ready()
    upgrades.upgrade_kubernetes(inventory(), timeout, more, "task talos:upgrade-k8s", yes=yes)
