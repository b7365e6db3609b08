"""What was found, for people, programs, GitHub and GitLab."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lib.checks.rules import Finding, Severity

WARNINGS, ERRORS = 1, 2
NO_ROOT = "no Flux Kustomization that can be read applies others, so what Flux would apply is not checked."


def show(found: Sequence[Finding], form: str) -> None:
    """Print findings as text, json, or as github shows them at their lines."""
    {"text": as_text, "json": as_json, "github": annotate}[form](found)


def as_text(found: Sequence[Finding]) -> None:
    """Every finding, then what to do about each kind of them, errors first."""
    for one in found:
        print(one)
    if found:
        print()
    counted = Counter(one.rule for one in found).most_common()
    for severity in (Severity.ERROR, Severity.WARNING):
        for rule, count in counted:
            if rule.severity is severity:
                print(f"{rule.id}, {count} {severity.value}{'s' * (count > 1)}: {rule.fix}")


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
        text = _escaped(f"{one.text} [{one.rule.id}]. {one.rule.fix}")
        path = _escaped(one.place.path).replace(":", "%3A").replace(",", "%2C")
        print(f"::{one.rule.severity.value} file={path},line={one.place.line}::{text}")
    as_text(found)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\n", "%0A")


def report(found: Sequence[Finding], path: Path) -> None:
    """Write what GitLab shows in a merge request: its Code Quality report."""
    severities = {Severity.ERROR: "critical", Severity.WARNING: "minor"}
    data = [
        {
            "check_name": one.rule.id,
            "description": f"{one.text}. {one.rule.fix}",
            # Without the line: a finding that moves is no new one.
            "fingerprint": hashlib.sha256(f"{one.rule.id} {one.place.path} {one.text}".encode()).hexdigest(),
            "severity": severities[one.rule.severity],
            "location": {"path": one.place.path, "lines": {"begin": one.place.line}},
        }
        for one in found
    ]
    path.write_text(json.dumps(data, indent=2))


def exit_code(found: Sequence[Finding]) -> int:
    """0 nothing found, 1 warnings, 2 errors."""
    severities = {one.rule.severity for one in found}
    return ERRORS if Severity.ERROR in severities else WARNINGS if severities else 0
