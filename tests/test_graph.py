"""The picture of what waits for what, in the cluster's README."""

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from talos_flux.check.graph_svg import Box, boxes_of, graph_svg, needed, steps_of
from talos_flux.manifests.flux_tree import Cluster
from tests.support.cases import EXAMPLES
from tests.support.commands import TALOS_FLUX
from tests.support.render import Renderer

pytestmark = pytest.mark.slow

TEXT = "{http://www.w3.org/2000/svg}text"
A, B, C, D = (("flux-system", name) for name in "abcd")


@pytest.fixture
def mine(render: Renderer, tmp_path: Path) -> Path:
    """Provide a cluster that the test may change."""
    return Path(shutil.copytree(render(EXAMPLES["anton"]), tmp_path / "cluster"))


def texts(cluster: Cluster) -> list[str]:
    """Return the names that the picture shows."""
    picture = ElementTree.fromstring(graph_svg(cluster))  # noqa: S314, it is our own
    return [one.text or "" for one in picture.iter(TEXT) if one.get("class") != "namespace"]


def draw(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run what `task docs` runs."""
    command = [*TALOS_FLUX, "docs", *options]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_every_kustomization_is_in_the_picture_once(mine: Path) -> None:
    cluster = Cluster(mine)
    assert sorted(texts(cluster)) == sorted(name for _, name in cluster.by_key)


def test_the_picture_has_a_name_and_a_description_for_those_who_do_not_see_it(mine: Path) -> None:
    cluster = Cluster(mine)
    picture = ElementTree.fromstring(graph_svg(cluster))  # noqa: S314, it is our own
    assert picture.get("role") == "img"
    assert picture.findtext("{*}title")
    assert str(len(cluster.by_key)) in picture.findtext("{*}desc", "")


def test_boxes_do_not_overlap_and_what_comes_first_stands_at_the_left(mine: Path) -> None:
    cluster = Cluster(mine)
    picture = graph_svg(cluster)
    rectangles = [
        tuple(float(value) for value in match)
        for match in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', picture)
    ]
    for number, (x, y, width, height) in enumerate(rectangles):
        for left, top, wide, high in rectangles[:number]:
            assert x + width <= left or left + wide <= x or y + height <= top or top + high <= y
    for box in boxes_of(cluster):
        assert all(other.step < box.step for other in box.waits_for)


def test_apps_that_wait_for_the_same_share_a_box(mine: Path) -> None:
    ks = mine / "kubernetes/apps/default/echo/ks.yaml"
    twin = ks.read_text().replace("&app echo", "&app twin")
    ks.write_text(ks.read_text() + twin)
    shared: list[Box] = [box for box in boxes_of(Cluster(mine)) if "echo" in box.names]
    assert [box.names for box in shared] == [["echo", "twin"]]


def test_names_that_mean_something_in_xml_are_only_names(mine: Path) -> None:
    ks = mine / "kubernetes/apps/default/echo/ks.yaml"
    ks.write_text(ks.read_text().replace("&app echo", '&app "<script>&"'))
    assert "<script>&" in texts(Cluster(mine))


def test_a_circle_is_drawn_all_the_same() -> None:
    waits = {A: [B], B: [A], C: [A], D: [D]}
    assert steps_of(waits).keys() == waits.keys()
    assert needed(waits, A) == [B] and needed(waits, B) == [A] and needed(waits, D) == [D]


def test_a_line_that_follows_from_others_is_left_out() -> None:
    assert needed({A: [], B: [A], C: [B], D: [A, B, C]}, D) == [C]


def test_the_readme_shows_the_picture_and_the_second_time_nothing_changes(mine: Path) -> None:
    before = (mine / "README.md").read_text()
    done = draw(mine)
    assert done.returncode == 0, done.stderr
    after = (mine / "README.md").read_text()
    assert [line for line in after.splitlines() if line not in before.splitlines()] == [
        f"[![{len(Cluster(mine).kustomizations)} Kustomizations, from left to right in the order in which Flux "
        "applies them](docs/dependencies.svg)](docs/dependencies.md)"
    ]
    assert (mine / "docs/dependencies.md").read_text().startswith("# What waits for what\n\n```mermaid\nflowchart LR\n")
    assert (mine / "docs/dependencies.svg").read_text() == graph_svg(Cluster(mine)) + "\n"
    assert draw(mine).stdout == "✓ Everything is as the files say.\n"
    assert (mine / "README.md").read_text() == after


@pytest.mark.full
def test_a_picture_that_is_outdated_is_drawn_anew(mine: Path) -> None:
    draw(mine)
    assert draw(mine, "--check").returncode == 0
    listing = mine / "kubernetes/apps/default/kustomization.yaml"
    listing.write_text(listing.read_text().replace("  - ./echo/ks.yaml\n", ""))
    assert (
        draw(mine, "--check").stderr
        == "error: docs/dependencies.svg is not what the files say: `task docs` writes it.\n"
    )
    assert draw(mine).returncode == 0
    assert "echo" not in (mine / "docs/dependencies.svg").read_text()
    assert draw(mine, "--check").returncode == 0


def test_a_readme_without_a_place_is_left_alone(mine: Path) -> None:
    (mine / "README.md").write_text("# Mine\n")
    done = draw(mine)
    assert done.returncode == 1
    assert done.stderr.startswith("error: README.md has no lines <!-- task docs writes this -->")
    assert not (mine / "docs/dependencies.svg").exists()
