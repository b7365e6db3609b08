"""What `make cluster` and `copier copy` do with a folder that is not empty."""

import copier
import pytest

from examples import create
from tests.support.render import VERSION, git


@pytest.fixture
def made(tmp_path):
    """A folder as make cluster leaves it."""
    dest = tmp_path / "anton"
    dest.mkdir()
    (dest / "README.md").write_text("# anton\n")
    git(dest, "init", "--quiet")
    git(dest, "add", "--all")
    git(dest, "commit", "--quiet", "--message", create.MESSAGE)
    return dest


def test_a_folder_that_make_cluster_made_may_be_made_again(made, tmp_path):
    assert create.why_not_replace(made) == ""
    assert create.why_not_replace(tmp_path / "new") == ""


def test_a_folder_with_commits_of_the_user_is_left_alone(made):
    (made / "mine.txt").touch()
    assert "uncommitted changes" in create.why_not_replace(made)
    git(made, "add", "--all")
    git(made, "commit", "--quiet", "--message", "feat: mine")
    assert "commits of yours" in create.why_not_replace(made)


def test_any_other_folder_is_left_alone(tmp_path):
    (tmp_path / "file").touch()
    assert "is not a repository that make cluster created" in create.why_not_replace(tmp_path)


def test_copying_over_a_file_asks_first(template, tmp_path):
    (tmp_path / "README.md").write_text("mine\n")
    with pytest.raises(copier.errors.InteractiveSessionError):
        copier.run_copy(str(template), tmp_path, vcs_ref=VERSION, defaults=True, quiet=True, unsafe=False)
    assert (tmp_path / "README.md").read_text() == "mine\n"
