"""Talking to the person at the terminal: messages, questions, refusals."""

import os
import sys
from collections.abc import Callable
from typing import Any

import questionary
from rich.console import Console
from rich.markup import escape

from lib.refusal import Refusal

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def step(text: str) -> None:
    """Say what happens now."""
    out.print(f"[bold]→[/bold] {escape(text)}")


def done(text: str) -> None:
    """Say what is now true."""
    out.print(f"[green]✓[/green] {escape(text)}")


def warn(text: str) -> None:
    """Say what the person should know, without stopping."""
    err.print(f"[yellow]warning:[/yellow] {escape(text)}")


def can_ask() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Go on only with the person's consent; `yes` is consent given on the command line."""
    if yes:
        return
    if not can_ask():
        raise Refusal(f"{question} Nobody is at the terminal to answer: pass --yes to agree.")
    if not questionary.confirm(question, default=False).ask():
        raise Refusal("stopped: nothing was changed.")


def confirm_by_name(question: str, name: str, *, yes: bool) -> None:
    """Like confirm, for what can't be undone: the person types the name."""
    if yes:
        return
    if not can_ask():
        raise Refusal(f"{question} Nobody is at the terminal to answer: pass --yes to agree.")
    if questionary.text(f"{question} Type {name} to agree:").ask() != name:
        raise Refusal(f"stopped: the answer was not {name}, nothing was changed.")


def ask_secret(question: str) -> str:
    """A value typed without echo; empty when the person only presses Enter."""
    answer = questionary.password(question).ask()
    if answer is None:
        raise Refusal("stopped: no value was given.")
    return without_its_writers_newline(answer)


def without_its_writers_newline(value: str) -> str:
    """A value as it was meant: a last newline belongs to the pipe or the paste, unless the value has lines."""
    return value.removesuffix("\n") if value.count("\n") == 1 else value


def choose(question: str, choices: list[str]) -> str:
    """One of the choices."""
    answer = questionary.select(question, choices=choices).ask()
    if answer is None:
        raise Refusal("stopped: nothing was chosen.")
    return answer


def answer_to(question: Any) -> Any:
    """The answer to one of Copier's questions, asked as Copier asks it."""
    return questionary.unsafe_prompt([question.get_questionary_structure()])[question.var_name]


def command(main: Callable[[], int | None], *, failed: int = 1) -> None:
    """Run a command's main function, which may return an exit code; a refusal is one line on stderr and `failed`."""
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads, such as head, has seen enough; what is left must not be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(failed)
    except Refusal as refusal:
        err.print(f"[red]error:[/red] {escape(str(refusal))}")
        sys.exit(failed)
    except KeyboardInterrupt:
        err.print("[red]error:[/red] interrupted; the command is safe to run again.")
        sys.exit(130)
    sys.exit(code)
