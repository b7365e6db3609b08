"""talos-flux update: let the cluster and every namespace and app follow the template."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from talos_flux.cli.commands import subcommand
from talos_flux.errors import UserError
from talos_flux.repository.apps import Loader
from talos_flux.repository.git_files import refuse_anything_but_a_repository
from talos_flux.template.asking import answer_to
from talos_flux.template.handover import hand_over
from talos_flux.template.update import journal, planner, steps, update_report
from talos_flux.terminal import can_ask, done, progress_to_stderr, warn

DECIDE = 2


@subcommand()
@click.option("--to", default="", metavar="VERSION", help="Follow this version of the template instead of the newest.")
@click.option(
    "--only",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Update only what is in this folder; may be given several times.",
)
@click.option(
    "--data",
    multiple=True,
    metavar="KEY=VALUE",
    help="Answer a question of the cluster anew; may be given several times.",
)
@click.option(
    "--data-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take such answers from a YAML file; --data goes before it.",
)
@click.option("--check", is_flag=True, help="Say what would change; exit code 2 when something would.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--diff", is_flag=True, help="Show the lines that change.")
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
@click.option("--undo", is_flag=True, help="Take the last update back, conflicts and all, and do nothing else.")
def command(
    to: str,
    only: Sequence[Path],
    data: Sequence[str],
    data_file: Path | None,
    *,
    check: bool,
    dry_run: bool,
    diff: bool,
    as_json: bool,
    undo: bool,
) -> int:
    """Let the cluster and all of its apps follow the template.

    Namespaces follow, too. It is one merge that keeps your edits. Nothing is committed, and `talos-flux update --undo`
    takes everything back.

    Exit codes: 0 everything follows, 1 nothing was done, 2 there is something to decide, or, with --check, something
    to update.
    """
    if as_json:
        progress_to_stderr()
    refuse_anything_but_a_repository()
    with journal.locked():
        if undo:
            return take_back()
        only_say = check or dry_run
        if only_say:
            steps.look()
        else:
            steps.begin(say_what_was_recovered)
        ask = answer_to if can_ask() and not only_say and not as_json else None
        answers = {**(from_file(data_file) if data_file else {}), **from_command_line(data)}
        version = planner.target(to, answers)
        hand_over(version)
        plan = planner.plan(version, answers, only, ask)
        if not only_say:
            steps.refuse_to_lose({**plan.changes, **plan.undecided})
        if not as_json:
            update_report.show(plan, with_diff=diff)
        if plan.changes and not only_say:
            journal.apply(plan.changes, plan.conflicts, plan.undecided)
            update_report.show_next(plan)
        if as_json:
            print(json.dumps(update_report.as_data(plan), indent=2, default=str))
        return DECIDE if (plan.changes and check) or (plan.conflicts and not dry_run) else 0


def say_what_was_recovered(recovered: journal.Recovered) -> None:
    """Say that an update was interrupted, and what became of it."""
    if recovered.is_committed:
        warn("an update was interrupted, and what it had changed until then has been committed: look at that commit.")
        return
    warn("an update was interrupted: what it had changed is as it was before.")
    warn_of_edits(recovered.kept)


def take_back() -> int:
    """Undo the last update, and return the exit code; UserError when there is none."""
    kept = steps.undo(say_what_was_recovered)
    if kept is None:
        return 0
    warn_of_edits(kept)
    done(f"Everything{' else' if kept else ''} is as it was before the update.")
    return DECIDE if kept else 0


def warn_of_edits(paths: Sequence[str]) -> None:
    """Name the files that hold what a person wrote after the update, and are left alone."""
    for path in paths:
        warn(
            f"{path} was edited after the update, and stays as it is: "
            f"`git checkout HEAD -- {path}` takes the committed version."
        )


def from_file(path: Path) -> dict[str, Any]:
    """Return the answers of a data file, read like .copier-answers.yml; UserError when it has none."""
    try:
        answers = yaml.load(path.read_text(), Loader)  # noqa: S506, a safe loader
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(answers, dict):
        raise UserError(f"{path} holds no answers: it has lines such as `domain: example.net`.")
    return answers


def from_command_line(data: Sequence[str]) -> dict[str, str]:
    """Return the answers of --data as texts; the template's questions know their types.

    UserError for a text without "=".
    """
    for text in data:
        if "=" not in text:
            raise UserError(f"--data is question=answer, not {text}.")
    return dict(text.split("=", 1) for text in data)
