"""talos-flux namespace new: add a namespace from the template."""

import re
from collections.abc import Sequence
from pathlib import Path

import click

from talos_flux.cli.app.new import answer_options
from talos_flux.cli.commands import subcommand
from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.template import fetch
from talos_flux.template.generate.command import answers, generate


@subcommand()
@click.option("--name", default="", metavar="NAMESPACE", help="Add the namespace of this name.")
@answer_options
def command(name: str, data: Sequence[str], data_file: Path | None, *, defaults: bool, quiet: bool) -> int:
    """Add a namespace from the template, at the version that this repository follows.

    What the options do not answer is asked.
    """
    if not name:
        raise UserError("NAME is missing: `task new:namespace NAME=<namespace>`.")
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(f"NAME is the name of a namespace, not {name}.")
    folder = ROOT / "kubernetes/apps" / name
    return generate(fetch.root(), "namespace", folder, answers(data_file, data), defaults=defaults, quiet=quiet)
