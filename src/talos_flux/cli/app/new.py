"""talos-flux app new: add an app from the template."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from talos_flux.cli.commands import subcommand
from talos_flux.paths import ROOT
from talos_flux.repository.apps import namespace_and_name
from talos_flux.template import fetch
from talos_flux.template.generate.command import answers, generate


def takes_answers(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options that answer the template's questions to a subcommand."""
    for option in (
        click.option("--quiet", is_flag=True, help="Say nothing but why it is refused."),
        click.option("--defaults", is_flag=True, help="Ask nothing."),
        click.option(
            "--data-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Take answers from this YAML file; --data goes before it.",
        ),
        click.option(
            "--data", multiple=True, metavar="QUESTION=ANSWER", help="Answer a question; may be given several times."
        ),
    ):
        function = option(function)
    return function


@subcommand()
@click.option("--app", default="", metavar="NAMESPACE/APP", help="Add this app.")
@takes_answers
def command(app: str, data: Sequence[str], data_file: Path | None, *, defaults: bool, quiet: bool) -> int:
    """Add an app from the template, at the version that this repository follows.

    What the options do not answer is asked.
    """
    folder = ROOT.joinpath("kubernetes/apps", *namespace_and_name(app, "APP"))
    return generate(fetch.root(), "app", folder, answers(data_file, data), defaults=defaults, quiet=quiet)
