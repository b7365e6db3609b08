"""What another program says when it fails comes out as one sentence that helps."""

from pathlib import Path

import pytest

from talos_flux import process
from talos_flux.errors import UserError
from talos_flux.template import versions
from tests.support.render import git


def refusal_of(*argv: str | Path) -> process.ToolError:
    with pytest.raises(process.ToolError) as caught:
        process.run(*argv)
    return caught.value


def test_a_lock_that_a_killed_git_left_is_named_with_what_to_do(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    lock = tmp_path / ".git/index.lock"
    lock.touch()
    (tmp_path / "file").touch()
    assert str(refusal_of("git", "-C", tmp_path, "add", "file")) == (
        f"git {tmp_path} add failed: another git process works on this repository; "
        f"if there is none, one was killed: remove {lock}."
    )


def test_git_gives_its_reason_and_no_general_advice(tmp_path: Path) -> None:
    assert refusal_of("git", "ls-remote", "--", tmp_path / "nowhere").reason == (
        f"'{tmp_path}/nowhere' does not appear to be a git repository; Could not read from remote repository"
    )


def test_a_tool_that_says_nothing_is_named_all_the_same() -> None:
    assert str(refusal_of("false")) == "false failed: it gave no reason."


def test_a_recorded_path_that_leads_nowhere_is_named_as_what_it_is() -> None:
    with pytest.raises(
        UserError, match=r"^_src_path in .copier-answers.yml is \.\./template, a path that leads nowhere"
    ):
        versions.newest("../template")
