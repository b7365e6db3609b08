"""Output of findings: for people, for programs, for GitHub and for GitLab."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from talos_flux.check.rule import Finding, Severity

WARNINGS, ERRORS = 1, 2
# More findings of a rule that is no error are a habit of the repository; more errors of one cause are one, too.
MANY = 3
# By rule, why it could not judge everything.
Unjudged = Mapping[str, set[str]]
NO_ROOT = "no Flux Kustomization that can be read applies others, so what Flux would apply is not checked."


def show(findings: Sequence[Finding], form: str, unjudged: Unjudged | None = None) -> None:
    """Print findings in one of three forms: text, json, or github, which shows them at their lines."""
    {"text": as_text, "json": as_json, "github": annotate}[form](findings, unjudged or {})


def condensed(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings, with one for many that go away together.

    Those are errors of one cause, and all that a rule warns of: that is a habit.
    """
    alike: dict[object, list[Finding]] = {}
    for finding in findings:
        alike.setdefault(_cause(finding), []).append(finding)
    shown: list[Finding] = []
    for finding in findings:
        group = alike[_cause(finding)]
        if len(group) <= MANY:
            shown.append(finding)
        elif finding is group[0]:
            files = len({each.place.path for each in group})
            where = f" in {files} files" if files > 1 else ""
            text = f"{finding.text}, and {len(group) - 1} more like it{where}: --rule {finding.rule.id} shows them"
            shown.append(replace(finding, text=text))
    return shown


def _cause(finding: Finding) -> object:
    """Return what findings have in common that go away together."""
    if finding.rule.severity is not Severity.ERROR:
        return finding.rule
    return (finding.rule, finding.cause) if finding.cause else finding


def as_text(findings: Sequence[Finding], unjudged: Unjudged) -> None:
    """Print every finding, then for each rule how many there are and what to do, errors first."""
    for finding in findings:
        print(finding)
    if findings:
        print()
    counted = Counter(finding.rule for finding in findings).most_common()
    for severity in Severity:
        for rule, count in counted:
            if rule.severity is severity:
                print(f"{rule.id}, {count} {severity.value}{'s' * (count > 1)}: {rule.fix}")
    if unjudged:
        reasons = sorted(set().union(*unjudged.values()))
        more = f"; {len(reasons) - 3} more" if len(reasons) > 3 else ""
        rules = f"{len(unjudged)} rule{'s' * (len(unjudged) > 1)} could not judge everything"
        print(f"{rules} ({', '.join(sorted(unjudged))}): {'; '.join(reasons[:3])}{more}.")


def say_hints(hints: Sequence[Finding]) -> None:
    """Print in one line that there are hints."""
    if hints:
        counted = Counter(hint.rule.id for hint in hints).most_common()
        rules = ", ".join(f"{name} {count}" for name, count in counted)
        print(f"{len(hints)} hint{'s' * (len(hints) > 1)}, which {'break' if len(hints) > 1 else 'breaks'} nothing: "
              f"{rules}. --hints shows them.")  # fmt: skip


def as_json(findings: Sequence[Finding], unjudged: Unjudged) -> None:
    """Print a list of objects: the findings, then what no rule could judge, with the severity unjudged."""
    data = [
        {
            "rule": finding.rule.id,
            "severity": finding.rule.severity.value,
            "path": finding.place.path,
            "line": finding.place.line,
            "text": finding.text,
            "fix": finding.rule.fix,
        }
        for finding in findings
    ]
    data += [
        {"rule": rule, "severity": "unjudged", "path": "", "line": 0, "text": reason, "fix": ""}
        for rule, reasons in sorted(unjudged.items())
        for reason in sorted(reasons)
    ]
    print(json.dumps(data, indent=2))


def annotate(findings: Sequence[Finding], unjudged: Unjudged | None = None) -> None:
    """Print GitHub's workflow commands, and the same as text, which is all that the log shows."""
    for finding in findings:
        text = _escaped(f"{finding.text} [{finding.rule.id}]. {finding.rule.fix}")
        path = _escaped(finding.place.path).replace(":", "%3A").replace(",", "%2C")
        command = "notice" if finding.rule.severity is Severity.HINT else finding.rule.severity.value
        print(f"::{command} file={path},line={finding.place.line}::{text}")
    as_text(findings, unjudged or {})


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\n", "%0A")


def report(findings: Sequence[Finding], path: Path) -> None:
    """Write the Code Quality report that GitLab shows in a merge request."""
    severities = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.HINT: "info"}
    data = [
        {
            "check_name": finding.rule.id,
            "description": f"{finding.text}. {finding.rule.fix}",
            # Without the line, so that a finding that moves stays the same one.
            "fingerprint": hashlib.sha256(
                f"{finding.rule.id} {finding.place.path} {finding.text}".encode()
            ).hexdigest(),
            "severity": severities[finding.rule.severity],
            "location": {"path": finding.place.path, "lines": {"begin": finding.place.line}},
        }
        for finding in findings
    ]
    path.write_text(json.dumps(data, indent=2))


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 0 for no finding or hints alone, 1 for warnings, 2 for errors."""
    severities = {finding.rule.severity for finding in findings}
    return ERRORS if Severity.ERROR in severities else WARNINGS if Severity.WARNING in severities else 0
