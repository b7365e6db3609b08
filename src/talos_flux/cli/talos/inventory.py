"""talos-flux talos inventory: show links and disks of a machine."""

import click

from talos_flux.cli.commands import subcommand
from talos_flux.talos import machines


@subcommand()
@click.argument("address")
def command(address: str) -> None:
    """Show links and disks of a machine that runs Talos.

    It may be installed or in maintenance mode; nothing is changed. ADDRESS is the machine's IP address.
    """
    machines.show(address, machines.inspect(address))
