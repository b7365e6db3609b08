"""What a user does to a file, and what a later version of the template does to it, one folder for each pair."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.render import commit_all, git

FILE = "app.yaml"
TEXT = """\
name: app
kind: Deployment
replicas: 1
image: ghcr.io/example/app
command: serve
port: 8080
probe: /healthz
tag: 1.0.0
cpu: 10m
memory: 128Mi
storage: 1Gi
retries: 3
timeout: 10m
interval: 1h
"""
COPIER = """\
_min_copier_version: 9.19.1
_subdirectory: template
_envops: {trim_blocks: true, lstrip_blocks: true}
"""
ANSWERS = "{{ _copier_answers | to_nice_yaml -}}\n"

Change = Callable[[Path], None]


def edit(old: str, new: str, name: str = FILE) -> Change:
    """Replace a line."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


def both(*changes: Change) -> Change:
    """One after the other."""

    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


def move(target: str) -> Change:
    """Move the file within its folder."""

    def change(folder: Path) -> None:
        (folder / target).parent.mkdir(exist_ok=True)
        (folder / FILE).rename(folder / target)

    return change


def add(text: str) -> Change:
    """Return a change that adds a second file."""

    def change(folder: Path) -> None:
        (folder / "extra.yaml").write_text(text)

    return change


def split(folder: Path) -> None:
    lines = TEXT.splitlines(keepends=True)
    (folder / FILE).unlink()
    (folder / "what.yaml").write_text("".join(lines[:7]))
    (folder / "how.yaml").write_text("".join(lines[7:]))


def reformat(folder: Path) -> None:
    (folder / FILE).write_text(re.sub(r": (.*)", r':   "\1"', TEXT))


def delete(folder: Path) -> None:
    (folder / FILE).unlink()


# Each with what shows that it still holds afterwards: (text that must be somewhere, file that must not be there).
USER: dict[str, tuple[Change, str, str]] = {
    "edits": (edit("replicas: 1\n", "replicas: 3\n"), "replicas: 3\n", ""),
    "deletes": (delete, "", FILE),
    "renames": (move("mine.yaml"), "", FILE),
    "adds": (add("mine: true\n"), "mine: true\n", ""),
    "reformats": (reformat, 'port:   "8080"\n', ""),
    "bumps": (edit("tag: 1.0.0\n", "tag: 1.1.0\n"), "tag: 1.1.0\n", ""),
}
TEMPLATE: dict[str, tuple[Change, str, str]] = {
    "edits the same line": (
        both(edit("replicas: 1\n", "replicas: 2\n"), edit("tag: 1.0.0\n", "tag: 1.0.5\n")),
        "2\n",
        "",
    ),
    "edits another line": (edit("interval: 1h\n", "interval: 2h\n"), "2h", ""),
    "moves it": (move("moved.yaml"), "", FILE),
    "deletes it": (delete, "", FILE),
    "adds one": (add("template: true\n"), "template: true\n", ""),
    "splits it": (split, "", FILE),
}
CELLS = [(user, template) for user in USER for template in TEMPLATE]


def folder_of(user: str, template: str) -> str:
    return f"{user}-{template}".replace(" ", "-")


class Pair:
    """A template with two versions and a repository that follows the first, with a user's edits in every folder."""

    def __init__(self, folder: Path) -> None:
        self.template, self.home = folder / "template", folder / "home"
        for user, template in CELLS:
            path = self.template / "template" / folder_of(user, template) / FILE
            path.parent.mkdir(parents=True)
            path.write_text(TEXT)
        (self.template / "copier.yml").write_text(COPIER)
        (self.template / "template/{{ _copier_conf.answers_file }}.jinja").write_text(ANSWERS)
        self.release("v0.1.0")
        subprocess.run(
            ["copier", "copy", "--quiet", "--defaults", "--vcs-ref=v0.1.0", str(self.template), str(self.home)],
            check=True,
        )
        commit_all(self.home, "feat: the cluster")
        for user, template in CELLS:
            USER[user][0](self.home / folder_of(user, template))
            TEMPLATE[template][0](self.template / "template" / folder_of(user, template))
        commit_all(self.home, "feat: edits")
        self.release("v0.2.0")

    def release(self, tag: str) -> None:
        """Commit the template as it is, with a tag."""
        commit_all(self.template, f"feat: {tag}")
        git(self.template, "tag", tag)

    def outcome(self, user: str, template: str) -> str:
        """Return what became of a pair: both changes are there, a conflict shows, or one of the two is lost."""
        folder = self.home / folder_of(user, template)
        files = {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}
        unmerged = git(self.home, "ls-files", "--unmerged", "--", str(folder))
        if unmerged or any("<<<<<<< " in text for text in files.values()):
            return "conflict"
        lost = [
            who
            for who, change in (("yours", USER[user]), ("the template's", TEMPLATE[template]))
            if lacks(files, change)
        ]
        return f"{' and '.join(lost)} lost" if lost else "both"


def lacks(files: dict[str, str], change: tuple[Change, str, str]) -> bool:
    """Whether a change can't be seen any more."""
    _, text, gone = change
    return bool(text and text not in "".join(files.values())) or bool(gone and gone in files)
