"""talos-flux component new: add a component. Made by `make tables` of generators/*/generator.yaml."""

from talos_flux.cli.additions import addition

command = addition("component", help="Add a component from the template, at the version that this repository follows.")
