"""The report on what was found, for people and for programs."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.text import Text

from talos_flux.diagnose.problem import CheckResult, Level, worst

# The exit code when something could not be looked at, which may be worse than all that was found.
NOT_SEEN = 3
MARKS = {Level.HEALTHY: "[green]✓[/green]", Level.WARNING: "[yellow]![/yellow]", Level.CRITICAL: "[red]✗[/red]"}


class Report:
    """The results of the checks. `verbose` also shows those that found nothing wrong.

    `unknown` are sentences about what could not be looked at.
    """

    def __init__(self, parts: Sequence[CheckResult], unknown: Sequence[str] = (), *, verbose: bool = False) -> None:
        self.parts, self.unknown, self.verbose = parts, unknown, verbose

    @property
    def level(self) -> Level:
        """Return the level of the worst problem."""
        return worst(problem for part in self.parts for problem in part.problems)

    @property
    def code(self) -> int:
        """Return the exit code: 0 healthy, 1 warnings, 2 critical, 3 something could not be looked at."""
        return NOT_SEEN if self.unknown else int(self.level)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for part in self.parts:
            if part.problems or part.notes or self.verbose:
                yield Text.from_markup(
                    f"{MARKS[part.level]} [bold]{part.name}[/bold] [dim]{escape(part.looked_at)}[/dim]"
                )
            for problem in sorted(part.problems, key=lambda item: (-item.level, item.subject)):
                yield Text.from_markup(f"  {MARKS[problem.level]} {escape(str(problem))}")
                for line in problem.details:
                    yield Text.from_markup(f"    {escape(line)}")
                if problem.command:
                    yield Text.from_markup(f"    [dim]{escape(problem.command)}[/dim]")
            for note in part.notes:
                yield Text.from_markup(f"  [dim]… {escape(note)}[/dim]")
        for text in self.unknown:
            yield Text.from_markup(f"[yellow]?[/yellow] {escape(text)}")
        yield Text.from_markup(self.verdict)

    @property
    def verdict(self) -> str:
        """Return the verdict in one line of rich's markup."""
        counts = [
            (sum(problem.level == level for part in self.parts for problem in part.problems), level)
            for level in (Level.CRITICAL, Level.WARNING)
        ]
        summary = ", ".join(counted(count, str(level)) for count, level in counts if count)
        text = summary or ("nothing wrong in what could be seen" if self.unknown else "everything is well")
        return f"{MARKS[self.level]} {text}"

    def as_json(self) -> dict[str, Any]:
        """Return {level, unknown, parts: [{name, level, lookedAt, problems: [<Problem>], notes}]}."""
        return {
            "level": str(self.level),
            "parts": [
                {
                    "name": part.name,
                    "level": str(part.level),
                    "lookedAt": part.looked_at,
                    "problems": [
                        {
                            "level": str(problem.level),
                            "subject": problem.subject,
                            "namespace": problem.namespace,
                            "text": problem.text,
                            "command": problem.command,
                            "details": list(problem.details),
                        }
                        for problem in part.problems
                    ],
                    "notes": list(part.notes),
                }
                for part in self.parts
            ],
            "unknown": list(self.unknown),
        }


def counted(count: int, word: str) -> str:
    """Return a count with its word: 2 warnings, 1 warning, 2 critical."""
    return f"{count} {word}{'s' if count > 1 and word == 'warning' else ''}"


def show(report: Report, console: Console, *, as_json: bool) -> None:
    """Print a report, for a person or for a program."""
    if as_json:
        json.dump(report.as_json(), sys.stdout, indent=2)
        print()
    else:
        console.print(report)
