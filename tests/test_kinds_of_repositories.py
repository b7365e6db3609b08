"""Whatever state a repository is in, an update keeps what is there or says what is in the way; undo is exact."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.edits import line, text_of, written
from tests.support.forks import Tools
from tests.support.small import NEW, OLD, Small, commit, files_of
from tests.support.states import ANSWERS, APP, KEPT, NAMESPACE, REFUSED, State, first, second

pytestmark = pytest.mark.slow


def witnesses_of(states: Sequence[State]) -> pytest.MarkDecorator:
    """Let make test see every twelfth of them."""
    marked = [(state, [pytest.mark.full] if number % 12 else []) for number, state in enumerate(states)]
    return pytest.mark.parametrize(
        "state", [pytest.param(state, id=state.says, marks=marks) for state, marks in marked]
    )


class Renewable:
    """A cluster in one place, made anew for each test; the tools that work on it are imported once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "here"
        made = Small(folder / "made")
        first(made)
        made.begin({NAMESPACE: "namespace", APP: "app"})
        second(made)
        made.release(NEW)
        self._made = made
        (self.folder / "home").mkdir(parents=True)
        self.tools = Tools(self.folder / "home")

    def renew(self) -> Small:
        for path in self.folder.iterdir():
            if path.is_symlink() or path.name not in ("cache", "home.out", "home.err"):
                path.unlink() if path.is_symlink() or path.is_file() else shutil.rmtree(path)
        return self._made.copy_to(self.folder)


@pytest.fixture(scope="module")
def renewable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renewable]:
    made = Renewable(tmp_path_factory.mktemp("states"))
    with made.tools:
        yield made


@witnesses_of(REFUSED)
def test_what_could_be_lost_is_named_and_nothing_changes(state: State, renewable: Renewable) -> None:
    small = renewable.renew()
    state.mine(small.root)
    before = small.state
    said = renewable.tools("update")
    assert (said.code, small.state) == (1, before), said.all
    assert state.refusal in said.err
    assert said.err.count("error: ") == said.err.count("\n") == 1


@witnesses_of(KEPT)
def test_what_a_person_has_is_there_after_an_update_and_its_undo(state: State, renewable: Renewable) -> None:
    small = renewable.renew()
    original = files_of(small.root)
    state.mine(small.root)
    before = small.state
    said = renewable.tools("update")
    assert said.code in (0, 2), said.all
    text = text_of(files_of(small.root))
    assert not [line for line in written(original, before[0]) if line not in text]
    said = renewable.tools("update", "--undo")
    assert said.code == 0, said.all
    assert small.state == before


def test_a_comment_beside_the_version_stays_beside_the_new_one(renewable: Renewable) -> None:
    small = renewable.renew()
    line(f"_commit: {OLD}", f"_commit: {OLD} # mine", f"{APP}/{ANSWERS}")(small.root)
    commit(small.root)
    assert renewable.tools("update").code == 0
    assert f"_commit: {NEW} # mine\n" in (small.root / APP / ANSWERS).read_text()


def test_a_comment_that_can_not_stay_is_named(renewable: Renewable) -> None:
    small = renewable.renew()
    line("colour: red", "colour: red # mine", ANSWERS)(small.root)
    commit(small.root)
    said = renewable.tools("update", "--data", "colour=blue")
    assert said.code == 0
    assert f"{ANSWERS} is written anew, without what you added: `git diff --cached` shows it" in said.out
