"""Messages, questions and refusals at the terminal."""

import sys
from collections.abc import Iterable
from types import ModuleType

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from talos_flux import progress
from talos_flux.errors import UserError, printable


class PlainConsole(Console):
    """A console on which text can't steer the terminal: some of it is what a program in the cluster wrote."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render without control characters but those of rich itself."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


out = PlainConsole(highlight=False, soft_wrap=True)
err = PlainConsole(stderr=True, highlight=False, soft_wrap=True)


def step(text: str) -> None:
    """Print what the command does next."""
    out.print(f"[bold]→[/bold] {escape(text)}")


def done(text: str) -> None:
    """Print what has been done."""
    out.print(f"[green]✓[/green] {escape(text)}")


def warn(text: str) -> None:
    """Print a warning to stderr."""
    err.print(f"[yellow]warning:[/yellow] {escape(text)}")


def progress_to_stderr() -> None:
    """Send messages to stderr from now on, so that stdout holds only what a program reads."""
    out.file = sys.stderr
    progress.to_stderr()


def can_ask() -> bool:
    """Return whether stdin is a terminal, so that questions can be asked."""
    return sys.stdin.isatty()


def questions() -> ModuleType:
    """Return questionary, which takes longer to import than most commands take to run."""
    import questionary  # noqa: PLC0415

    return questionary


def confirm(question: str, *, yes: bool) -> None:
    """Ask for consent; UserError when it is refused, or when there is no terminal.

    `yes` is consent given on the command line.
    """
    if yes:
        return
    if not can_ask():
        raise UserError(f"{question} Nobody is at the terminal to answer: pass --yes to agree.")
    if not questions().confirm(question, default=False).ask():
        raise UserError("stopped: nothing was changed.")


def confirm_by_name(question: str, name: str, *, yes: bool) -> None:
    """Ask for consent to what can't be undone, by typing the name; UserError as in confirm."""
    if yes:
        return
    if not can_ask():
        raise UserError(f"{question} Nobody is at the terminal to answer: pass --yes to agree.")
    if questions().text(f"{question} Type {name} to agree:").ask() != name:
        raise UserError(f"stopped: the answer was not {name}, nothing was changed.")


def ask_secret(question: str) -> str:
    """Return a value typed without echo; empty when only Enter was pressed."""
    answer = questions().password(question).ask()
    if answer is None:
        raise UserError("stopped: no value was given.")
    return without_its_writers_newline(answer)


def without_its_writers_newline(value: str) -> str:
    """Return a value without the one trailing newline that a pipe or paste adds; a value of several lines is kept."""
    return value.removesuffix("\n") if value.count("\n") == 1 else value


def choose(question: str, choices: list[str]) -> str:
    """Return the choice that the user selects; UserError when there is none."""
    answer = questions().select(question, choices=choices).ask()
    if answer is None:
        raise UserError("stopped: nothing was chosen.")
    return answer
