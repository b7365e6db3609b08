"""The commit hook and CI stop every kind of secret at its line, and nothing that only looks like one."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from talos_flux.validate.external_tools import GITLEAKS
from tests.support import tools
from tests.support.cases import EXAMPLES
from tests.support.needs import needs
from tests.support.render import Renderer, git
from tests.support.secret_material import AGE, GITHUB, LOOKS_LIKE_ONE, MATERIAL, PLAIN
from tests.support.secret_sentences import SAID
from tests.test_ci import committed, validate

# One process looks through all of it, once.
pytestmark = [needs("gitleaks", "kustomize"), pytest.mark.xdist_group("secret material")]

LEAKED = f"[{GITLEAKS.id}]"


@pytest.fixture
def mine(render: Renderer, tmp_path: Path) -> Path:
    """Provide a cluster that the test may change."""
    return committed(render(EXAMPLES["minimal"]), tmp_path / "cluster")


@pytest.fixture(scope="module")
def findings(render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Provide what is reported about a cluster with all of it, half of the files staged, by force where git asks."""
    root = committed(render(EXAMPLES["minimal"]), tmp_path_factory.mktemp("material") / "cluster")
    for number, (_, path, content) in enumerate([*MATERIAL, *LOOKS_LIKE_ONE]):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())
        is_ignored = subprocess.run(["git", "check-ignore", "--quiet", path], cwd=root, check=False).returncode == 0
        if number % 2 or is_ignored:
            git(root, "add", "--force", path)
    done = validate(root, "--fail-on=error")
    assert done.returncode == 2 and not done.stderr.startswith("error"), done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, path, _ in MATERIAL])
def test_every_kind_of_secret_is_stopped_at_its_line(findings: list[str], kind: str, path: str) -> None:
    assert f"{path}:{SAID[kind]}" in findings, [line for line in findings if line.startswith(f"{path}:")]


def test_there_are_many_kinds_each_in_a_file_of_its_own() -> None:
    assert len({path for _, path, _ in MATERIAL}) == len(MATERIAL) == len(SAID) >= 80


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, path, _ in LOOKS_LIKE_ONE])
def test_what_only_looks_like_a_secret_passes(findings: list[str], kind: str, path: str) -> None:
    assert [line for line in findings if line.startswith(f"{path}:") and "[secret-" in line] == [], kind


def test_no_secret_is_repeated(findings: list[str]) -> None:
    assert not [line for line in findings if AGE in line or GITHUB in line or "hunter2" in line]


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_file_of_a_cluster_looks_like_a_secret(render: Renderer, name: str) -> None:
    root = render(EXAMPLES[name])
    words = ("--no-banner", "--log-level=error", "--report-format=json", "--report-path=-")
    assert tools.run("gitleaks", "dir", root, *words, "--config", root / ".gitleaks.toml").strip() == "[]"


# --- What a commit would take ---


def leaks(root: Path) -> list[str]:
    """Return what gitleaks finds."""
    return [line for line in validate(root).stdout.splitlines() if line.endswith(LEAKED)]


def places(root: Path) -> list[str]:
    return [line.partition(" ")[0] for line in leaks(root)]


def test_what_is_staged_counts_and_not_what_the_work_tree_says(mine: Path) -> None:
    note = mine / "docs/note.txt"
    note.write_text(f"\n{PLAIN}")
    git(mine, "add", "docs/note.txt")
    note.write_text("Nothing here.\n")
    assert leaks(mine) == [f"docs/note.txt:4: what gitleaks knows as kubernetes-secret can be read here {LEAKED}"]
    git(mine, "add", "docs/note.txt")
    assert leaks(mine) == []


@pytest.mark.full
def test_what_is_not_added_yet_is_found(mine: Path) -> None:
    (mine / "docs/note.txt").write_text(PLAIN)
    assert places(mine) == ["docs/note.txt:3:"]


@pytest.mark.full
def test_a_file_that_is_ignored_may_hold_anything(mine: Path) -> None:
    (mine / ".env").write_text(f"TOKEN={GITHUB}\n")
    assert leaks(mine) == []


@pytest.mark.full
def test_a_renamed_file_is_found_where_it_is(mine: Path) -> None:
    (mine / "docs/note.txt").write_text(PLAIN)
    git(mine, "add", "--all")
    git(mine, "mv", "docs/note.txt", "other")
    assert places(mine) == ["other:3:"]


@pytest.mark.full
def test_a_link_to_a_private_file_is_not_followed(mine: Path) -> None:
    (mine / ".env").write_text(f"TOKEN={GITHUB}\n")
    (mine / "docs/link.txt").symlink_to("../.env")
    git(mine, "add", "docs/link.txt")
    (mine / "docs/new.txt").symlink_to(mine / ".env")
    assert leaks(mine) == []


@pytest.mark.full
def test_a_repository_inside_is_not_looked_into(mine: Path) -> None:
    inner = mine / "inner"
    inner.mkdir()
    (inner / "a.txt").write_text(PLAIN)
    git(inner, "init", "--quiet")
    git(inner, "add", "--all")
    git(inner, "commit", "--quiet", "--message", "test")
    git(mine, "add", "inner")
    assert leaks(mine) == []


def test_a_file_in_an_archive_is_named(mine: Path) -> None:
    with zipfile.ZipFile(mine / "a.zip", "w") as archive:
        archive.writestr("folder/note.txt", PLAIN)
    found = f"a.zip:1: what gitleaks knows as kubernetes-secret in folder/note.txt can be read here {LEAKED}"
    assert leaks(mine) == [found]


@pytest.mark.full
def test_what_the_user_allows_passes(mine: Path) -> None:
    (mine / "docs/note.txt").write_text(PLAIN)
    with (mine / ".gitleaks.toml").open("a") as config:
        config.write('\n[[allowlists]]\npaths = ["docs/note.txt$"]\n')
    assert leaks(mine) == []
