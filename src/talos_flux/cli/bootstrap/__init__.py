"""talos-flux bootstrap: a module for each subcommand."""

from talos_flux.cli.commands import Group

command = Group(package=__name__, help="Bring up the cluster for the first time.")
