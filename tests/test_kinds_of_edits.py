"""Whatever a person did to a file before an update, it is there afterwards or a conflict that git shows."""

import stat
from typing import NamedTuple

import pytest

from talos_flux.errors import printable
from tests.support.edits import BASE, BOTH, CONFLICT, KINDS, SCRIPT, Files, Kind, added, lines_of, text_of, written
from tests.support.forks import Tools
from tests.support.small import NEW, Small, State, commit, files_of, git_bytes

# One update for all of them.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kinds of edits")]


class Followed(NamedTuple):
    """What became of a cluster with every kind of edit in it."""

    base: Files
    mine: Files
    theirs: Files
    before: State
    updated: Files
    unmerged: frozenset[str]
    said: str
    undone: State


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    small = Small(tmp_path_factory.mktemp("kinds"))
    for kind in KINDS:
        for name, content in BASE.items():
            small.put(f"template/{kind.folder}/{name}", content, 0o755 if name == SCRIPT else 0o644)
    small.begin()
    base = files_of(small.root)
    for kind in KINDS:
        kind.mine(small.root / kind.folder)
        kind.theirs(small.template / "template" / kind.folder)
    commit(small.root)
    small.release(NEW)
    before = small.state
    with Tools(small.root) as tools:
        said = tools("update")
        assert said.code == 2, said.all
        updated = files_of(small.root)
        unmerged = git_bytes(small.root, "diff", "--name-only", "--diff-filter=U", "-z").split("\0")[:-1]
        undone = tools("update", "--undo")
        assert undone.code == 0, undone.all
    theirs = files_of(small.template / "template")
    return Followed(base, before[0], theirs, before, updated, frozenset(unmerged), said.all, small.state)


def of(kind: Kind, files: Files) -> Files:
    """Return the files and links of a kind by their names in its folder."""
    return {
        path.removeprefix(f"{kind.folder}/"): file
        for path, file in files.items()
        if path.startswith(f"{kind.folder}/") and not stat.S_ISDIR(file[0])
    }


every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.says)


@every_kind
def test_what_a_person_wrote_is_there_or_in_a_conflict_that_is_named(kind: Kind, followed: Followed) -> None:
    base, mine, theirs, updated = (
        of(kind, files) for files in (followed.base, followed.mine, followed.theirs, followed.updated)
    )
    unmerged = {path for path in followed.unmerged if path.startswith(f"{kind.folder}/")}
    assert bool(unmerged) == (kind.outcome == CONFLICT), unmerged
    text = text_of(updated)
    assert not [line for line in written(base, mine) if line not in text]
    if kind.outcome == BOTH:
        there = set().union(*(lines_of(content) for _, content in updated.values()))
        assert not added(base, mine) - there
        assert not added(base, theirs) - there
        assert not set(updated) & (set(base) - set(mine) | set(base) - set(theirs))
    for path, (mode, content) in mine.items():
        if mode != base.get(path, (0, b""))[0] and path in updated:
            assert updated[path][0] == mode
        if stat.S_ISLNK(mode):
            assert updated[path] == (mode, content)


def test_every_conflict_is_named(followed: Followed) -> None:
    named = {path for path in followed.unmerged if f"warning: {printable(path)}: " not in followed.said}
    assert named == set()


def test_no_terminal_is_steered(followed: Followed) -> None:
    assert "\x1b" not in followed.said


@every_kind
def test_undo_restores_every_byte_and_mode(kind: Kind, followed: Followed) -> None:
    assert of(kind, followed.undone[0]) == of(kind, followed.before[0])


def test_undo_restores_what_git_has(followed: Followed) -> None:
    assert followed.undone == followed.before
