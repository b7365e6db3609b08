"""The report on newer charts, for people and for programs."""

import difflib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from talos_flux.charts.apply import Edit, diff, written
from talos_flux.charts.compare import ValueProblem, dotted
from talos_flux.charts.pins import Pin
from talos_flux.charts.updates import Effect, Result, Update
from talos_flux.terminal import out

SHOWN = 6
COLOURS = {"patch": "green", "minor": "cyan", "major": "yellow"}


def edit_of(pin: Pin, update: Update) -> Edit:
    """Return the edit that applies an update."""
    return Edit(pin, update, pin.place, pin.version, written(pin.version, update.version, pin))


# --- For people ---


def show(results: Sequence[Result], root: Path, kubernetes: str, *, with_values: bool) -> None:
    """Print every pin with updates, then those that were not checked, then a count of each state."""
    for result in results:
        if result.updates:
            _show_result(result, root, kubernetes, with_values=with_values)
    for result in results:
        if result.pin.reason:
            users = ", ".join(result.pin.users)
            out.print(
                f"[yellow]not looked at:[/yellow] {escape(f'{users} ({result.pin.chart}): {result.pin.reason}')}."
            )
    counted = Counter(_state(result) for result in results)
    parts = [f"{counted[state]} {text}" for state, text in SUMMARY.items() if counted[state]]
    out.print(f"{charts(len(results))}: {', '.join(parts)}." if parts else "No HelmRelease is here.")


def charts(count: int) -> str:
    """Return a count of charts in words: 1 chart, 2 charts."""
    return f"{count} chart{'' if count == 1 else 's'}"


SUMMARY = {
    "current": "up to date",
    "update": "with updates",
    "care": "with updates that need care",
    "skipped": "not looked at",
    "failed": "that could not be found out",
}


def _state(result: Result) -> str:
    if result.pin.reason:
        return "skipped"
    if result.failure:
        return "failed"
    if any(update.needs_care for update in result.updates):
        return "care"
    if any(update.unknown for update in result.updates):
        return "failed"
    return "update" if result.updates else "current"


def _show_result(result: Result, root: Path, kubernetes: str, *, with_values: bool) -> None:
    pin = result.pin
    out.print(f"[bold]{escape(pin.chart)} {escape(pin.version)}[/bold] → {escape(_list(result.updates))}")
    out.print(f"  for {escape(', '.join(pin.users))}")
    out.print(f"  of {escape(str(pin.source))}, pinned in {escape(f'{pin.place.path}:{pin.place.line}')}")
    for update in result.updates:
        _show_update(pin, update, root, kubernetes, with_values=with_values)
    if recommended := result.recommended:
        sure = "" if recommended.is_complete else ", as far as could be compared"
        advice = f"take {recommended.version}: nothing of yours has to change{sure}"
    elif any(update.unknown for update in result.updates):
        advice = "nothing before it could be compared"
    elif any(update.needs_care and update.level != "major" for update in result.updates):
        advice = "change what is named above together with the version"
    else:
        advice = "read what the authors say of the new major version, then change its line"
    out.print(f"  [bold]advice[/bold]      {escape(advice)}\n")


def _list(updates: Sequence[Update]) -> str:
    return ", ".join(f"{update.version} ({update.level})" for update in updates)


def _show_update(pin: Pin, update: Update, root: Path, kubernetes: str, *, with_values: bool) -> None:
    colour = COLOURS[update.level]
    care = " [red]needs care[/red]" if update.needs_care else ""
    out.print(f"  [bold {colour}]{update.level.upper()}[/bold {colour}] {escape(update.version)}{care}")
    if update.unknown:
        _line("unknown", update.unknown)
    if update.limit:
        _line("Kubernetes", f"the chart wants {update.limit}, the cluster has {kubernetes}")
    for effect in update.effects:
        for problem in effect.problems:
            _line(problem.kind, f"{_place(effect, problem)}: {problem}")
    old, new = update.app_versions
    if old != new:
        _line("installs", f"{old or '(unsaid)'} → {new or '(unsaid)'}")
    for text in dict.fromkeys(text for effect in update.effects for text in _images(effect)):
        _line("image", text)
    for text in dict.fromkeys(effect.unrendered for effect in update.effects if effect.unrendered):
        _line("image", f"not compared: {text}")
    _show_defaults(update, with_values=with_values)
    for note in update.notes:
        _line("note", note)
    for change in update.changelog.changes[:SHOWN]:
        _line("says", change)
    if update.changelog.url:
        _line("changelog", update.changelog.url)
    for line in diff(root, edit_of(pin, update))[3:]:
        if line.startswith(("+", "-")):
            out.print(f"    [{'green' if line[0] == '+' else 'red'}]{escape(line)}[/]")


def _line(label: str, text: str) -> None:
    out.print(f"    {label:<11} {escape(_plain(text))}")


def _plain(text: str) -> str:
    """Return a text of foreign origin without characters that could control a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _place(effect: Effect, problem: ValueProblem) -> str:
    place = effect.release.item.at("spec", "values", *problem.keys)
    return f"{place.path}:{place.line}"


def _images(effect: Effect) -> list[str]:
    """Return the images that change, old and new of one name in one line."""
    if effect.images is None:
        return []
    gone, new = list(effect.images.gone), list(effect.images.new)
    lines = []
    for image in [*new]:
        name = _name(image)
        if [_name(other) for other in gone].count(name) == 1 and [_name(other) for other in new].count(name) == 1:
            before = next(other for other in gone if _name(other) == name)
            gone.remove(before)
            new.remove(image)
            lines.append(f"{name} {before[len(name) + 1 :] or '(no tag)'} → {image[len(name) + 1 :] or '(no tag)'}")
    return [*lines, *(f"{image} is new" for image in new), *(f"{image} goes" for image in gone)]


def _name(image: str) -> str:
    """Return an image without its tag and digest."""
    path, slash, last = image.partition("@")[0].rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def _show_defaults(update: Update, *, with_values: bool) -> None:
    """Print how many defaults differ, and those that apply to our releases."""
    changes = update.defaults
    counts = {"new": len(changes.added), "gone": len(changes.removed), "changed": len(changes.changed)}
    if not any(counts.values()):
        return
    _line("defaults", ", ".join(f"{count} {label}" for label, count in counts.items() if count))
    reaching = {key: pair for effect in update.effects for key, pair in effect.changed_defaults.items()}
    shown = list(reaching.items()) if with_values else list(reaching.items())[:SHOWN]
    for key, (old, new) in shown:
        _line("", f"{key}: {_short(old)} → {_short(new)}, which you do not set")
    if len(reaching) > len(shown):
        _line("", f"{len(reaching) - len(shown)} more: --values shows them, and the values themselves")
    if with_values:
        before, after = (text.splitlines() for text in update.values)
        for line in difflib.unified_diff(before, after, "values.yaml", "values.yaml", n=2, lineterm=""):
            out.print(f"      {escape(_plain(line))}")


def _short(value: Any) -> str:
    text = " ".join(str(value).split()) if value is not None else "null"
    return text if len(text) <= 60 else f"{text[:57]}..."


# --- For programs ---


def as_data(results: Sequence[Result], root: Path, kubernetes: str) -> dict[str, Any]:
    """Return everything, as JSON has it."""
    return {"kubernetes": kubernetes, "charts": [_result_data(result, root) for result in results]}


def _result_data(result: Result, root: Path) -> dict[str, Any]:
    pin = result.pin
    return {
        "chart": pin.chart,
        "version": pin.version,
        "source": str(pin.source.url) if pin.source else None,
        "path": pin.place.path,
        "line": pin.place.line,
        "releases": [
            {"name": name, "values": dict(release.values)}
            for name, release in zip(pin.users, pin.releases, strict=True)
        ],
        "state": _state(result),
        "reason": pin.reason or result.failure or None,
        "recommended": result.recommended.version if result.recommended else None,
        "updates": [_update_data(pin, update, root) for update in result.updates],
    }


def _update_data(pin: Pin, update: Update, root: Path) -> dict[str, Any]:
    changes = update.defaults
    return {
        "level": update.level,
        "version": update.version,
        "needsCare": update.needs_care,
        "unknown": update.unknown or None,
        "kubernetesLimit": update.limit or None,
        "appVersion": {"old": update.app_versions[0], "new": update.app_versions[1]},
        "releases": [_effect_data(effect) for effect in update.effects],
        "defaults": {
            "added": changes.added,
            "removed": changes.removed,
            "changed": {key: {"old": old, "new": new} for key, (old, new) in changes.changed.items()},
        },
        "changelog": {"url": update.changelog.url or None, "changes": list(update.changelog.changes)},
        "notes": update.notes,
        "diff": diff(root, edit_of(pin, update)),
    }


def _effect_data(effect: Effect) -> dict[str, Any]:
    return {
        "name": effect.name,
        "problems": [_problem_data(effect, problem) for problem in effect.problems],
        "images": {"gone": list(effect.images.gone), "new": list(effect.images.new)} if effect.images else None,
        "imagesNotCompared": effect.unrendered or None,
    }


def _problem_data(effect: Effect, problem: ValueProblem) -> dict[str, Any]:
    place = effect.release.item.at("spec", "values", *problem.keys)
    return {
        "what": problem.kind,
        "key": dotted(problem.keys),
        "text": problem.text,
        "perhaps": dotted(problem.perhaps) or None,
        "path": place.path,
        "line": place.line,
    }
