"""What is said after a copy and after an update: the next commands, by the answers."""

import subprocess
from pathlib import Path

import pytest

from tests.support.needs import needs
from tests.support.render import commit_all, git
from tests.test_questions import questionnaire  # noqa: F401  (a fixture)

pytestmark = [needs("copier"), pytest.mark.full]

TUNNEL = "6f2b0a57-31c4-4f0e-8c62-1a7d3c5e9b40"
URL = "repository_url=https://git.example.net/home/anton.git"


def says(folder: Path, *words: str) -> str:
    """Return what copier prints for people."""
    done = subprocess.run(["copier", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stderr


def commands(said: str) -> list[str]:
    """Return the lines of a message that are meant to be typed."""
    return [line.strip() for line in said.splitlines() if line.startswith("  ") and "create" not in line]


def test_after_a_copy_the_next_commands_are_said_and_work(questionnaire: Path, tmp_path: Path) -> None:  # noqa: F811
    said = says(tmp_path, "copy", "--defaults", str(questionnaire), "my-cluster")
    enter, commit, tools = commands(said)
    assert (enter, tools) == ("cd my-cluster", "mise trust && mise install")
    subprocess.run(f"{enter} && {commit}", shell=True, cwd=tmp_path, check=True, capture_output=True)  # noqa: S602
    assert git(tmp_path / "my-cluster", "log", "--format=%s").strip() == "feat: anton"
    assert "docs/runbooks/first-boot.md" in said
    assert "mise activate" in said


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ([], "refuses: repository_url, domain, cloudflare_tunnel_id."),
        (["domain=example.net"], "refuses: repository_url, cloudflare_tunnel_id."),
        ([f"cloudflare_tunnel_id={TUNNEL}"], "refuses: repository_url, domain."),
        ([URL], "refuses: domain, cloudflare_tunnel_id."),
        ([URL, "domain=example.net", f"cloudflare_tunnel_id={TUNNEL}"], ""),
        ([URL, "domain=example.net", "external_access=none"], ""),
    ],
)
def test_after_a_copy_placeholders_are_named(
    given: list[str],
    named: str,
    questionnaire: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    data = [word for answer in given for word in ("--data", answer)]
    said = says(tmp_path, "copy", "--defaults", *data, str(questionnaire), "my-cluster")
    assert named in said
    assert ("placeholder" in said) == bool(named)


def test_after_an_update_the_checks_are_said(questionnaire: Path, tmp_path: Path) -> None:  # noqa: F811
    template, cluster = tmp_path / "template", tmp_path / "my-cluster"
    git(tmp_path, "clone", "--quiet", str(committed(questionnaire, tmp_path)), str(template))
    says(tmp_path, "copy", "--defaults", str(template), "my-cluster")
    commit_all(cluster, "feat: anton")
    (template / "template/NEWS.md").write_text("# News\n")
    commit_all(template, "feat: news")
    git(template, "tag", "v2.0.0")
    said = says(cluster, "update", "--defaults")
    assert "git diff --check && git status --short && task validate" in said
    assert "its namespaces and apps do with `task update`" in said


def committed(questionnaire: Path, folder: Path) -> Path:  # noqa: F811
    """Make the questionnaire a git repository with a release."""
    source = folder / "released"
    source.mkdir()
    subprocess.run(["cp", "-r", f"{questionnaire}/.", source], check=True)
    commit_all(source, "feat: questions")
    git(source, "tag", "v1.0.0")
    return source
