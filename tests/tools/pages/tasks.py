"""Tasks: what each does and takes, from the Taskfiles of a cluster."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.cases import EXAMPLES
from tests.support.commandline import tasks_of
from tests.support.render import PROJECT, Answers
from tests.tools.pages.commands import subcommands
from tests.tools.pages.tables import Row, filled

PAGE = PROJECT / "docs/reference/tasks.md"
HEADER = "| task | does | takes | script |"
VARIABLE = re.compile(r" \[([A-Z_]+)=([^\]]*)\]")
# Task's list has no room for more than a hint: (-- --yes does not).
HINT = re.compile(r" \((-- --\S+(?: \S+=\S+| [A-Z]+| all)?)[^)]*\)")


def page(text: str, render: Callable[[Answers], Path]) -> str:
    """Return the page with a row for each task of the example that has everything."""
    return filled(text, HEADER, list(rows(render(EXAMPLES["everything"]), render({}))))


def subcommand(command: str) -> list[str]:
    """Return the words of the subcommand of talos-flux that a task runs; none when it runs something else."""
    after = command.partition("scripts/talos-flux ")[2].split()
    return next((words for words in subcommands() if words == after[: len(words)]), [])


def rows(everything: Path, usual: Path) -> Iterator[Row]:
    """Yield a row for each task, and mark those that the usual cluster does not have."""
    there = tasks_of(usual)
    for name, task in sorted(tasks_of(everything).items()):
        if "desc" in task:
            said = str(task["desc"])
            takes = [f"`{variable}=<{what}>`" for variable, what in VARIABLE.findall(said)]
            takes = [part.replace("=<required>", "=<address>") for part in takes]
            takes += [f"`{hint}`" for hint in HINT.findall(said)]
            does = HINT.sub("", VARIABLE.sub("", said)) + ("" if name in there else "; with backups only")
            words = subcommand(str(task["cmd"]))
            link = f"[{' '.join(words)}](commands.md#{'-'.join(words)})" if words else ""
            does = re.sub(r"\S*\*\S*", lambda pattern: f"`{pattern[0]}`", does)
            yield [f"`{name}`", does.replace("|", "\\|"), ", ".join(takes).replace("|", "\\|"), link]
