"""Between an update and its undo, what a person wrote is in the work tree, in git, or named on the screen."""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from talos_flux.template.update.worktree import DRAFTS
from tests.support.half_done import Files, Refused, in_child, look, undo, update
from tests.support.render import commit_all, git

FILES = ("README.md", "apps/a.yaml", "apps/b/c.yaml", "apps/b", "docs/d.md", "scripts/run", ".gitattributes")
NEVER = 0


def tree(root: Path) -> dict[str, bytes]:
    """Return every file's content but git's own, and the drafts of an update that was killed."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {".git", DRAFTS.name} & set(path.relative_to(root).parts)
    }


def status(root: Path) -> str:
    return git(root, "status", "--porcelain", "--untracked-files=all")


class Person(RuleBasedStateMachine):
    """A person, a template and a power supply take turns on one repository.

    `mine` are the uncommitted contents that the person wrote, each of which is unique, by path; `committed` all that
    git keeps. A path that a tool named on the screen may be anything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="person-"))
        self.numbers = itertools.count()
        self.mine: dict[str, bytes] = {}
        self.before_update: tuple[dict[str, bytes], str] | None = None

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    def unique(self, author: str) -> bytes:
        """Return a content that nobody wrote before."""
        return f"{author} {next(self.numbers)}\n".encode()

    @initialize(paths=st.sets(st.sampled_from(FILES[:3] + FILES[4:6]), min_size=2))
    def begin(self, paths: set[str]) -> None:
        git(self.root, "init", "--quiet", "--initial-branch=main")
        git(self.root, "config", "user.email", "a@example.net")
        git(self.root, "config", "user.name", "a")
        (self.root / ".gitignore").write_text("*.unfinished\n")
        for path in paths:
            self.put(path, self.unique("first"))
        self.commit()

    def put(self, path: str, content: bytes) -> bool:
        """Write a file where one can be; return whether it is there."""
        target = self.root / path
        if target.is_dir() or any((self.root / folder).is_file() for folder in Path(path).parents[:-1]):
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return True

    # --- What a person does ---

    @rule(path=st.sampled_from(FILES), stages=st.booleans())
    def edit(self, path: str, stages: bool) -> None:
        content = b"* text=auto\n" if path == ".gitattributes" else self.unique("mine")
        if self.put(path, content):
            self.before_update = None
            if path != ".gitattributes":
                self.mine[path] = content
            if stages:
                git(self.root, "add", path)

    @rule()
    def commit(self) -> None:
        self.before_update = None
        if git(self.root, "diff", "--name-only", "--diff-filter=U"):
            return
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--allow-empty", "--message", "feat: mine")
        self.mine.clear()

    @rule()
    def reset(self) -> None:
        """Throw away everything that is not committed, by hand."""
        git(self.root, "reset", "--quiet", "--hard")
        git(self.root, "clean", "-dfq")
        self.mine.clear()
        self.before_update = None

    @precondition(lambda self: not self.mine)
    @rule(name=st.sampled_from(["main", "other"]))
    def switch(self, name: str) -> None:
        """Go to another branch, if git lets one."""
        self.before_update = None
        # Git says why where it does not, and nothing has changed then.
        with suppress(subprocess.CalledProcessError):
            git(self.root, "switch", "--quiet", *(["--create"] if not self.has_branch(name) else []), name)

    def has_branch(self, name: str) -> bool:
        return name in git(self.root, "branch", "--format=%(refname:short)").split()

    # --- What the tools do ---

    @rule(data=st.data(), kill_at=st.one_of(st.just(NEVER), st.integers(1, 40)))
    def update(self, data: st.DataObject, kill_at: int) -> None:
        tracked = git(self.root, "ls-files").split()
        paths = data.draw(
            st.sets(st.sampled_from(sorted({*FILES, *tracked} - {".gitignore", ".gitattributes"})), min_size=1)
        )
        paths = {path for path in paths if not any(other.startswith(f"{path}/") for other in paths)}
        files: dict[str, bytes | None] = {}
        conflicts, undecided = {}, {}
        for path in sorted(paths):
            kind = data.draw(st.sampled_from(["write", "delete", "conflict"] if path in tracked else ["write"]))
            if kind == "conflict" and (self.root / path).is_file():
                sides = self.unique("old"), (self.root / path).read_bytes(), self.unique("new")
                conflicts[path], undecided[path] = (
                    sides,
                    b"<<<<<<<\n" + sides[1] + b"=======\n" + sides[2] + b">>>>>>>\n",
                )
            else:
                files[path] = self.unique("template") if kind != "delete" else None
        # A folder where a file is, and the other way round: the template moves what is there.
        for path in list(files):
            for inner in tracked:
                if files[path] is not None and (inner.startswith(f"{path}/") or path.startswith(f"{inner}/")):
                    if data.draw(st.booleans()):
                        files[inner] = None
        before = tree(self.root), status(self.root)
        done = self.run(partial(update, files, conflicts, undecided), kill_at)
        if done:
            self.before_update = before if not self.mine else None

    @rule(kill_at=st.one_of(st.just(NEVER), st.integers(1, 20)))
    def undo(self, kill_at: int) -> None:
        expected = self.before_update
        done = self.run(undo, kill_at)
        if done and expected:
            assert (tree(self.root), status(self.root)) == expected
            self.before_update = None

    @rule()
    def look(self) -> None:
        before = tree(self.root), status(self.root)
        self.run(look, NEVER)
        assert (tree(self.root), status(self.root)) == before

    def run(self, act: Callable[[], list[str]], kill_at: int) -> bool:
        """Run a step; return whether it was done. What it names on the screen is the person's to look at."""
        try:
            kept = in_child(self.root, act, kill_at)
        except Refused:
            return False
        return kept is not None

    # --- The promise ---

    @invariant()
    def what_the_person_wrote_is_there(self) -> None:
        for path, content in self.mine.items():
            target = self.root / path
            assert target.is_file() and target.read_bytes() == content, f"{path} was {content!r}"


Person.TestCase.settings = settings(
    max_examples=int(os.environ.get("EXAMPLES", "12")),
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAPerson = pytest.mark.slow(Person.TestCase)


# --- What was lost before ---


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Provide a repository with two files."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "repository")
    made = tmp_path / "repository"
    write(made, {".gitignore": "*.unfinished\n", "README.md": "first\n", "apps/a.yaml": "first\n"})
    commit_all(made, "feat: first")
    return made


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


SECOND: Files = {"README.md": b"second\n", "apps/a.yaml": b"second\n", "apps/new.yaml": b"new\n"}


def updated(root: Path, files: Files = SECOND, kill_at: int = NEVER) -> list[str] | None:
    """Update files; None when it was killed."""
    return in_child(root, partial(update, files, {}, {}), kill_at)


def killed(root: Path, change: Callable[[Path], bool]) -> None:
    """Kill an update at the first change of the file system after which something is so."""
    for at in itertools.count(1):
        assert updated(root, kill_at=at) is None
        if change(root):
            return
        with suppress(Refused):
            in_child(root, undo)


def is_noted(root: Path) -> bool:
    return (root / ".git/copier-update.unfinished.json").exists()


def is_half_written(root: Path) -> bool:
    return is_noted(root) and (root / "README.md").read_text() == "second\n"


@pytest.mark.witness
@pytest.mark.parametrize("is_committed", [True, False])
def test_a_file_where_the_template_brings_a_folder_is_named(root: Path, is_committed: bool) -> None:
    write(root, {"demo": "mine\n"})
    if is_committed:
        commit_all(root, "feat: mine")
    before = tree(root), status(root)
    with pytest.raises(Refused, match=r"^demo is in the way: it is a file, and the template has a folder there\.$"):
        updated(root, {"demo/a": b"x", "demo/b": b"x"})
    assert (tree(root), status(root)) == before


def test_a_folder_where_the_template_brings_a_file_is_named(root: Path) -> None:
    write(root, {"demo/mine": "mine\n"})
    before = tree(root), status(root)
    with pytest.raises(Refused, match=r"^demo is in the way: it is a folder with demo/mine, and the template brings"):
        updated(root, {"demo": b"x"})
    assert (tree(root), status(root)) == before


def test_the_template_may_make_a_folder_of_its_own_file_and_back(root: Path) -> None:
    before = tree(root), status(root)
    assert updated(root, {"README.md": None, "README.md/a": b"x"}) == []
    assert (root / "README.md/a").read_text() == "x"
    assert in_child(root, undo) == []
    assert (tree(root), status(root)) == before
    assert updated(root, {"apps": b"x", "apps/a.yaml": None}) == []
    assert (root / "apps").read_text() == "x"
    assert in_child(root, undo) == []
    assert (tree(root), status(root)) == before


@pytest.mark.witness
@pytest.mark.slow
def test_an_edit_after_a_power_cut_survives_looking_and_recovering(root: Path) -> None:
    killed(root, is_noted)
    assert status(root) == ""
    write(root, {"README.md": "mine\n"})
    with pytest.raises(Refused, match="an update was interrupted: `task update:undo`"):
        in_child(root, look)
    assert (root / "README.md").read_text() == "mine\n"
    with pytest.raises(Refused, match=r"README\.md has changes that are not committed"):
        updated(root)
    assert (root / "README.md").read_text() == "mine\n"


@pytest.mark.slow
def test_an_edit_of_what_was_half_written_is_named_and_stays(root: Path) -> None:
    killed(root, is_half_written)
    write(root, {"README.md": "mine\n"})
    assert in_child(root, undo) == ["README.md"]
    assert tree(root) == {".gitignore": b"*.unfinished\n", "README.md": b"mine\n", "apps/a.yaml": b"first\n"}


@pytest.mark.slow
def test_what_is_staged_after_a_reset_by_hand_stays_staged(root: Path) -> None:
    killed(root, is_half_written)
    git(root, "reset", "--quiet", "--hard")
    write(root, {"README.md": "mine\n"})
    git(root, "add", "README.md")
    assert in_child(root, undo) == ["README.md"]
    assert (status(root), (root / "README.md").read_text()) == ("M  README.md\n", "mine\n")


@pytest.mark.witness
def test_an_update_that_was_taken_back_by_hand_is_none_to_undo(root: Path) -> None:
    assert updated(root) == []
    git(root, "reset", "--quiet", "--hard")
    git(root, "clean", "-dfq")
    write(root, {"README.md": "mine\n"})
    with pytest.raises(Refused, match="there is no update to undo"):
        in_child(root, undo)
    assert (root / "README.md").read_text() == "mine\n"


def test_an_update_that_is_committed_elsewhere_is_none_to_undo_here(root: Path) -> None:
    git(root, "branch", "other")
    assert updated(root) == []
    commit_all(root, "feat: follow")
    git(root, "switch", "--quiet", "other")
    write(root, {"README.md": "mine\n"})
    with pytest.raises(Refused, match="there is no update to undo"):
        in_child(root, undo)
    assert (root / "README.md").read_text() == "mine\n"


def test_after_a_half_update_is_committed_the_next_one_runs(root: Path) -> None:
    killed(root, is_half_written)
    commit_all(root, "feat: half")
    assert updated(root, {"README.md": b"third\n"}) == []
    assert (root / "README.md").read_text() == "third\n"


@pytest.mark.parametrize("option", ["--assume-unchanged", "--skip-worktree"])
def test_an_edit_that_git_was_told_not_to_see_is_named(option: str, root: Path) -> None:
    git(root, "update-index", option, "README.md")
    write(root, {"README.md": "mine\n"})
    with pytest.raises(Refused, match=r"README\.md has changes that git was told not to see"):
        updated(root)
    assert (root / "README.md").read_text() == "mine\n"


# --- Exactly as before ---


@pytest.mark.parametrize(
    "peculiar",
    ["crlf", "autocrlf", "filter", "private", "readonly", "no-filemode"],
)
def test_undo_is_exact_whatever_git_makes_of_a_file(peculiar: str, root: Path) -> None:
    content = b"one\r\ntwo\n" if peculiar == "crlf" else b"one\ntwo\n"
    match peculiar:
        case "crlf":
            write(root, {".gitattributes": "README.md text eol=crlf\n"})
        case "autocrlf":
            git(root, "config", "core.autocrlf", "true")
        case "filter":
            git(root, "config", "filter.upper.clean", "tr a-z A-Z")
            git(root, "config", "filter.upper.smudge", "tr A-Z a-z")
            write(root, {".gitattributes": "README.md filter=upper\n"})
        case "no-filemode":
            git(root, "config", "core.fileMode", "false")
    (root / "README.md").write_bytes(content)
    commit_all(root, "feat: peculiar")
    if peculiar in ("private", "readonly"):
        (root / "README.md").chmod(0o600 if peculiar == "private" else 0o444)
    mode = (root / "README.md").stat().st_mode
    before = tree(root), status(root)
    assert updated(root) == []
    assert (root / "README.md").stat().st_mode == mode
    assert {line[:2] for line in status(root).splitlines()} <= {"M ", "A "}
    assert in_child(root, undo) == []
    assert (tree(root), status(root)) == before
    assert (root / "README.md").stat().st_mode == mode


@pytest.mark.slow
def test_killed_at_any_change_of_the_file_system_update_and_undo_are_taken_back(root: Path) -> None:
    before = tree(root), status(root)
    for at in itertools.count(1):
        if updated(root, kill_at=at) is not None:
            break
        with suppress(Refused):  # it had not begun
            assert in_child(root, undo) == []
        assert (tree(root), status(root)) == before, f"killed at {at}"
    after = tree(root), status(root)
    for again in itertools.count(1):
        if in_child(root, undo, again) is not None:
            break
        with suppress(Refused):  # all had been restored
            in_child(root, undo)
        assert (tree(root), status(root)) == before, f"undo killed at {again}"
        assert updated(root) == []
        assert (tree(root), status(root)) == after
    assert (tree(root), status(root)) == before
    assert min(at, again) > 5


@pytest.mark.parametrize(
    "path",
    [".git/hooks/pre-commit", "a/.GIT/config", "a/.git", ".git./x", "git~1/x", ".git::$INDEX_ALLOCATION/x"],
)
def test_no_file_goes_where_git_keeps_its_own(path: str, root: Path) -> None:
    before = tree(root), status(root)
    with pytest.raises(Refused, match="the template can't bring a file of that name"):
        updated(root, {path: b"x", **SECOND})
    assert (tree(root), status(root)) == before
    assert not (root / ".git/hooks/pre-commit").exists()
