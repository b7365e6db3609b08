"""talos-flux talos: a module for each subcommand."""

import click

from talos_flux.cli.commands import Group, combined, timeout_option

command = Group(package=__name__, help="Look at, change, upgrade and replace the machines.")

# Unknown options are passed on to talosctl.
PASS_ON = {"ignore_unknown_options": True}


# Of a command that joins a machine.
joining_options = combined(
    click.argument("address"),
    click.option("--yes", is_flag=True, help="Do not ask before a disk or a node is lost; for scripts."),
    timeout_option(20),
)

# Of an upgrade; `more` are further options of talosctl.
upgrade_options = combined(
    click.option("--yes", is_flag=True, help="Upgrade without asking; for scripts."),
    timeout_option(30),
    click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="[TALOSCTL OPTION]..."),
)
