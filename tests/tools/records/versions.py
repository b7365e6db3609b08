"""The versions of Talos, Kubernetes and programs, tests/pins.yml, where questions and templates read them."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.pins import Pin
from tests.support.render import PROJECT
from tests.tools.records.made import MADE, scalar, text_of

QUESTIONS = ("questions/pins.yml", "questions/tool_pins.yml")
NAMED = re.compile(r"Talos 1\.\d+, Kubernetes 1\.\d+")
# A version without a digest or a commit.
DEFAULT = re.compile(r"(?<=^  default: )[^\s@#]+$", re.MULTILINE)


def all_tables(pins: Mapping[str, Pin], made: Mapping[Path, str]) -> dict[Path, str]:
    """Return each table as it should be, by its path; `made` has those of the records."""
    tables = {PROJECT / name: with_versions(text_of(PROJECT / name, made), pins) for name in QUESTIONS}
    readme = PROJECT / "README.md"
    named = f"Talos {minor(pins['pin_talos'])}, Kubernetes {minor(pins['pin_kubernetes'])}"
    return {
        **tables,
        PROJECT / "macros/limits.jinja": limits(pins),
        readme: NAMED.sub(named, readme.read_text()),
    }


def with_versions(text: str, pins: Mapping[str, Pin]) -> str:
    """Return a file of questions with the versions of its pins; KeyError for a pin that tests/pins.yml lacks."""
    parts = re.split(r"^(?=pin_\w+:$)", text, flags=re.MULTILINE)
    asked = [DEFAULT.sub(scalar(pins[part.partition(":")[0]].version), part) for part in parts[1:]]
    return "".join([parts[0], *asked])


def limits(pins: Mapping[str, Pin]) -> str:
    """Return the first minor version that Renovate leaves alone, and why, by what has one."""
    lines = [f"{{#- {MADE.format('tests/pins.yml')} -#}}", "{% set limits = {"]
    for name, pin in pins.items():
        if pin.limit:
            below = minor(pin, 1)
            lines.append(f"  {name.removeprefix('pin_')!r}: dict(below={below!r}, reason={pin.limit!r}),")
    return "\n".join([*lines, "} %}", ""])


def minor(pin: Pin, later: int = 0) -> str:
    """Return the minor version of a pin, or one that comes so many later."""
    major, number, _ = pin.version.removeprefix("v").split(".")
    return f"{major}.{int(number) + later}"
