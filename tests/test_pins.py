"""Each version that a new cluster starts with is one that somebody saw, and a release says why it is an old one."""

import re
from datetime import date

import pytest

from tests import pins
from tests.support import releases
from tests.support.render import PROJECT, git

KNOWN = pins.known_now()
DAY = re.compile(r"^\| \[(\S+)\]\(\S+\) \| ([0-9-]{10}) \|", re.MULTILINE)
DAYS = {version: date.fromisoformat(day) for version, day in DAY.findall((PROJECT / "CHANGELOG.md").read_text())}


def then(version: str, wanted: re.Pattern[str]) -> list[str]:
    """Return files as they were at a release, or as they are for one to come."""
    commit = releases.releases().get(version)
    if commit is None:
        names = git(PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
        return [(PROJECT / name).read_text() for name in names if wanted.fullmatch(name)]
    names = git(PROJECT, "ls-tree", "-r", "-z", "--name-only", commit).split("\0")
    return [git(PROJECT, "show", f"{commit}:{name}") for name in names if wanted.fullmatch(name)]


def test_of_each_pin_it_is_known_where_it_was_seen() -> None:
    assert {name: pin.version for name, pin in KNOWN.items()} == pins.pinned()


@pytest.mark.parametrize("pin", KNOWN.values(), ids=KNOWN)
def test_a_pin_that_is_not_the_newest_has_a_reason(pin: pins.Pin) -> None:
    assert (pin.newest != pin.version) == bool(pin.stays)
    assert pin.evidence and pin.age(date.today()) >= 0


def test_a_chart_that_was_not_rendered_as_pinned_has_a_reason() -> None:
    page = (PROJECT / "docs/reference/components.md").read_text()
    differing = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 8 and (chart := re.fullmatch(r"`\S+/([^/`]+)` v?(\S+)", cells[4])):
            rendered = re.match(r"v?([0-9.]+)", cells[6])
            if not rendered or rendered[1] != chart[2]:
                differing[chart[1]] = chart[2]
    reasons = {pin.version: pin.unjudged for pin in KNOWN.values() if pin.unjudged}
    assert differing and {name for name, version in differing.items() if version not in reasons} == set()
    assert set(reasons) == set(differing.values())


@pytest.mark.parametrize("version", DAYS)
def test_a_release_says_why_a_version_is_older_than_six_weeks(version: str) -> None:
    old = pins.old(pins.known(then(version, pins.KNOWN)).values(), DAYS[version])
    notes = then(version, re.compile(re.escape(f"docs/releases/{version}.md")))
    assert pins.unexplained("\n".join(notes), old) == []


def test_what_make_pins_prints_is_what_the_note_of_a_release_needs() -> None:
    old = pins.old(KNOWN.values(), date(2027, 12, 31))
    assert {pin.name for pin in old} == set(KNOWN)
    said = pins.section(old)
    assert pins.unexplained(f"# v9.0.0: a title\n\nWhat is new.\n\n{said}\n", old) == []
    without = said.replace("`pin_cilium`", "cilium").replace("- 2.7 could not be rendered here: ", "- ")
    assert pins.unexplained(without, old) == ["pin_cilium", "pin_nginx_ingress"]


def test_six_weeks_are_six_weeks() -> None:
    [day] = {KNOWN["pin_cilium"].since}
    assert pins.old([KNOWN["pin_cilium"]], date.fromordinal(day.toordinal() + 42)) == []
    assert pins.old([KNOWN["pin_cilium"]], date.fromordinal(day.toordinal() + 43)) == [KNOWN["pin_cilium"]]
