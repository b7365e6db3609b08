"""Output of findings: for people, for programs, for GitHub and for GitLab."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from talos_flux.check.rule import Finding, Severity

WARNINGS, ERRORS = 1, 2
NO_ROOT = "no Flux Kustomization that can be read applies others, so what Flux would apply is not checked."


def show(findings: Sequence[Finding], form: str) -> None:
    """Print findings in one of three forms: text, json, or github, which shows them at their lines."""
    {"text": as_text, "json": as_json, "github": annotate}[form](findings)


def as_text(findings: Sequence[Finding]) -> None:
    """Print every finding, then for each rule how many there are and what to do, errors first."""
    for finding in findings:
        print(finding)
    if findings:
        print()
    counted = Counter(finding.rule for finding in findings).most_common()
    for severity in (Severity.ERROR, Severity.WARNING):
        for rule, count in counted:
            if rule.severity is severity:
                print(f"{rule.id}, {count} {severity.value}{'s' * (count > 1)}: {rule.fix}")


def as_json(findings: Sequence[Finding]) -> None:
    """Print a list of objects."""
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
    print(json.dumps(data, indent=2))


def annotate(findings: Sequence[Finding]) -> None:
    """Print GitHub's workflow commands, and the same as text, which is all that the log shows."""
    for finding in findings:
        text = _escaped(f"{finding.text} [{finding.rule.id}]. {finding.rule.fix}")
        path = _escaped(finding.place.path).replace(":", "%3A").replace(",", "%2C")
        print(f"::{finding.rule.severity.value} file={path},line={finding.place.line}::{text}")
    as_text(findings)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\n", "%0A")


def report(findings: Sequence[Finding], path: Path) -> None:
    """Write the Code Quality report that GitLab shows in a merge request."""
    severities = {Severity.ERROR: "critical", Severity.WARNING: "minor"}
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
    """Return 0 for no finding, 1 for warnings, 2 for errors."""
    severities = {finding.rule.severity for finding in findings}
    return ERRORS if Severity.ERROR in severities else WARNINGS if severities else 0
