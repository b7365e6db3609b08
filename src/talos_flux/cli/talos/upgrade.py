"""talos-flux talos upgrade: upgrade Talos on every node, one at a time."""

from collections.abc import Sequence

from talos_flux import upgrades
from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.cli.talos import PASS_ON, upgrade_options
from talos_flux.repository.settings import inventory
from talos_flux.terminal import done


@subcommand(failed=CHECK_FAILED, context_settings=PASS_ON)
@upgrade_options
def command(timeout: float, more: Sequence[str], *, yes: bool) -> None:
    """Upgrade Talos to the version in talos/versions.yaml.

    Every node that does not run it is upgraded, one at a time: workers, then controllers, the one that leads etcd
    last. Before the first, etcd is kept in snapshots/; before each next one, everything must be well again. It stops
    at the first problem, and run again it goes on from there.

    What is unknown here goes to `talosctl upgrade`.
    """
    upgrades.refuse_unless_ready()
    cluster = inventory()
    upgrades.upgrade(cluster, upgrades.in_order(cluster), timeout, more, "task talos:upgrade", yes=yes)
    done("Next: `task talos:upgrade-k8s`, if talos/versions.yaml has a new version of Kubernetes as well.")
