"""A command that is killed anywhere leaves nothing that the next one does not take back, and loses no edit."""

import itertools
import json
import os
from functools import partial
from pathlib import Path

import pytest

from talos_flux.errors import UserError
from talos_flux.repository.transaction import STEPS, FileTransaction, recover
from tests.support.half_done import in_child
from tests.support.render import git

Tree = dict[str, tuple[bytes, int]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Provide a folder with a file to change, one to delete and a folder to move."""
    for name in ("list.yaml", "gone.yaml", "app/ks.yaml", "app/app/release.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{name}\n")
    (tmp_path / "list.yaml").chmod(0o600)
    (tmp_path / "app/link").symlink_to("nowhere")
    return tmp_path


def tree(root: Path) -> Tree:
    """Return every file and link with its content and mode, and every folder."""
    content_of = {}
    for path in sorted(root.rglob("*")):
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b"/"
        content_of[path.relative_to(root).as_posix()] = content, path.lstat().st_mode
    return content_of


def change(root: Path) -> list[str]:
    """Do one of each step."""
    with FileTransaction(root) as change:
        change.write(root / "list.yaml", "changed\n")
        change.write(root / "new/folder/file.yaml", "new\n")
        change.delete(root / "gone.yaml")
        change.move(root / "app", root / "new/app")
        change.write(root / "new/app/ks.yaml", "moved\n")
        draft = change.copy(root / "new/app")
        (draft / "ks.yaml").write_text("copied\n")
        change.move(draft, root / "copied")
    return []


def test_killed_at_any_step_it_is_taken_back_by_the_next_command(root: Path) -> None:
    before = tree(root)
    for at in itertools.count(1):
        if in_child(root, partial(change, root), at) is not None:
            break
        kept = recover(root)
        # Killed while it tidied up, it was done.
        if tree(root) != before:
            assert kept is None
            break
        assert kept in ([], None), f"killed at {at}"
    assert at > 15
    assert sorted(path.name for path in root.iterdir()) == ["copied", "list.yaml", "new"]
    assert (root / "copied/ks.yaml").read_text() == "copied\n"
    assert (root / "list.yaml").stat().st_mode & 0o777 == 0o600


def killed_when(root: Path, name: str) -> None:
    """Kill a change as soon as a path is there."""
    for at in itertools.count(1):
        assert in_child(root, partial(change, root), at) is None
        if (root / name).exists():
            return
        recover(root)


def test_what_was_edited_since_stays_and_is_named(root: Path) -> None:
    killed_when(root, "new/folder/file.yaml")
    (root / "new/folder/file.yaml").write_text("mine\n")
    (root / "list.yaml").write_text("mine, too\n")
    assert recover(root) == [root / "new/folder/file.yaml", root / "list.yaml"]
    assert (root / "new/folder/file.yaml").read_text() == "mine\n"
    assert (root / "list.yaml").read_text() == "mine, too\n"
    assert not list(root.glob(".*"))


def test_what_has_no_place_to_go_back_to_is_kept_where_git_shows_it(root: Path) -> None:
    killed_when(root, "new/app")
    (root / "app").mkdir()
    (root / "app/mine.yaml").write_text("mine\n")
    (root / "gone.yaml").write_text("mine\n")
    kept = recover(root)
    assert kept
    assert (root / "app/mine.yaml").read_text() == (root / "gone.yaml").read_text() == "mine\n"
    [visible] = root.glob(".*.kept")
    assert [path.read_text() for path in visible.iterdir() if path.is_file() and path in kept] == ["gone.yaml\n"]
    assert (root / "new/app/ks.yaml").exists()


def test_what_another_command_is_doing_right_now_is_left_alone(root: Path) -> None:
    with FileTransaction(root) as change:
        change.write(root / "list.yaml", "changed\n")
        assert recover(root) is None
        assert (root / "list.yaml").read_text() == "changed\n"
    assert (root / "list.yaml").read_text() == "changed\n"
    assert recover(root) is None


FOREIGN = ".talos-flux-x.unfinished"


def plant(root: Path, *steps: list[str]) -> None:
    """Leave steps as a killed command does."""
    (root / FOREIGN).mkdir()
    (root / FOREIGN / STEPS).write_text("".join(json.dumps(step) + "\n" for step in steps))


@pytest.mark.parametrize(
    "step",
    [
        ["move", "list.yaml", ".git/hooks/pre-commit"],
        ["move", "list.yaml", ".GIT/hooks/pre-commit"],
        ["move", "../outside", "list.yaml"],
        ["move", "/etc/hostname", "list.yaml"],
        ["mkdir", "../folder"],
        ["write", ".git/config", "0", ""],
        ["write", "list.yaml", "0", "../../secret"],
    ],
    ids=" ".join,
)
def test_steps_that_no_command_does_are_refused_and_none_is_taken_back(step: list[str], root: Path) -> None:
    before = tree(root)
    plant(root, ["move", "moved", "gone.yaml"], step)
    (root / "gone.yaml").rename(root / "moved")
    with pytest.raises(UserError, match=f"names a path that none changes: delete .*{FOREIGN}"):
        recover(root)
    (root / "moved").rename(root / "gone.yaml")
    assert {name: entry for name, entry in tree(root).items() if not name.startswith(FOREIGN)} == before


def test_steps_that_came_with_a_commit_are_refused(root: Path) -> None:
    plant(root, ["move", "list.yaml", "docs/age.key"])
    git(root, "init", "--quiet")
    git(root, "add", "--force", FOREIGN)
    with pytest.raises(UserError, match=f"^{FOREIGN} is in git, where no command puts it: `git rm -r {FOREIGN}`"):
        recover(root)
