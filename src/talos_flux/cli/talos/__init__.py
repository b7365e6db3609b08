"""talos-flux talos: a module for each subcommand."""

from collections.abc import Callable
from typing import Any

import click

from talos_flux.cli.commands import Group, timeout_option

command = Group(package=__name__, help="Look at, change, upgrade and replace the machines.")

# Unknown options are passed on to talosctl.
PASS_ON = {"ignore_unknown_options": True}


def joining_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments of commands that join a machine: its address, --yes and --timeout."""
    for option in (
        timeout_option(20),
        click.option("--yes", is_flag=True, help="Do not ask before a disk or a node is lost; for scripts."),
        click.argument("address"),
    ):
        function = option(function)
    return function


def upgrade_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments of upgrades: --yes, --timeout, and further options of talosctl."""
    for option in (
        click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="[TALOSCTL OPTION]..."),
        timeout_option(30),
        click.option("--yes", is_flag=True, help="Upgrade without asking; for scripts."),
    ):
        function = option(function)
    return function
