"""What `make cluster` and `copier copy` do with a folder that is not empty."""

import copier
import pytest

from examples import create
from tests.support.needs import needs
from tests.support.render import PROJECT, VERSION, git, snapshot


@pytest.fixture
def made(tmp_path):
    """Provide a folder as make cluster leaves it."""
    dest = tmp_path / "anton"
    dest.mkdir()
    (dest / "README.md").write_text("# anton\n")
    (dest / ".gitignore").write_text("/age.key\n/talos/clusterconfig/\n__pycache__/\n")
    git(dest, "init", "--quiet")
    git(dest, "add", "--all")
    git(dest, "commit", "--quiet", "--message", create.MESSAGE)
    return dest


def test_a_folder_that_make_cluster_made_may_be_made_again(made, tmp_path):
    assert create.why_not_replace(made) == ""
    assert create.why_not_replace(tmp_path / "new") == ""


def test_a_folder_with_commits_of_the_user_is_left_alone(made):
    (made / "mine.txt").touch()
    assert "mine.txt, which is not committed" in create.why_not_replace(made)
    git(made, "add", "--all")
    git(made, "commit", "--quiet", "--message", "feat: mine")
    assert "commits of yours" in create.why_not_replace(made)


@pytest.mark.parametrize("private", ["age.key", "talos/clusterconfig/anton-k8s-1.yaml"])
def test_a_folder_with_private_files_is_left_alone(made, private):
    (made / private).parent.mkdir(parents=True, exist_ok=True)
    (made / private).touch()
    assert f"{private}, which is not committed" in create.why_not_replace(made)


@pytest.mark.parametrize("new", ["README.md", "my notes.md"])
def test_a_changed_or_renamed_file_is_named(made, new):
    (made / "README.md").rename(made / new)
    (made / new).write_text("# anton, changed\n")
    assert f"{made} holds {min(new, 'README.md')}, which is not committed" in create.why_not_replace(made)


def test_caches_may_go(made):
    for cache in ("scripts/__pycache__", "scripts/talos_flux/__pycache__", ".task/checksum"):
        (made / cache).mkdir(parents=True)
        (made / cache / "lib.pyc").touch()
    with (made / ".gitignore").open("a") as rules:
        rules.write("/.task/\n")
    git(made, "commit", "--quiet", "--all", "--amend", "--no-edit")
    assert create.why_not_replace(made) == ""


def test_what_git_is_told_not_to_show_is_seen(made):
    git(made, "config", "status.showUntrackedFiles", "no")
    (made / "age.key").touch()
    assert "age.key" in create.why_not_replace(made)


def test_commits_on_another_branch_are_left_alone(made):
    git(made, "switch", "--quiet", "--create", "mine")
    git(made, "commit", "--quiet", "--allow-empty", "--message", "feat: mine")
    git(made, "switch", "--quiet", "-")
    assert "commits of yours" in create.why_not_replace(made)


def test_any_other_folder_is_left_alone(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        assert "is not a repository that make cluster created" in create.why_not_replace(path)


def test_a_repository_without_a_commit_is_left_alone(tmp_path):
    git(tmp_path, "init", "--quiet")
    assert "is not a repository that make cluster created" in create.why_not_replace(tmp_path)


def test_what_is_no_repository_after_all_is_left_alone(tmp_path):
    (tmp_path / ".git").mkdir()
    assert "is not a repository that make cluster created" in create.why_not_replace(tmp_path)


@pytest.mark.slow
def test_copying_over_a_file_asks_first(template, tmp_path):
    (tmp_path / "README.md").write_text("mine\n")
    with pytest.raises(copier.errors.InteractiveSessionError):
        copier.run_copy(str(template), tmp_path, vcs_ref=VERSION, defaults=True, quiet=True, unsafe=False)
    assert (tmp_path / "README.md").read_text() == "mine\n"


@needs("copier", "task", "gitleaks", "kustomize")
def test_changes_of_the_checkout_that_no_commit_holds_are_in_the_cluster(tmp_path, monkeypatch, capfd):
    checkout = snapshot(tmp_path / "checkout")
    (checkout / ".venv").symlink_to(PROJECT / ".venv")
    (checkout / ".git/info/exclude").write_text("/.venv\n")
    monkeypatch.setattr(create, "PROJECT", checkout)
    assert create.create(PROJECT / "examples/minimal.yaml", tmp_path / "committed")
    with (checkout / "template/AGENTS.md.jinja").open("a") as page:
        page.write("\nMine.\n")
    assert not create.create(PROJECT / "examples/minimal.yaml", tmp_path / "changed")
    assert (tmp_path / "changed/AGENTS.md").read_text().endswith("\nMine.\n")
    assert "Nothing found" in capfd.readouterr().out
