"""A cluster with apps whose template goes on: what a release changes, and what updating makes of it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from talos_flux.paths import cache_folder
from tests.support.commands import TALOS_FLUX
from tests.support.home import Home, Tree
from tests.support.render import PROJECT, commit_all, git

NEXT = "v999.1.0"
MEDIA = "kubernetes/apps/media"
APPS: dict[str, dict[str, Any]] = {
    f"{MEDIA}/jellyfin": {"app_image": "ghcr.io/jellyfin/jellyfin", "app_tag": "10.11.2", "app_port": 8096},
    f"{MEDIA}/board": {
        "app_kind": "manifests",
        "app_image": "ghcr.io/example/board",
        "app_tag": "1.2.3",
        "app_port": 8080,
    },
    "kubernetes/apps/tools/charted": {
        "app_chart_url": "oci://ghcr.io/example/charts/charted",
        "app_chart_version": "9.3.0",
    },
}


class Years:
    """`home` follows `template`; both are this test's own."""

    def __init__(self, folder: Path, home: Path, template: Path) -> None:
        self.folder, self.template = folder, folder / "template"
        git(folder, "clone", "--quiet", "--shared", str(template), str(self.template))
        self.root = folder / "home"
        shutil.copytree(home, self.root, symlinks=True)
        recorded = next(self.root.glob(".copier-answers.yml")).read_text()
        address = next(line for line in recorded.splitlines() if line.startswith("_src_path"))
        for path in self.root.rglob(".copier-answers.yml"):
            path.write_text(path.read_text().replace(address, f"_src_path: {self.template}"))
        self.commit("feat: follow this template")
        # A cache of its own, but for what Jinja compiled, which is the same for all.
        (folder / "cache/copier-talos-flux").mkdir(parents=True)
        compiled = cache_folder() / "compiled"
        compiled.mkdir(parents=True, exist_ok=True)
        (folder / "cache/copier-talos-flux/compiled").symlink_to(compiled)

    # --- The template ---

    def release(self, version: str, replacements: Mapping[str, tuple[str, str]] | None = None) -> None:
        """Commit the template as it is, some texts replaced by path, with a tag."""
        for name, (old, new) in (replacements or {}).items():
            text = (self.template / name).read_text()
            assert old in text, f"{name} has no {old!r}"
            (self.template / name).write_text(text.replace(old, new))
        git(self.template, "add", "--all")
        git(self.template, "commit", "--quiet", "--allow-empty", "--message", f"feat: {version}")
        git(self.template, "tag", version)

    def released(self, name: str, text: str) -> None:
        """Write a file of the template, to be released."""
        (self.template / name).parent.mkdir(parents=True, exist_ok=True)
        (self.template / name).write_text(text)

    # --- The cluster ---

    def commit(self, message: str = "feat: edits") -> None:
        commit_all(self.root, message)

    def text(self, name: str) -> str:
        return (self.root / name).read_text()

    def edit(self, name: str, old: str, new: str) -> None:
        assert old in self.text(name), f"{name} has no {old!r}"
        (self.root / name).write_text(self.text(name).replace(old, new))

    @property
    def tree(self) -> Tree:
        return tree_of(self.root)

    @property
    def status(self) -> str:
        return git(self.root, "status", "--porcelain", "--untracked-files=all")

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "NO_COLOR": "1",
        }

    def run(self, *words: str, before: str = "") -> subprocess.CompletedProcess[str]:
        """`talos-flux update`; `before` is Python that runs in its process first."""
        start = f"import runpy, sys; sys.path.insert(0, {str(PROJECT / 'src')!r}); {before}\n"
        start += f"sys.argv[1:] = {['update', *words]!r}; runpy.run_module('talos_flux', run_name='__main__')"
        return subprocess.run(
            [sys.executable, "-c", start] if before else [*TALOS_FLUX, "update", *words],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def update(self, *words: str) -> str:
        """Run an update with nothing to decide; return what it says."""
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def conflicts(self, *words: str) -> list[str]:
        """Run an update with something to decide; return the paths."""
        done = self.run(*words)
        assert done.returncode == 2, done.stdout + done.stderr
        unmerged = git(self.root, "diff", "--name-only", "--diff-filter=U", "-z").split("\0")[:-1]
        assert all(f"warning: {path}: " in done.stderr for path in unmerged), done.stderr
        return sorted(set(unmerged))

    def refuses(self, *words: str) -> str:
        """Run an update that must be refused, and change nothing; return the reason."""
        before, status = self.tree, self.status
        done = self.run(*words)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert (self.tree, self.status) == (before, status)
        return next(line for line in done.stderr.splitlines() if line.startswith("error: ")).removeprefix("error: ")


def home_with_apps(root: Path, rendered: Path, template: Path, apps: Iterable[str] = APPS) -> Home:
    """Make a cluster in git with these apps."""
    home = Home(root, rendered, template)
    for app in apps:
        home.add("app", app, **APPS[app])
    home.commit()
    return home


def tree_of(root: Path) -> Tree:
    """Every file with its bytes, every link, and every folder; not what Python compiles."""
    found: Tree = {}
    for path in root.rglob("*"):
        name = path.relative_to(root)
        if ".git" not in name.parts and "__pycache__" not in name.parts:
            link = os.readlink(path).encode() if path.is_symlink() else None
            found[name.as_posix()] = link or (path.read_bytes() if path.is_file() else None)
    return found


def without_the_version(tree: Tree) -> Tree:
    """Return a tree whose answers files say nothing about the template."""
    return {
        name: b"\n".join(line for line in text.splitlines() if not line.startswith((b"_commit", b"_src_path")))
        if text and name.endswith(".copier-answers.yml")
        else text
        for name, text in tree.items()
    }
