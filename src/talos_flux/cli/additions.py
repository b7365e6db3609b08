"""What the subcommands have in common that add to the repository: a folder for each generator, with `new` in it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from talos_flux.cli.commands import Command, combined, subcommand
from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.repository.generators import Generator, generator_named
from talos_flux.template import fetch
from talos_flux.template.generate.command import answers, generate

NAME = r"\w[\w.-]*"

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
    click.option("--pretend", is_flag=True, help="Show what would be written, and write nothing."),
)


def addition(name: str, *, help: str) -> Command:
    """Return the subcommand that adds what a generator makes."""
    generator = generator_named(name)
    form = f"NAMESPACE/{name.upper()}" if generator.is_in_a_namespace else name.upper()

    @subcommand(help=f"{help}\n\nWhat the options do not answer is asked.")
    @click.option(f"--{generator.variable.lower()}", "address", default="", metavar=form, help=f"Add this {generator}.")
    @answer_options
    def command(address: str, data: Sequence[str], data_file: Path | None, **how: Any) -> int:
        folder = folder_of(generator, address)
        return generate(fetch.root(), name, folder, answers(data_file, data), **how)

    return command


def folder_of(generator: Generator, address: str) -> Path:
    """Return the folder of what is added, as its task is told; UserError for anything else."""
    form = f"{generator.variable}={generator.address}"
    if not address:
        raise UserError(f"{generator.variable} is missing: {form}.")
    if not re.fullmatch(f"{NAME}/{NAME}" if generator.is_in_a_namespace else NAME, address):
        raise UserError(f"{generator.variable} is {generator.address}, not {address}.")
    return ROOT / "kubernetes/apps" / address
