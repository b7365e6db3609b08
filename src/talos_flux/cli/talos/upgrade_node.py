"""talos-flux talos upgrade-node: upgrade Talos on one node."""

from collections.abc import Sequence

import click

from talos_flux import upgrades
from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.cli.talos import PASS_ON, upgrade_options
from talos_flux.repository.settings import inventory


@subcommand(failed=CHECK_FAILED, context_settings=PASS_ON)
@click.argument("address")
@upgrade_options
def command(address: str, timeout: float, more: Sequence[str], *, yes: bool) -> None:
    """Upgrade Talos on one node, while everything is well.

    It gets the version in talos/versions.yaml. ADDRESS is the node's IP address; of what follows it, all that is
    unknown here goes to `talosctl upgrade`. Talos keeps the old system, and boots it again when the new one fails.
    """
    cluster = inventory()
    node = cluster.at(address)
    upgrades.refuse_unless_ready()
    upgrades.upgrade(cluster, [node], timeout, more, f"task talos:upgrade-node IP={node.address}", yes=yes)
