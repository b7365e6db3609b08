"""Every change of a user meets every change of the template: nothing is lost, and what can't be decided shows."""

import os
import subprocess

import pytest

from tests.support.commands import TALOS_FLUX
from tests.support.needs import needs
from tests.support.render import PROJECT
from tests.support.table import CELLS, TEMPLATE, USER, Pair

pytestmark = [needs("copier"), pytest.mark.full]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """After `task update`."""
    pair = Pair(tmp_path_factory.mktemp("ours"))
    done = subprocess.run(
        [*TALOS_FLUX, "update"],
        cwd=pair.home,
        env=os.environ | {"XDG_CACHE_HOME": str(pair.home.parent / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return pair


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """After `copier update`."""
    pair = Pair(tmp_path_factory.mktemp("stock"))
    subprocess.run(["copier", "update", "--quiet", "--defaults"], cwd=pair.home, check=True, capture_output=True)
    return pair


@pytest.mark.witness
def test_no_change_of_a_user_is_ever_lost(ours: Pair) -> None:
    assert {cell: ours.outcome(*cell) for cell in CELLS if "yours" in ours.outcome(*cell)} == {}


def test_the_documented_outcomes_are_those_that_were_seen(ours: Pair, stock: Pair) -> None:
    text = (PROJECT / "docs/how-to/update-everything.md").read_text()
    assert table(ours, stock) in text, table(ours, stock)


def table(ours: Pair, stock: Pair) -> str:
    """Return the outcomes as Markdown, `copier update`'s in brackets where they differ."""
    lines = [f"| you, the template | {' | '.join(TEMPLATE)} |", "| --- " * (len(TEMPLATE) + 1) + "|"]
    for user in USER:
        cells = []
        for template in TEMPLATE:
            here, there = ours.outcome(user, template), stock.outcome(user, template)
            cells.append(here if here == there else f"{here} (*{there}*)")
        lines.append(f"| {user} | {' | '.join(cells)} |")
    return "\n".join(lines)
