"""What a rule is, what it finds, and where a finding is waived."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from talos_flux.repository.files import RepositoryFile

# A waiver: "# allow <rule>: <reason>", on the line of the finding, or alone on a line above it or above its object.
WAIVER = re.compile(r"#\s*allow ([\w-]+)(?:\s*:\s*(.*\S))?\s*$")

# A place, a sentence, and maybe what it comes of, where that makes many findings.
Violations = Iterable[tuple[Place, str] | tuple[Place, str, str]]
Check = Callable[[Cluster], Violations]
Unjudged = Callable[[Cluster], Iterable[tuple[Place, str]]]


class Severity(Enum):
    """How bad a finding is: an error breaks the cluster, a warning will one day, a hint is a matter of taste."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True)
class Rule:
    """A rule of the check: `why` is one sentence, `fix` what to do; without `check` another tool makes its findings.

    `unjudged` finds what the rule leaves alone in a cluster, each with the reason.
    """

    id: str
    severity: Severity
    why: str
    fix: str
    check: Check | None = None
    unjudged: Unjudged | None = None


@dataclass(frozen=True)
class Finding:
    """One violation of a rule, at a line; findings of one `cause` go away together."""

    rule: Rule
    place: Place
    text: str
    cause: str = ""

    def __str__(self) -> str:
        return f"{self.place.path}:{self.place.line}: {self.text} [{self.rule.id}]"


RULES: dict[str, Rule] = {}
# Rules that `validate` has beside these: they ask registries, and can be waived as well.
OF_VALIDATE = {"chart-key-unread", "chart-missing", "chart-values", "image-missing"}


def rule(
    name: str, severity: Severity, why: str, fix: str, unjudged: Unjudged | None = None
) -> Callable[[Check], Check]:
    """Return a decorator that registers a function as a rule; it yields places and sentences without a full stop."""

    def add(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"two rules are called {name}")
        RULES[name] = Rule(name, severity, why, fix, check, unjudged)
        return check

    return add


def findings(cluster: Cluster, chosen: Iterable[str] = ()) -> list[Finding]:
    """Return what the chosen rules find, all unless given, without what is waived, ordered by path and line.

    What a rule could not judge is in the cluster's `unjudged` then.
    """
    names = set(chosen) or RULES.keys()
    violations: dict[tuple[Place, str], Finding] = {}
    for rule_ in RULES.values():
        if rule_.check and rule_.id in names:
            cluster.doubts.clear()
            violations |= {violation[:2]: Finding(rule_, *violation) for violation in rule_.check(cluster)}
            if cluster.doubts:
                cluster.unjudged[rule_.id] = set(cluster.doubts)
    kept = [finding for finding in violations.values() if not is_waived(cluster.files.get(finding.place.path), finding)]
    return sorted(kept, key=lambda finding: (finding.place.path, finding.place.line, finding.rule.id, finding.text))


def is_waived(file: RepositoryFile | None, finding: Finding) -> bool:
    """Return whether a comment with a reason waives a finding."""
    return file is not None and any(
        name == finding.rule.id and reason for name, reason in _waivers(file, finding.place.line)
    )


def _waivers(file: RepositoryFile, line: int) -> Iterator[tuple[str, str]]:
    """Yield rule and reason of the waivers for a line.

    They are at its end, in the comments right above it, or in those that its document starts with.
    """
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
    """Yield the lines of the comments with which the document of a line starts."""
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
def waivers_without_a_reason(cluster: Cluster) -> Violations:
    """Find waivers without a reason, and those that name no rule."""
    for file in cluster.manifests:
        if "# allow " not in file.text:
            continue
        for number, line in enumerate(file.lines, 1):
            match = WAIVER.search(line)
            if match and (match[1] in RULES or match[2]):
                if match[1] not in {*RULES, *OF_VALIDATE} and re.fullmatch(r"[a-z]+(-[a-z]+)+", match[1]):
                    yield Place(file.path, number), f"{match[1]} is no rule"
                elif match[1] in RULES and not match[2]:
                    yield Place(file.path, number), f"{match[1]} is waived without a reason"
