"""The command that adds what a generator makes: its arguments, its output, its exit code.

Copier starts it by hooks/add.py, people by `talos-flux app new` and its like.
"""

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from talos_flux.errors import UserError
from talos_flux.repository.apps import Repository
from talos_flux.repository.generators import generator_named, generators
from talos_flux.repository.transaction import recovered_in_words
from talos_flux.template.generate import given_answers, next_steps
from talos_flux.template.generate.addition import planned, write
from talos_flux.template.generate.pretence import as_patch
from talos_flux.template.generate.template_source import TemplateCheckout

INTERRUPTED = 130


def main(root: Path, arguments: Sequence[str] | None = None) -> int:
    """Read hooks/add.py's command line, of the template in `root`, and return the exit code.

    It is 0, 1 when the addition is refused, or 130 when it is interrupted.
    """
    parser = argparse.ArgumentParser(prog="add.py", description="Add something to a cluster's repository.")
    parser.add_argument("generator", choices=tuple(generators()))
    parser.add_argument("destination", type=Path, help="its folder: kubernetes/apps/<namespace>, or <name> in that")
    parser.add_argument("--data", action="append", default=[], metavar="QUESTION=ANSWER")
    parser.add_argument("--data-file", type=Path, help="a YAML file of answers; --data goes before it")
    parser.add_argument("--defaults", action="store_true", help="ask nothing")
    parser.add_argument("--quiet", action="store_true", help="say nothing but why it is refused")
    parser.add_argument("--pretend", action="store_true", help="show what would be written, and write nothing")
    parser.add_argument("--as-copier", type=json.loads, default={}, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    of_copier = given.as_copier
    try:
        if ref := of_copier.get("vcs_ref"):
            raise UserError(f"--vcs-ref {ref} has no effect on a folder: check {ref} out in the template instead.")
        return generate(
            root,
            given.generator,
            given.destination,
            {**answers(given.data_file, given.data), **of_copier.get("data", {})},
            defaults=given.defaults or of_copier.get("defaults", False),
            # Copier's own silences what it says of itself, such as its tasks.
            quiet=given.quiet,
            pretend=given.pretend,
        )
    except UserError as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1


def generate(
    root: Path,
    generator: str,
    destination: Path,
    data: Mapping[str, Any],
    *,
    defaults: bool,
    quiet: bool,
    pretend: bool = False,
) -> int:
    """Add what a generator of the template in `root` makes, say what was written, and return the exit code.

    With `pretend` it is shown, and not written. The exit code is 0, or 130 when the addition is interrupted. UserError
    when it is refused or can't be written.
    """
    if not (root / "generators" / generator).is_dir():
        raise UserError(f"the template of this repository has no {generator}s to add yet: `copier update` brings them.")
    try:
        if not pretend:
            for sentence in recovered_in_words(Repository.around(destination.resolve()).root):
                print(f"{sentence[0].upper()}{sentence[1:]}", file=sys.stderr)
        with ended_as_by_ctrl_c():
            template = TemplateCheckout.checked_out_in(root)
            addition = planned(template, generator_named(generator), destination, data, defaults=defaults)
            if not pretend:
                write(addition)
    except OSError as error:
        raise UserError(f"{error.filename or 'writing'}: {error.strerror or error}.") from None
    except KeyboardInterrupt:
        print("error: interrupted; nothing was changed.", file=sys.stderr)
        return INTERRUPTED
    if not quiet:
        for note in addition.notes:
            print(note, file=sys.stderr)
    if pretend:
        print(*as_patch(addition), "Nothing was written.", sep="\n")
    elif not quiet:
        print(*addition.told, next_steps.next_command(addition.destination.repository.root, addition.to_add), sep="\n")
    return 0


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt, so that what was written is undone."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def answers(data_file: Path | None, data: Sequence[str]) -> dict[str, Any]:
    """Return the answers of --data-file and of --data, which takes precedence; UserError when either can't be read."""
    return {**from_data_file(data_file), **from_command_line(data)}


def from_data_file(path: Path | None) -> dict[str, Any]:
    """Return the answers of --data-file; UserError when it can't be read."""
    if path is None:
        return {}
    try:
        return given_answers.from_file(path.read_text(), path.name)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not YAML: {error}.") from None


def from_command_line(given: Sequence[str]) -> dict[str, Any]:
    """Return the answers of --data as texts, which Copier parses; UserError when one has no "="."""
    for text in given:
        if "=" not in text:
            raise UserError(f"--data {text} is not QUESTION=ANSWER.")
    return dict(text.split("=", 1) for text in given)
