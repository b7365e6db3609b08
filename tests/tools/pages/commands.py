"""Commands: what each says of itself when asked for help."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from talos_flux.cli.commands import NO_SUBCOMMANDS
from tests.support.commands import TALOS_FLUX
from tests.support.render import PROJECT, Answers

PAGE = PROJECT / "docs/reference/commands.md"
# What follows is the program's.
MARK = "<!-- each command's --help -->\n"
CLI = PROJECT / "src/talos_flux/cli"


def page(text: str, render: Callable[[Answers], Path]) -> str:
    """Return the page with a section for each subcommand."""
    sections = [f"\n## {' '.join(words)}\n\n```text\n{help_of(words)}\n```\n" for words in subcommands()]
    return text[: text.index(MARK) + len(MARK)] + "".join(sections)


def subcommands() -> Iterator[list[str]]:
    """Yield the words of each subcommand, sorted; a group's name comes before its subcommand's."""
    for path in sorted(CLI.rglob("*.py")):
        words = [part.replace("_", "-") for part in path.relative_to(CLI).with_suffix("").parts]
        if words[-1] not in ("--init--", *NO_SUBCOMMANDS):
            yield words


def help_of(words: list[str]) -> str:
    """Return the help of a subcommand, in lines that fit."""
    environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run([*TALOS_FLUX, *words, "--help"], env=environment, capture_output=True, text=True, check=True)
    return re.sub(r"[ \t]+$", "", done.stdout.strip(), flags=re.MULTILINE)
