"""The project's releases: commits that docs/releases/<version>.md names, and a cluster that each of them made.

python -m tests.support.releases tag            tags them in this checkout
python -m tests.support.releases keep VERSION   makes the cluster of one, and keeps it in tests/releases
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from packaging.version import Version

from tests.support.render import PROJECT, commit_all, git

ADDRESS = "https://github.com/copier-talos-flux/copier-talos-flux"
NOTES = PROJECT / "docs/releases"
KEPT = PROJECT / "tests/releases"


def releases() -> dict[str, str]:
    """Return the commit of each release, oldest first; a note without one is of a release to come."""
    found = {}
    for note in sorted(NOTES.glob("*.md"), key=lambda path: Version(path.stem)):
        if named := re.match(r"---\n(?:.*\n)*?commit: ([0-9a-f]{40})\n", note.read_text()):
            found[note.stem] = named[1]
    return found


def tag(repository: Path) -> None:
    """Give each release its tag; CalledProcessError where its commit is not there."""
    for version, commit in releases().items():
        git(repository, "tag", "--force", version, commit)


def tagged_clone(bare: Path) -> Path:
    """Make a bare clone of this project in which each release has its tag, and return its path."""
    git(PROJECT, "clone", "--quiet", "--bare", str(PROJECT), str(bare))
    tag(bare)
    return bare


def environment(template: Path) -> dict[str, str]:
    """Return the environment in which the template's address, with or without .git, leads to a bare repository.

    That is called <something>.git.
    """
    return os.environ | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{template.with_suffix('')}.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
        "XDG_CACHE_HOME": str(template.parent / "cache"),
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def make(template: Path, version: str, root: Path) -> None:
    """Make a cluster with every default, and the apps that its release documents, by that release's own commands."""

    def run(*command: object) -> None:
        subprocess.run(list(map(str, command)), cwd=root, env=environment(template), check=True, stdout=sys.stderr)

    root.mkdir()
    run("copier", "copy", "--defaults", "--vcs-ref", version, ADDRESS, root)
    commit_all(root, "feat: the cluster")
    [page] = git(
        template, "ls-tree", "-r", "--name-only", version, "docs/add-an-app.md", "docs/how-to/add-an-app.md"
    ).split()
    documented = git(template, "show", f"{version}:{page}")
    for app, answers in re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", documented, re.MULTILINE | re.DOTALL):
        file = root.with_name(f"{root.name}-answers.yaml")
        file.write_text(answers)
        run(*command(root, "new-app", "app new"), f"--app={app}", "--defaults", "--data-file", file)
    commit_all(root, "feat: the apps")


def command(root: Path, script: str, words: str) -> list[str]:
    """Return a command of a cluster's own tools: before v0.4 a script in it, since then a subcommand."""
    old = root / f"scripts/{script}.py"
    return [sys.executable, str(old)] if old.exists() else [str(root / "scripts/talos-flux"), *words.split()]


def unpack(version: str, root: Path) -> None:
    """Unpack the cluster that a release made, and commit it."""
    with tarfile.open(KEPT / f"{version}.tar.xz") as archive:
        archive.extractall(root, filter="data")
    commit_all(root, "feat: the cluster")


def keep(version: str) -> None:
    """Make the cluster of a release, and pack it."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        return member

    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        template, root = tagged_clone(Path(folder, "template.git")), Path(folder, "cluster")
        make(template, version, root)
        with tarfile.open(KEPT / f"{version}.tar.xz", "w:xz") as archive:
            for name in git(root, "ls-files", "-z").split("\0")[:-1]:
                archive.add(root / name, name, filter=plain)


if __name__ == "__main__":
    keep(sys.argv[2]) if sys.argv[1] == "keep" else tag(PROJECT)
