"""talos-flux backup: a module for each subcommand."""

import click

from talos_flux.cli.commands import Group, combined

command = Group(package=__name__, help="List, make and restore backups of apps' data.")


# Of a command about an app's volumes.
volume_options = combined(
    click.option(
        "--app", "namespaced_name", default="", metavar="NAMESPACE/APP", help="The app whose volumes they are."
    ),
    click.option("--volume", default="", help="Take only this volume: the name of its claim, or the end of that name."),
)
