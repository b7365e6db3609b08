"""The command line, `talos-flux`: a module for each subcommand, a folder for each group of them.

A module is a subcommand by being here: its file's name is the subcommand's, `command` in it is what click runs.
"""

import sys
from typing import NoReturn

import click

from talos_flux.cli.commands import Group


@click.group(cls=Group, package=__name__, context_settings={"help_option_names": ["-h", "--help"]})
def talos_flux() -> None:
    """Run the cluster of this repository: check and change its files, watch Flux, operate Talos."""


def main() -> NoReturn:
    """Run the subcommand that the command line names, and exit with its code."""
    sys.exit(talos_flux.run(sys.argv[1:]))
