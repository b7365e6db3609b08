"""Killed at any change of the file system, a command leaves nothing that the next one does not take back or finish."""

import io
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.edits import line
from tests.support.forks import Tools
from tests.support.others import listing
from tests.support.others import write as write_texts
from tests.support.render import Renderer, git
from tests.support.small import NEW, Small, commit, files_of, put, state_of
from tests.support.states import APP, NAMESPACE, first, second
from tests.support.years import home_with_apps
from tests.test_moving import CLAIM, ROOT, ROOTS, SUBSTITUTE_FROM, ks

pytestmark = pytest.mark.slow

# In make test, and in make test-all.
EVERY = [pytest.param(15, id="some"), pytest.param(1, id="every", marks=pytest.mark.full)]
NOTHING = ("app", "remove", "--app", "media/nothing", "--yes")
NEEDED = ("kubernetes", "apps", "flux", "media", "tools", "network", "scripts", "talos")
MINE = {"kubernetes/apps/media/jellyfin/mine.txt": b"mine\n", "mine.txt": b"mine, too\n"}
WEB = ("--data", "app_image=ghcr.io/a/b", "--data", "app_tag=1.2.3", "--data", "app_port=80", "--defaults", "--quiet")


class Place:
    """Where a repository lies; others are put there, because the tools that were imported know no other place."""

    def __init__(self, root: Path, tools: Tools) -> None:
        self.root, self.tools = root, tools
        self.original = root.with_name("original")
        root.rename(self.original)

    def put(self, other: Path) -> None:
        """Put a copy of another repository there."""
        if self.root.exists():
            shutil.rmtree(self.root)
        shutil.copytree(other, self.root, symlinks=True)

    def states_in(self, *command: str) -> list[Path]:
        """Run a command there, and return what each kill would have left."""
        folder = self.root.with_name("states")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        said = self.tools(*command, states=folder)
        assert said.code in (0, 1, 2), said.all
        return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, render: Renderer, template: Path) -> Iterator[Place]:
    """Provide a cluster with three apps, and files that no commit holds."""
    folder = tmp_path_factory.mktemp("killed")
    root = home_with_apps(folder / "home", render({}), template).root
    # Fewer files, of which each state has a copy.
    for path in [*root.glob("kubernetes/apps/*"), *root.glob("*")]:
        if path.is_dir() and path.name not in NEEDED:
            shutil.rmtree(path)
    commit(root)
    git(root, "gc", "--quiet")
    for name, content in MINE.items():
        put(root / name, content)
    line("prune: true", "prune: true # mine", "kubernetes/apps/media/jellyfin/ks.yaml")(root)
    for version in ("9.3.0", "9.4.0"):
        packaged(folder / "charts" / f"charted-{version}.tgz", version)
    old = {
        ROOT: ROOTS,
        "kubernetes/apps/media/kustomization.yaml": listing("films/ks.yaml"),
        "kubernetes/apps/media/films/ks.yaml": ks("films", "media").replace(SUBSTITUTE_FROM, ""),
        "kubernetes/apps/media/films/app/pvc.yaml": CLAIM.format(name="films"),
    }
    write_texts(folder / "old", old)
    with Tools(root) as tools:
        yield Place(root, tools)


def packaged(path: Path, version: str) -> None:
    """Write a chart."""
    texts = {"Chart.yaml": f"apiVersion: v2\nname: charted\nversion: {version}\n", "values.yaml": "a: 1\n"}
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(f"charted/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


class Command(NamedTuple):
    """A command that changes files, and what it deletes at its end, after it has named it."""

    words: tuple[str, ...]
    deletes: frozenset[bytes] = frozenset()


COMMANDS: Mapping[str, Command] = {
    "app new": Command(("app", "new", "--app", "home/fresh", *WEB)),
    "app new beside others": Command(("app", "new", "--app", "media/films", *WEB)),
    "app move": Command(("app", "move", "--app", "media/jellyfin", "--to", "tools", "--yes")),
    "app remove": Command(("app", "remove", "--app", "media/jellyfin", "--yes"), frozenset({b"mine\n"})),
    "app adopt": Command(("app", "adopt", "--app", "media/films", "--from", "../old")),
    "namespace new": Command(("namespace", "new", "--name", "fresh", "--defaults", "--quiet")),
    "charts": Command(("charts", "charted", "--offline", "--charts", "../charts", "--apply", "MINOR")),
}


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_a_killed_command_did_is_taken_back_by_the_next_one(command: Command, every: int, home: Place) -> None:
    home.put(home.original)
    before = state_of(home.root)
    states = home.states_in(*command.words)
    complete = state_of(home.root)
    assert complete != before and len(states) > 5
    assert not list(home.root.glob(".talos-flux-*"))
    for number, state in enumerate(states):
        if number % every:
            continue
        home.put(state)
        contents = {content for _, content in files_of(home.root).values()}
        assert set(MINE.values()) - command.deletes <= contents, f"killed at {number}"
        # The same again now and then, and else what takes the least time.
        again = number % 10 == 0
        said = home.tools(*(command.words if again else NOTHING))
        now = state_of(home.root)
        assert now in ([complete] if again else [before, complete]), f"killed at {number}: {said.all}"
        assert said.code == 0 or said.err.count("error: ") == 1


# --- Updates ---


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Provide a small cluster, with files that no commit holds and a conflict with the next version."""
    made = Small(tmp_path_factory.mktemp("updates"))
    first(made)
    made.begin({NAMESPACE: "namespace", APP: "app"})
    second(made)
    made.release(NEW)
    line("interval: 1h", "interval: 7h", "files/app.yaml")(made.root)
    commit(made.root)
    for name in ("mine.txt", "files/sub/mine.txt", "files/mine.ignored"):
        put(made.root / name, f"{name} is mine\n")
    with Tools(made.root) as tools:
        yield Place(made.root, tools)


@pytest.mark.parametrize("every", EVERY)
def test_a_killed_update_is_taken_back_or_done_again(every: int, small: Place) -> None:
    small.put(small.original)
    before = state_of(small.root)
    states = small.states_in("update")
    complete = state_of(small.root)
    assert len(states) > 20
    for number in range(0, len(states), every):
        small.put(states[number])
        again = number % 2 == 0
        said = small.tools("update", *([] if again else ["--undo"]))
        assert state_of(small.root) == (complete if again else before), f"killed at {number}: {said.all}"
        assert said.code in (0, 2) or said.err.count("error: ") == 1


@pytest.mark.parametrize("every", EVERY)
def test_a_killed_undo_is_finished_by_the_next_one(every: int, small: Place) -> None:
    small.put(small.original)
    before = state_of(small.root)
    assert small.tools("update").code == 2
    states = small.states_in("update", "--undo")
    assert len(states) > 5
    for number in range(0, len(states), every):
        small.put(states[number])
        said = small.tools("update", "--undo")
        assert state_of(small.root) == before, f"killed at {number}: {said.all}"
        assert said.code == 0 or said.err == "error: there is no update to undo.\n"
