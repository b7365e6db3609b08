"""The report of an update, for people and for programs."""

import difflib
from typing import Any

from rich.markup import escape

from talos_flux.paths import ROOT
from talos_flux.repository.contents import File
from talos_flux.template.update.planner import Outcome, Plan
from talos_flux.template.update.worktree import on_disk
from talos_flux.terminal import done, out, warn

SHOWN = 6


def show(plan: Plan, *, with_diff: bool) -> None:
    """Print the release notes in between, one line for each instance whose files change, and the conflicts."""
    updated = [outcome for outcome in plan.outcomes if outcome.merged.changes]
    if not updated:
        done(f"Everything follows the template at {plan.target} already.")
        return
    for note in plan.notes:
        out.print(f"[bold]{escape(note.title)}[/bold]\n  {escape(note.summary)}\n  {escape(str(note.path))}")
    for consequence in plan.consequences:
        out.print(escape(consequence))
    for outcome in updated:
        if is_worth_a_line(outcome):
            show_outcome(outcome, plan.target)
    if quiet := [outcome for outcome in updated if not is_worth_a_line(outcome)]:
        names = ", ".join(outcome.instance.name for outcome in quiet[:SHOWN])
        done(f"{shortened(names, len(quiet))}: nothing changes but what is recorded of the template and the cluster")
    if with_diff:
        for path, file in sorted(plan.changes.items()):
            show_diff(path, file)
    for conflict in plan.conflicts:
        warn(f"{conflict.path}: {conflict.reason}.")


def is_worth_a_line(outcome: Outcome) -> bool:
    """Return whether more than an instance's version changes."""
    return bool(
        outcome.files
        or outcome.merged.conflicts
        or outcome.defaults
        or outcome.gone
        or outcome.followed
        or outcome.is_written_anew
    )


def show_outcome(outcome: Outcome, target: str) -> None:
    """Print one instance and its files."""
    nothing = "nothing without a conflict" if outcome.merged.conflicts else "no file of its own"
    named = ", ".join(outcome.files[:SHOWN]) or nothing
    before = outcome.instance.commit
    versions = f" at {target}" if before == target else f", {before} to {target}"
    done(f"{outcome.instance.name}{versions}: {shortened(named, len(outcome.files))}")
    for news in _news(outcome):
        out.print(f"    {escape(news)}")


def _news(outcome: Outcome) -> list[str]:
    """Return which answers are new, gone or others, whether edits of the answers file are lost, and what is to do."""
    new = [f"{name} is new, and {value!r} by default" for name, value in outcome.defaults.items()]
    gone = [f"{name} is gone: {reason}" for name, reason in outcome.gone.items()]
    followed = [f"{name} was {a.before!r} and is {a.now!r}: {a.reason}" for name, a in outcome.followed.items()]
    anew = f"{outcome.instance.answers_file} is written anew, without what you added: `git diff --cached` shows it"
    return [*new, *gone, *followed, *([anew] if outcome.is_written_anew else []), *outcome.to_do]


def shortened(names: str, count: int) -> str:
    """Return the names with the count of those that are left out."""
    return f"{names} and {count - SHOWN} more" if count > SHOWN else names


def show_diff(path: str, file: File | None) -> None:
    """Print the diff of a file."""
    old, new = (side.content if side else b"" for side in (on_disk(ROOT / path), file))
    if b"\0" in old + new:
        out.print(f"{escape(path)} is binary, and changes")
        return
    before, after = (side.decode(errors="replace").splitlines() for side in (old, new))
    for line in difflib.unified_diff(before, after, path, path, lineterm=""):
        out.print(escape(line))


def show_next(plan: Plan) -> None:
    """Print the next command to type."""
    if plan.conflicts:
        done("Next: edit the files above that have conflicts, `git add` each, commit; or `task update:undo`.")
    else:
        done("Next: `git diff --cached`, `task validate`, commit and push; or `task update:undo`.")


def as_markdown(plan: Plan) -> str:
    """Return the report for a pull request."""
    updated = [outcome for outcome in plan.outcomes if outcome.merged.changes or outcome.merged.conflicts]
    if not updated:
        return f"Everything follows the template at {plan.target}.\n"
    lines = [f"The template's {plan.target}, in one merge that keeps your edits.", ""]
    for note in plan.notes:
        lines += [f"### {note.title}", "", note.summary, ""]
    if plan.consequences:
        lines += [*(f"- {consequence}" for consequence in plan.consequences), ""]
    lines += ["| | from | files |", "| --- | --- | --- |", *map(_row, updated), ""]
    for outcome in updated:
        lines += [f"- {outcome.instance.name}: {news}" for news in _news(outcome)]
    lines += [f"- **To decide**: `{conflict.path}`: {conflict.reason}." for conflict in plan.conflicts]
    return "\n".join(lines).rstrip() + "\n"


def _row(outcome: Outcome) -> str:
    files = shortened(", ".join(f"`{path}`" for path in outcome.files[:SHOWN]), len(outcome.files))
    return f"| {outcome.instance.name} | {outcome.instance.commit} | {files or 'none'} |"


def as_data(plan: Plan) -> dict[str, Any]:
    """Return the report for programs."""
    return {
        "target": plan.target,
        "notes": [
            {"version": note.version, "title": note.title, "summary": note.summary, "path": str(note.path)}
            for note in plan.notes
        ],
        "consequences": plan.consequences,
        "instances": [_of(outcome) for outcome in plan.outcomes],
    }


def _of(outcome: Outcome) -> dict[str, Any]:
    conflicts = [{"path": conflict.path, "reason": conflict.reason} for conflict in outcome.merged.conflicts]
    return {
        "folder": outcome.instance.folder.as_posix(),
        "from": outcome.instance.commit,
        "state": "conflicts" if conflicts else "updated" if outcome.merged.changes else "unchanged",
        "files": outcome.files,
        "conflicts": conflicts,
        "defaults": dict(outcome.defaults),
        "gone": dict(outcome.gone),
        "followed": {
            name: {"before": answer.before, "now": answer.now, "reason": answer.reason}
            for name, answer in outcome.followed.items()
        },
        "to_do": outcome.to_do,
    }
