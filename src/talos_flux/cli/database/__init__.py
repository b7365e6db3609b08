"""talos-flux database: a module for each subcommand. Made by `make tables` of generators/*/generator.yaml."""

from talos_flux.cli.commands import Group

command = Group(package=__name__, help="Add databases.")
