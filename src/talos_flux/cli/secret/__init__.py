"""talos-flux secret: a module for each subcommand."""

from talos_flux.cli.commands import Group

command = Group(package=__name__, help="Set the values of Secrets.")
