"""talos-flux app: a module for each subcommand."""

from talos_flux.cli.commands import Group

command = Group(package=__name__, help="Add, adopt, move and remove apps, and stop and start what Flux does with them.")
