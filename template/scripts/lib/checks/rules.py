"""What a rule is, what it finds, and where it is waived."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from lib.checks.files import File
from lib.checks.flux import Cluster
from lib.checks.objects import Place

# A waiver: "# allow <rule>: <reason>", on the line of the finding, or alone on a line above it or above its object.
WAIVER = re.compile(r"#\s*allow ([\w-]+)(?:\s*:\s*(.*\S))?\s*$")

Found = Iterable[tuple[Place, str]]
Check = Callable[[Cluster], Found]


class Severity(Enum):
    """How bad it is: the cluster breaks, or it will one day."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Rule:
    """`why` is one sentence, `fix` what to do. What another tool finds has no check here."""

    id: str
    severity: Severity
    why: str
    fix: str
    check: Check | None = None


@dataclass(frozen=True)
class Finding:
    """What a rule says of a line."""

    rule: Rule
    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place.path}:{self.place.line}: {self.text} [{self.rule.id}]"


RULES: dict[str, Rule] = {}


def rule(name: str, severity: Severity, why: str, fix: str) -> Callable[[Check], Check]:
    """Make a rule of a function that yields places and sentences without a full stop."""

    def add(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"two rules are called {name}")
        RULES[name] = Rule(name, severity, why, fix, check)
        return check

    return add


def findings(cluster: Cluster, chosen: Iterable[str] = ()) -> list[Finding]:
    """What the rules find, waived ones left out, by path and line."""
    names = set(chosen) or RULES.keys()
    found = {
        (place, text): Finding(one, place, text)
        for one in RULES.values()
        if one.check and one.id in names
        for place, text in one.check(cluster)
    }
    kept = [finding for finding in found.values() if not is_waived(cluster.files.get(finding.place.path), finding)]
    return sorted(kept, key=lambda finding: (finding.place.path, finding.place.line, finding.rule.id, finding.text))


def is_waived(file: File | None, finding: Finding) -> bool:
    """Whether a comment with a reason says that a finding is meant to be so."""
    return file is not None and any(
        name == finding.rule.id and reason for name, reason in _waivers(file, finding.place.line)
    )


def _waivers(file: File, line: int) -> Iterator[tuple[str, str]]:
    """The waivers for a line: at its end, in the comments right above it, in those that its document starts with."""
    lines = file.lines
    for number in [line, *_comments_above(lines, line), *_head(lines, line)]:
        if match := WAIVER.search(lines[number - 1] if number <= len(lines) else ""):
            yield match[1], match[2] or ""


def _comments_above(lines: list[str], line: int) -> Iterator[int]:
    number = line - 1
    while number > 0 and lines[number - 1].lstrip().startswith("#"):
        yield number
        number -= 1


def _head(lines: list[str], line: int) -> Iterator[int]:
    """The comments with which the document of a line starts."""
    start = max((n for n in range(1, min(line, len(lines)) + 1) if lines[n - 1].startswith("---")), default=0)
    for number in range(start + 1, len(lines) + 1):
        if not lines[number - 1].lstrip().startswith("#"):
            return
        yield number


@rule(
    "waiver-without-reason",
    Severity.WARNING,
    "A waiver without a reason hides a finding from whoever comes later.",
    "Write `# allow <rule>: <reason>` with a rule that there is.",
)
def waivers_without_a_reason(cluster: Cluster) -> Found:
    """Waivers that say nothing, or name no rule."""
    for file in cluster.manifests:
        if "# allow " not in file.text:
            continue
        for number, line in enumerate(file.lines, 1):
            match = WAIVER.search(line)
            if match and (match[1] in RULES or match[2]):
                if match[1] not in RULES and re.fullmatch(r"[a-z]+(-[a-z]+)+", match[1]):
                    yield Place(file.path, number), f"{match[1]} is no rule"
                elif match[1] in RULES and not match[2]:
                    yield Place(file.path, number), f"{match[1]} is waived without a reason"
