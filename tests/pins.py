"""Each pin, the newest version that there is evidence for, and its age: `make pins`.

What is known stands in tests/pins.yml, and of what belongs to a component or backend in its record. Where its
evidence is a registry, that is asked too; what does not answer is skipped.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

from tests.support.render import PROJECT

KNOWN = re.compile(r"tests/pins\.yml|template/kubernetes/apps/[^/]+/component\.yaml|backends/[^/]+/[^/]+\.yaml")
QUESTIONS = tuple(f"questions/{name}pins.yml" for name in ("", "component_", "tool_", "ci_"))
DAYS = 42
HEADING = "## Versions older than six weeks"
STILL_THE_NEWEST = "nothing newer was seen"
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Pin:
    """What is known of a version. Without `released`, `since` is the day on which it was first seen."""

    name: str
    version: str
    since: date
    evidence: str
    newest: str
    stays: str = ""
    unjudged: str = ""
    series: str = ""
    limit: str = ""
    module_prefix: tuple[str, str] = ("", "")

    def age(self, day: date) -> int:
        return (day - self.since).days

    @property
    def reason(self) -> str:
        """Why it is as old as it is."""
        return self.stays or STILL_THE_NEWEST


def known_now() -> dict[str, Pin]:
    """Return what is known of each pin."""
    records = ("template/kubernetes/apps/*/component.yaml", "backends/*/*.yaml")
    paths = [PROJECT / "tests/pins.yml", *(path for pattern in records for path in PROJECT.glob(pattern))]
    return known(path.read_text() for path in sorted(paths))


def known(texts: Iterable[str]) -> dict[str, Pin]:
    """Return what files like these, or older states of them, say of each pin."""
    found = {}
    told = [yaml.safe_load(text).get("pins") or {} for text in texts]
    for name, facts in sorted(entry for pins in told for entry in pins.items()):
        found[name] = Pin(
            name,
            str(facts["version"]),
            facts.get("released") or facts["seen"],
            facts["evidence"],
            str(facts.get("newest", facts["version"])),
            facts.get("stays", ""),
            facts.get("unjudged", ""),
            facts.get("series", ""),
            facts.get("limit", ""),
            tuple(facts.get("as", ("", ""))),
        )
    return found


def pinned() -> dict[str, str]:
    """Return the versions of the questions, without their digests and commits."""
    questions = [yaml.safe_load((PROJECT / name).read_text()) for name in QUESTIONS]
    defaults = {name: str(question["default"]) for each in questions for name, question in each.items()}
    return {name: default.rpartition("# ")[2].partition("@")[0] for name, default in defaults.items()}


def old(pins: Iterable[Pin], day: date) -> list[Pin]:
    """Return the pins that are older than six weeks on a day."""
    return [pin for pin in pins if pin.age(day) > DAYS]


def section(pins: Iterable[Pin]) -> str:
    """Return what a release's note says of old pins: each reason with those that it holds for."""
    by_reason: dict[str, list[str]] = {}
    for pin in pins:
        by_reason.setdefault(pin.reason, []).append(f"`{pin.name}` {pin.version}")
    return "\n".join([HEADING, "", *(f"- {reason}: {', '.join(names)}" for reason, names in by_reason.items())])


def unexplained(note: str, pins: Iterable[Pin]) -> list[str]:
    """Return the pins that a note gives no reason for."""
    lines = re.findall(r"^- [^`]*[^`: ]: (`pin_.*)$", note.partition(HEADING)[2], re.MULTILINE)
    explained = {name for line in lines for name in re.findall(r"`(pin_\w+)`", line)}
    return [pin.name for pin in pins if pin.name not in explained]


def newest_of(pin: Pin) -> tuple[str, str]:
    """Ask where a pin is published, if that can be asked: the newest version and its day, or two empty texts."""
    kind, _, name = pin.evidence.partition(" ")
    try:
        match kind:
            case "go":
                return _of_module(name, pin)
            case "npm":
                answer = json.loads(_ask("npm", "view", name, "version", "time", "--json"))
                return answer["version"], answer["time"][answer["version"]][:10]
            case "pypi":
                listed = _ask(sys.executable, "-m", "pip", "index", "versions", name)
                return listed.partition("(")[2].partition(")")[0], ""
    except (OSError, subprocess.SubprocessError, ValueError, LookupError):
        pass
    return "", ""


def _of_module(module: str, pin: Pin) -> tuple[str, str]:
    theirs, ours = pin.module_prefix
    versions = [ours + text.removeprefix(theirs) for text in _ask("go", "list", "-m", "-versions", module).split()[1:]]
    fitting = [text for text in versions if text.startswith(pin.series) and not _number(text).is_prerelease]
    if not fitting:
        return "", ""
    newest = max(fitting, key=_number)
    told: Mapping[str, Any] = json.loads(
        _ask("go", "list", "-m", "-json", f"{module}@{theirs}{newest.removeprefix(ours)}")
    )
    return newest if pin.version.startswith("v") else newest.removeprefix("v"), told["Time"][:10]


def _ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS, cwd="/").stdout


def _number(version: str) -> Version:
    """Return a version's number; one that is none counts as a pre-release of nothing."""
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0a0")


def main() -> None:
    today = date.today()
    pins = known_now()
    with ThreadPoolExecutor(8) as pool:
        asked = dict(zip(pins, pool.map(newest_of, pins.values()), strict=True))
    rows = [("pin", "version", "days", "newest", "evidence")]
    for name, pin in pins.items():
        newest, day = asked[name]
        if newest and _number(newest) > _number(pin.newest):
            rows.append((name, pin.version, str(pin.age(today)), newest, f"{pin.evidence}, {day or 'today'}"))
        else:
            newest = "" if pin.newest == pin.version else pin.newest
            rows.append((name, pin.version, str(pin.age(today)), newest, pin.evidence))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(f"\nFor the note of a release of today:\n\n{section(old(pins.values(), today))}")


if __name__ == "__main__":
    main()
