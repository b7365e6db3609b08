"""talos-flux namespace new: add a namespace. Made by `make tables` of generators/*/generator.yaml."""

from talos_flux.cli.additions import addition

command = addition("namespace", help="Add a namespace from the template, at the version that this repository follows.")
