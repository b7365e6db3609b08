"""A template of a few files, and a cluster that follows it: an update of it takes a tenth of a second."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from talos_flux.repository.contents import File
from talos_flux.template.render import Template
from tests.support.render import git

OLD, NEW = "v900.0.0", "v901.0.0"
COPIER = """\
_min_copier_version: 9.19.1
_subdirectory: "{{ 'template' if generator == 'cluster' else 'generators/' ~ generator }}"
_envops: {trim_blocks: true, lstrip_blocks: true}
generator: {type: str, default: cluster, ask: false}
colour: {type: str, default: red}
"""
ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"
ANSWERS = "# What was answered.\n{{ _copier_answers | to_nice_yaml -}}\n"
IGNORED = "*.unfinished\n.talos-flux-*.unfinished/\n*.ignored\n"
Content = bytes | str


def put(path: Path, content: Content, mode: int = 0o644) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


class Small:
    """`root` follows `template` at v900.0.0, with an instance for each folder in `apps` and `namespaces`."""

    def __init__(self, folder: Path) -> None:
        self.template, self.root = folder / "template", folder / "home"
        self.put("copier.yml", COPIER)
        for place in ("template", "generators/namespace", "generators/app"):
            self.put(f"{place}/{ANSWERS_FILE}", ANSWERS)
        self.put("template/.gitignore", IGNORED)

    def put(self, name: str, content: Content, mode: int = 0o644) -> None:
        """Write a file of the template, to be released."""
        put(self.template / name, content, mode)

    def release(self, version: str) -> None:
        """Commit the template as it is, with a tag."""
        commit(self.template, f"feat: {version}")
        git(self.template, "tag", version)

    def begin(self, instances: Mapping[str, str] | None = None) -> None:
        """Release the template, and let a new cluster follow it; `instances` are generators by their folders."""
        self.release(OLD)
        template = Template(self.template, commit=OLD, source=str(self.template))
        for folder, generator in {".": "cluster", **(instances or {})}.items():
            files = template.render({}, {"generator": generator}, destination=self.root / folder)
            write_all(self.root / folder, files)
        commit(self.root, "feat: the cluster")

    def copy_to(self, folder: Path) -> "Small":
        """Return a copy of the cluster that follows the same template."""
        other = object.__new__(type(self))
        other.template, other.root = self.template, folder / "home"
        shutil.copytree(self.root, other.root, symlinks=True)
        return other

    @property
    def state(self) -> "State":
        """Everything that an undo has to restore."""
        return state_of(self.root)


def write_all(root: Path, files: Mapping[PurePosixPath, File]) -> None:
    """Write what was rendered."""
    for path, file in files.items():
        put(root / path, file.content, 0o755 if file.executable else 0o644)


def commit(root: Path, message: str = "feat: edits") -> None:
    """Commit everything in a folder, also what git ignores; it becomes a repository with the first commit."""
    if not (root / ".git").exists():
        git(root, "init", "--quiet")
    git(root, "add", "--all", "--force")
    git(root, "commit", "--quiet", "--allow-empty", "--message", message)


State = tuple[dict[str, tuple[int, bytes]], str, str]


def state_of(root: Path) -> State:
    """Return every file, link and folder with its mode and bytes, what git's index has, and what git says of it."""
    return (
        files_of(root),
        git_bytes(root, "ls-files", "-z", "--stage", "-v"),
        git_bytes(root, "status", "--porcelain", "-z", "--untracked-files=all", "--ignored=matching"),
    )


def files_of(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file, link and folder with its mode and bytes, but git's own."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in (*folders, *(name for name in names if name != ".git")):
            path = Path(folder, name)
            is_link = path.is_symlink()
            content = os.fsencode(path.readlink()) if is_link else path.read_bytes() if path.is_file() else b""
            found[path.relative_to(root).as_posix()] = path.lstat().st_mode, content
    return found


def git_bytes(root: Path, *arguments: str) -> str:
    """Run git, whatever the names of its files are."""

    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)
    return done.stdout.decode(errors="surrogateescape")
