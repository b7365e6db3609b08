"""What was found, for people, programs and GitHub."""

import json
from collections import Counter
from collections.abc import Sequence

from lib.checks.rules import Finding, Severity

WARNINGS, ERRORS, FAILED = 1, 2, 3


def show(found: Sequence[Finding], form: str) -> None:
    """Print findings as text, json, or as github shows them at their lines."""
    {"text": as_text, "json": as_json, "github": annotate}[form](found)


def as_text(found: Sequence[Finding]) -> None:
    """Every finding, then what to do about each kind of them."""
    for one in found:
        print(one)
    if found:
        print()
    fixes = {one.rule.id: one.rule.fix for one in found}
    for name, count in Counter(one.rule.id for one in found).most_common():
        print(f"{name}, {count}: {fixes[name]}")


def as_json(found: Sequence[Finding]) -> None:
    """A list of objects."""
    data = [
        {
            "rule": one.rule.id,
            "severity": one.rule.severity.value,
            "path": one.place.path,
            "line": one.place.line,
            "text": one.text,
            "fix": one.rule.fix,
        }
        for one in found
    ]
    print(json.dumps(data, indent=2))


def annotate(found: Sequence[Finding]) -> None:
    """GitHub's commands, and the same as text, which is all that the log shows."""
    for one in found:
        text = f"{one.text} [{one.rule.id}]. {one.rule.fix}".replace("%", "%25").replace("\n", "%0A")
        print(f"::{one.rule.severity.value} file={one.place.path},line={one.place.line}::{text}")
    as_text(found)


def exit_code(found: Sequence[Finding]) -> int:
    """0 nothing found, 1 warnings, 2 errors."""
    severities = {one.rule.severity for one in found}
    return ERRORS if Severity.ERROR in severities else WARNINGS if severities else 0
