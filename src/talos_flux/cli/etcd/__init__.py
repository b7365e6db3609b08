"""talos-flux etcd: a module for each subcommand."""

from talos_flux.cli.commands import Group

command = Group(package=__name__, help="Take and restore snapshots of etcd.")
