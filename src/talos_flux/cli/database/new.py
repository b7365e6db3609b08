"""talos-flux database new: add a database. Made by `make tables` of generators/*/generator.yaml."""

from talos_flux.cli.additions import addition

command = addition("database", help="Add a database from the template, at the version that this repository follows.")
