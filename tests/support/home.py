"""A cluster's repository in git that namespaces and apps are added to, as somebody at home has it."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from talos_flux.template.generate.addition import Addition, add
from talos_flux.template.generate.template_source import TemplateCheckout
from tests.support.render import commit_all, git, quicker

WEB_APP = {"app_image": "ghcr.io/jellyfin/jellyfin", "app_tag": "10.11.2", "app_port": "8096"}
Tree = dict[str, bytes | None]


class Home:
    """A copy of a rendered cluster, committed."""

    def __init__(self, root: Path, rendered: Path, template: Path) -> None:
        self.root, self.template = root, template
        shutil.copytree(rendered, root)
        self.commit("feat: the cluster")

    def commit(self, message: str = "feat: more") -> None:
        commit_all(self.root, message)

    @property
    def tree(self) -> Tree:
        """Every file with its bytes, and every folder."""
        paths = [
            path for path in self.root.rglob("*") if not {".git", "__pycache__"} & {*path.relative_to(self.root).parts}
        ]
        return {str(path.relative_to(self.root)): path.read_bytes() if path.is_file() else None for path in paths}

    @property
    def changes(self) -> list[str]:
        """What git sees that is not committed, a folder's files one by one."""
        return sorted(git(self.root, "status", "--porcelain", "--untracked-files=all").splitlines())

    def text(self, path: str) -> str:
        return (self.root / path).read_text()

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def answers(self, folder: str) -> dict[str, Any]:
        answers: dict[str, Any] = yaml.safe_load(self.text(f"{folder}/.copier-answers.yml"))
        return answers

    def record(self, **answers: str) -> None:
        """Change what the cluster's answers file says."""
        self.write(".copier-answers.yml", yaml.safe_dump(self.answers(".") | answers))

    def add(self, generator: str, folder: str, /, **data: Any) -> Addition:
        """Add in this process, and take the default of what is not given."""
        with quicker():
            return add(
                TemplateCheckout.checked_out_in(self.template), generator, self.root / folder, data, defaults=True
            )

    def copier(
        self,
        generator: str,
        folder: str,
        data: Mapping[str, Any] = WEB_APP,
        *options: str,
        template: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run the command that the documentation names."""
        command = command_line(template or self.template, generator, folder, data)
        return subprocess.run([*command, *options], cwd=self.root, capture_output=True, text=True, check=False)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Check that the block changes nothing, not even a folder that git does not see."""
        before = self.tree
        yield
        assert self.tree == before


def command_line(template: Path, generator: str, folder: str, data: Mapping[str, Any]) -> list[str]:
    given = [argument for name, value in data.items() for argument in ("--data", f"{name}={value}")]
    return ["copier", "copy", "--trust", "--defaults", *given, str(template / "generators" / generator), folder]


def typed_to() -> dict[str, str]:
    """Return the environment of a process that somebody types to: without the cursor query, which nobody answers."""
    return os.environ | {"PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm"}
