"""talos-flux app new: add an app from the template."""

from collections.abc import Sequence
from pathlib import Path

import click

from talos_flux.cli.commands import combined, subcommand
from talos_flux.paths import ROOT
from talos_flux.repository.apps import namespace_and_name
from talos_flux.template import fetch
from talos_flux.template.generate.command import answers, generate

# Of a command that asks the template's questions.
answer_options = combined(
    click.option(
        "--data", multiple=True, metavar="QUESTION=ANSWER", help="Answer a question; may be given several times."
    ),
    click.option(
        "--data-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Take answers from this YAML file; --data goes before it.",
    ),
    click.option("--defaults", is_flag=True, help="Ask nothing."),
    click.option("--quiet", is_flag=True, help="Say nothing but why it is refused."),
)


@subcommand()
@click.option("--app", default="", metavar="NAMESPACE/APP", help="Add this app.")
@answer_options
def command(app: str, data: Sequence[str], data_file: Path | None, *, defaults: bool, quiet: bool) -> int:
    """Add an app from the template, at the version that this repository follows.

    What the options do not answer is asked.
    """
    folder = ROOT.joinpath("kubernetes/apps", *namespace_and_name(app, "APP"))
    return generate(fetch.root(), "app", folder, answers(data_file, data), defaults=defaults, quiet=quiet)
