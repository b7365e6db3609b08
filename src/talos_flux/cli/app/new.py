"""talos-flux app new: add an app. Made by `make tables` of generators/*/generator.yaml."""

from talos_flux.cli.additions import addition

command = addition("app", help="Add an app from the template, at the version that this repository follows.")
