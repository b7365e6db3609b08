"""talos-flux backup: a module for each subcommand."""

from collections.abc import Callable
from typing import Any

import click

from talos_flux.cli.commands import Group

command = Group(package=__name__, help="List, make and restore backups of apps' data.")


def volume_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of commands about an app's volumes: --app and --volume."""
    for option in (
        click.option(
            "--volume", default="", help="Take only this volume: the name of its claim, or the end of that name."
        ),
        click.option(
            "--app", "namespaced_name", default="", metavar="NAMESPACE/APP", help="The app whose volumes they are."
        ),
    ):
        function = option(function)
    return function
