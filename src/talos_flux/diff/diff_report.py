"""What a change does, for people at a terminal, for a pull request, and for programs."""

from collections.abc import Iterable, Iterator
from typing import Any

import yaml
from rich.markup import escape

from talos_flux.diff.care import breaking, what_needs_care
from talos_flux.diff.chart_raises import Raise
from talos_flux.diff.cluster_diff import ChangedApp, ClusterDiff, Reasons
from talos_flux.diff.differences import Change, FieldChange, without_secrets
from talos_flux.terminal import done, out, warn

# By which a comment is found again.
MARK = "<!-- talos-flux diff -->"
SIGNS = {"added": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red")}
# A value longer than that is cut: a dashboard in a ConfigMap is no reading.
LONGEST = 160
NAMED = 5


def show(outcome: ClusterDiff, *, with_fields: bool) -> None:
    """Print what the change does; with its fields, also how each object differs."""
    if outcome.is_nothing:
        done(f"Nothing changes in the cluster since {outcome.base}.")
        return
    for app in outcome.apps:
        out.print(f"[bold]{escape(app.name)}[/bold]  {escape(counts(app))}")
        for change in app.changes:
            if change.is_shown:
                sign, colour = SIGNS[change.what]
                out.print(f"  [{colour}]{sign}[/{colour}] {escape(str(change.key))}")
                for line in field_lines(change.fields) if with_fields else ():
                    out.print(f"      {escape(line)}")
        for key, reason in app.restarts:
            out.print(f"  [yellow]restarts[/yellow] {escape(f'{key}: {reason}')}")
        if app.waiting:
            out.print(f"  waiting for it: {escape(shortened(app.waiting))}")
    for raised in outcome.raises:
        _show_raise(raised)
    for key, versions in outcome.unserved:
        warn(f"{key} is served in {versions} no more: what is stored or written in it has to move first.")
    for key, what in outcome.lost:
        warn(f"{key} is deleted for good, {what}.")
    for key, paths in outcome.refused:
        warn(f"{key} is refused by the API server: {paths} can't be changed, so it has to be deleted first.")
    for text in unknown_lines(outcome):
        warn(f"{text}.")


def _show_raise(raised: Raise) -> None:
    out.print(f"[bold]{escape(raised.chart)}[/bold] {escape(f'{raised.before} → {raised.after}: {verdict(raised)}')}")
    for problem in (*raised.problems, *breaking(raised.notes)):
        out.print(f"  [yellow]care[/yellow] {escape(problem)}")


def unknown_lines(outcome: ClusterDiff) -> Iterator[str]:
    """Yield what is not compared, and why; the first few where it is much, as without a network."""
    listed = list(outcome.unknown.items())
    for name, reason in listed[:NAMED]:
        yield f"{name} is not compared: {reason}"
    if len(listed) > NAMED:
        yield f"{len(listed) - NAMED} more are not compared"


def counts(app: ChangedApp) -> str:
    """Return how many objects of an app differ, in words."""
    by_kind = [f"{number} {what}" for what in SIGNS if (number := app.count(what))]
    return ", ".join(by_kind) or "no object differs"


def verdict(raised: Raise) -> str:
    """Return whether a chart's other version takes our values."""
    if raised.problems:
        return "needs care"
    if raised.unknown:
        return f"not judged, {raised.unknown}"
    return "your values fit, but it says that something breaks" if breaking(raised.notes) else "your values fit"


def shortened(names: Iterable[str]) -> str:
    """Return names, the first few where they are many."""
    listed = list(names)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


def field_lines(fields: Iterable[FieldChange]) -> Iterator[str]:
    """Yield a line for each side of each field."""
    for field in fields:
        yield field.path
        for sign, value in (("-", field.before), ("+", field.after)):
            if value is not None:
                yield from (f"{sign} {line}" for line in lines_of(value))


def lines_of(value: Any) -> list[str]:
    """Return a value as YAML, its lines cut where they are long."""
    if isinstance(value, str) and "\n" not in value:
        text = value
    else:
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=LONGEST).removesuffix("\n...\n")
    return [line if len(line) <= LONGEST else f"{line[:LONGEST]}…" for line in text.rstrip("\n").split("\n")]


# --- For a pull request ---


def as_markdown(outcome: ClusterDiff, longest: int) -> str:
    """Return the report as a comment of at most that many characters: apps at its end are cut to one line first."""
    if outcome.is_nothing:
        return f"{MARK}\n### Nothing changes in the cluster\n\nCompared with `{outcome.base}`, charts rendered.\n"
    head = "\n".join([MARK, *_summary(outcome), ""])
    details = [_details(app) for app in outcome.apps]
    room = longest - len(head) - 200
    shown = []
    for text in details:
        if len(text) > room:
            break
        shown.append(text)
        room -= len(text)
    left = len(details) - len(shown)
    more = [f"How {left} more apps differ does not fit here: `task diff -- --fields` shows it.\n"] if left else []
    return "\n".join([head, *shown, *more])


def _summary(outcome: ClusterDiff) -> Iterator[str]:
    yield f"### What this changes in the cluster\n\nCompared with `{outcome.base}`, charts rendered.\n"
    yield from _alert("CAUTION", "Deleted for good", [f"`{key}`, {what}" for key, what in outcome.lost])
    yield from _alert(
        "WARNING",
        "Refused by the API server, until it is deleted by hand",
        [f"`{key}`: {paths} can't be changed" for key, paths in outcome.refused],
    )
    yield from _alert(
        "WARNING",
        "Served no more",
        [f"`{key}` in {versions}" for key, versions in outcome.unserved],
    )
    yield from _alert("WARNING", "Not known", list(unknown_lines(outcome)))
    if outcome.raises:
        yield "| chart | from | to | for | |\n| --- | --- | --- | --- | --- |"
        for one in outcome.raises:
            problems = "".join(f"<br>{cell(problem)}" for problem in (*one.problems, *breaking(one.notes)))
            yield f"| {one.chart} | {one.before} | {one.after} | {shortened(one.releases)} | {verdict(one)}{problems} |"
        yield ""
    if outcome.apps:
        yield "| app | objects | restarts | waiting for it |\n| --- | --- | --- | --- |"
        for app in outcome.apps:
            restarts = shortened(f"{key.kind} {key.name}" for key, _ in app.restarts)
            yield f"| {app.name} | {counts(app)} | {restarts or '–'} | {shortened(app.waiting) or '–'} |"


def _alert(kind: str, title: str, entries: list[str]) -> Iterator[str]:
    if entries:
        yield f"> [!{kind}]\n> **{title}**"
        yield from (f"> - {entry}" for entry in entries)
        yield ""


def cell(text: str) -> str:
    """Return a text for a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _details(app: ChangedApp) -> str:
    lines = [f"<details><summary>{app.name}: {counts(app)}</summary>\n"]
    for change in app.changes:
        if change.is_shown:
            lines += [f"`{change.key}` {change.what}\n", *_fenced(_lines(change))]
    lines += [f"- `{key}` restarts: {reason}" for key, reason in app.restarts]
    return "\n".join([*lines, "\n</details>\n"])


def _lines(change: Change) -> list[str]:
    if change.what == "changed":
        return list(field_lines(change.fields))
    sign = SIGNS[change.what][0]
    return [f"{sign} {line}" for line in lines_of(without_secrets(change.before or change.after or {}))]


def _fenced(lines: list[str]) -> list[str]:
    fence = "```"
    while any(fence in line for line in lines):
        fence += "`"
    return [f"{fence}diff", *lines, f"{fence}\n"]


# --- For programs ---


def as_data(outcome: ClusterDiff) -> dict[str, Any]:
    """Return the report for programs."""
    care = what_needs_care(outcome)
    return {
        "base": outcome.base,
        "needsNothing": not care,
        "care": care,
        "apps": [
            {
                "name": app.name,
                "objects": [_change_data(change) for change in app.changes if change.is_shown],
                "restarts": _reasons(app.restarts),
                "waiting": list(app.waiting),
            }
            for app in outcome.apps
        ],
        "charts": [
            {
                "chart": one.chart,
                "from": one.before,
                "to": one.after,
                "releases": list(one.releases),
                "problems": list(one.problems),
                "unknown": one.unknown or None,
            }
            for one in outcome.raises
        ],
        "lost": _reasons(outcome.lost),
        "refused": _reasons(outcome.refused),
        "unknown": dict(outcome.unknown),
    }


def _change_data(change: Change) -> dict[str, Any]:
    key = change.key
    return {
        "what": change.what,
        "kind": key.kind,
        "namespace": key.namespace or None,
        "name": key.name,
        "owner": str(key.owner),
        "fields": [{"path": path, "before": before, "after": after} for path, before, after in change.fields],
    }


def _reasons(reasons: Reasons) -> list[dict[str, str]]:
    return [{"object": str(key), "reason": reason} for key, reason in reasons]
