"""Which template an answers file names: an address that Renovate can follow, and the commit that was rendered."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from talos_flux.errors import UserError
from talos_flux.template.generate.template_source import TemplateCheckout
from tests.support.home import Home
from tests.support.needs import needs
from tests.support.render import VERSION, git

pytestmark = [needs("copier"), pytest.mark.full]

PUBLIC = "https://github.com/copier-talos-flux/copier-talos-flux"
FORK = "https://git.example.net/me/talos.git"
MEDIA = "kubernetes/apps/media"


@pytest.fixture
def clone(template: Path, tmp_path: Path) -> Path:
    """Provide a checkout of the template at its tag, with an origin that is elsewhere."""
    git(template, "clone", "--quiet", str(template), str(tmp_path / "clone"))
    git(tmp_path / "clone", "remote", "set-url", "origin", "git@git.example.net:me/talos.git")
    return tmp_path / "clone"


@pytest.mark.witness
def test_the_cluster_knows_the_address_best(home: Home, clone: Path) -> None:
    home.record(_src_path="gh:copier-talos-flux/copier-talos-flux")
    home.commit()
    done = home.copier("app", f"{MEDIA}/jellyfin", template=clone)
    assert done.returncode == 0, done.stderr
    for folder in (MEDIA, f"{MEDIA}/jellyfin"):
        assert home.answers(folder)["_src_path"] == PUBLIC
        assert home.answers(folder)["_commit"] == VERSION
    written = [home.text(line[3:]) for line in home.changes]
    assert not any(str(home.root.parent) in text or str(home.template) in text for text in written)


@pytest.mark.parametrize(
    ("recorded", "origin", "address"),
    [
        (FORK, PUBLIC, FORK),
        ("https://me:secret@git.example.net/me/talos", PUBLIC, FORK),
        ("../template", f"{PUBLIC}.git", PUBLIC),
        ("", "https://token@github.com/copier-talos-flux/copier-talos-flux.git", PUBLIC),
        ("/nowhere", "ssh://git@github.com/copier-talos-flux/copier-talos-flux", PUBLIC),
        ("/nowhere", "../elsewhere", "the clone"),
        ("/", "", "/"),
        ("../template", "", "the clone"),
    ],
)
def test_an_address_is_preferred_to_a_folder(clone: Path, recorded: str, origin: str, address: str) -> None:
    git(clone, "config", "remote.origin.url", origin)
    assert TemplateCheckout.checked_out_in(clone).address(recorded) == address.replace("the clone", str(clone))


def test_a_cluster_from_a_relative_path_follows_it_from_everywhere(template: Path, tmp_path: Path) -> None:
    command = ["copier", "copy", "--defaults", "--vcs-ref", VERSION, f"./{template.name}", str(tmp_path / "home")]
    subprocess.run(command, cwd=template.parent, check=True, capture_output=True)
    recorded = yaml.safe_load((tmp_path / "home/.copier-answers.yml").read_text())
    assert recorded["_src_path"] == str(template)


def test_a_worktree_is_a_checkout(home: Home, clone: Path, tmp_path: Path) -> None:
    git(clone, "worktree", "add", "--quiet", str(tmp_path / "worktree"))
    done = home.copier("namespace", MEDIA, {}, template=Path("../worktree"))
    assert done.returncode == 0, done.stderr
    assert home.answers(MEDIA)["_src_path"] == FORK
    assert home.answers(MEDIA)["_commit"] == VERSION


def test_uncommitted_work_is_left_out_and_said_so(home: Home, clone: Path) -> None:
    macro = clone / "macros/flux.jinja"
    macro.write_text(macro.read_text().replace("prune: disabled", "prune: uncommitted"))
    (clone / "generators/namespace/template/untracked.yaml").touch()
    done = home.copier("namespace", MEDIA, {}, template=clone)
    assert f"Uncommitted changes of the template are left out: this is {VERSION}." in done.stderr
    assert "prune: disabled" in home.text(f"{MEDIA}/namespace.yaml")
    assert len(home.changes) == 3


def test_a_commit_without_a_tag_is_pinned_and_said_so(home: Home, clone: Path) -> None:
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "feat: more")
    done = home.copier("namespace", MEDIA, {}, template=clone)
    commit = home.answers(MEDIA)["_commit"]
    assert git(clone, "rev-parse", commit) == git(clone, "rev-parse", "HEAD")
    assert f"The template's commit {commit} has no version tag: without one Renovate offers no update." in done.stderr
    assert f"The template is at {commit}, and this cluster follows {VERSION}." in done.stderr


def test_the_newest_version_of_a_commit_counts(clone: Path) -> None:
    for tag in ("v999.0.1", "v99.0.0", "nightly", "v999.0.1rc1"):
        git(clone, "tag", tag)
    assert TemplateCheckout.checked_out_in(clone).ref == "v999.0.1"


def test_a_version_that_the_command_line_names_is_not_passed_over(home: Home) -> None:
    with home.untouched():
        done = home.copier("namespace", MEDIA, {}, "--vcs-ref", "v1.0.0")
    assert "--vcs-ref v1.0.0 has no effect on a folder: check v1.0.0 out in the template instead." in done.stderr


def test_a_template_outside_of_git_is_refused(home: Home, template: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    shutil.copytree(template, plain, ignore=shutil.ignore_patterns(".git"))
    with home.untouched():
        done = home.copier("namespace", MEDIA, {}, template=plain)
    assert "the template must be a git repository with a commit: git rev-parse failed" in done.stderr
    git(plain.parent, "init", "--quiet")
    git(plain.parent, "commit", "--quiet", "--allow-empty", "--message", "x")
    with pytest.raises(UserError, match="must be a git repository of its own"):
        TemplateCheckout.checked_out_in(plain)
