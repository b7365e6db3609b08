"""A version of the template that means harm writes, reads and runs nothing but what a person is shown."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from jinja2 import TemplateAssertionError

from talos_flux.errors import CONTROLS
from talos_flux.template.generate.template_source import TemplateCheckout
from talos_flux.template.render import READING
from tests.support.forks import Said, Tools
from tests.support.hostile import NO_ADDRESSES, NO_VERSIONS, VERSIONS, Hostile
from tests.support.render import git
from tests.support.small import NEW, OLD, Small, commit, files_of, git_bytes, put, state_of
from tests.support.states import ANSWERS, APP, NAMESPACE, first

pytestmark = pytest.mark.slow

TOKEN, CONTENT = "ghp_secret", "the secret of a file"
# Git's own files that an update may change.
INDEX = ("index", "objects", "copier-update.json", "copier-update.lock", "copier-update.draft")


class Victim(NamedTuple):
    """A cluster, its template, and beside both what must neither be read nor written."""

    folder: Path
    small: Small
    tools: Tools

    def renew(self) -> None:
        """Make the cluster and the template what they were."""
        shutil.rmtree(self.folder / "cache", ignore_errors=True)
        for name in ("home", "template"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            shutil.copytree(self.folder / f"good-{name}", self.folder / name, symlinks=True)

    def outside(self) -> dict[str, tuple[int, bytes]]:
        """Return every file beside the cluster, but for the cache and what a command says."""
        mine = ("home", "template", "cache", "good-")
        found = {path: file for path, file in files_of(self.folder).items() if not path.startswith(mine)}
        gits = {path: file for path, file in files_of(self.small.root / ".git").items() if not path.startswith(INDEX)}
        return found | {f".git/{path}": file for path, file in gits.items()}


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    folder = tmp_path_factory.mktemp("hostile")
    small = Small(folder)
    first(small)
    small.begin({NAMESPACE: "namespace", APP: "app"})
    put(folder / "secret.yml", f"secret: {CONTENT}\n")
    for name in ("home", "template"):
        shutil.copytree(folder / name, folder / f"good-{name}", symlinks=True)
    with Tools(small.root, {"UPDATE_TOKEN": TOKEN, "HOME": str(folder / "me")}) as tools:
        yield Victim(folder, small, tools)


def does_no_harm(victim: Victim, *words: str) -> Said:
    """Run an update, which must end with a report or a sentence, and do nothing that is not shown."""
    outside, before = victim.outside(), victim.small.state
    said = victim.tools("update", *words)
    assert victim.outside() == outside
    assert not list(victim.folder.rglob("ran"))
    assert not CONTROLS.search(said.all.replace("\t", "")), repr(said.all)
    after = victim.small.state
    for secret in (TOKEN, CONTENT):
        assert secret not in said.all
        assert not [path for path, (_, content) in after[0].items() if secret.encode() in content]
    if said.code == 1:
        assert after == before
        assert said.err.count("error: ") == said.err.count("\n") == 1, said.err
        return said
    shown = set(git_bytes(victim.small.root, "diff", "--cached", "--name-only", "--no-renames", "-z").split("\0"))
    folders = {path for path, (mode, _) in (before[0] | after[0]).items() if mode & 0o040000}
    changed = {path for path in before[0].keys() | after[0].keys() if before[0].get(path) != after[0].get(path)}
    assert changed - folders <= shown
    assert victim.tools("update", "--undo").code == 0
    assert victim.small.state == before
    return said


# In make test every sixth, in make test-all all of them.
@pytest.mark.parametrize(
    "version",
    [
        pytest.param(version, id=version.says[:60], marks=[pytest.mark.full] if number % 6 else [])
        for number, version in enumerate(VERSIONS)
    ],
)
def test_a_hostile_version_does_no_harm(version: Hostile, victim: Victim) -> None:
    victim.renew()
    version.change(victim.small.template)
    for path in (victim.small.template / "template").rglob("out.txt.jinja"):
        path.write_text(path.read_text().replace("@SECRET", str(victim.folder / "secret.yml")))
    victim.small.release(NEW)
    said = does_no_harm(victim, "--to", NEW)
    assert version.refusal in said.err
    assert said.code == 1 or not version.refusal


@pytest.mark.parametrize("version", NO_VERSIONS, ids=lambda version: repr(version)[:40])
def test_what_is_no_version_is_refused(version: str, victim: Victim) -> None:
    victim.renew()
    victim.small.release(NEW)
    assert does_no_harm(victim, f"--to={version}").code == (1 if version else 0)


@pytest.mark.parametrize("address", NO_ADDRESSES, ids=repr)
def test_what_is_no_address_is_refused(address: str, victim: Victim) -> None:
    victim.renew()
    answers = victim.small.root / ANSWERS
    lines = answers.read_text().splitlines()
    answers.write_text(
        "\n".join(line for line in lines if not line.startswith("_src_path")) + f"\n_src_path: {address!r}\n"
    )
    commit(victim.small.root)
    assert does_no_harm(victim, "--to", NEW).code == 1


def test_a_tag_that_was_moved_is_not_followed_without_a_word(victim: Victim) -> None:
    victim.renew()
    root = victim.small.root
    commit_id = git(victim.small.template, "rev-parse", "HEAD").strip()
    for path in root.rglob(ANSWERS):
        path.write_text(f"{path.read_text()}_commit_id: {'0' * 40}\n")
    commit(root)
    victim.small.release(NEW)
    said = does_no_harm(victim)
    assert f"{OLD} at " in said.err and f"is {commit_id}, and" in said.err and "the tag was moved" in said.err
    assert state_of(root)


def test_what_apps_are_made_with_sees_no_environment(template: Path) -> None:
    jinja = TemplateCheckout.checked_out_in(template).jinja
    for name in READING:
        with pytest.raises(TemplateAssertionError, match=f"No filter named '{name}'"):
            jinja.from_string(f"{{{{ '$HOME' | {name} }}}}")
