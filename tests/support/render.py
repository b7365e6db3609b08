"""Rendering the template: a committed snapshot of the working tree, and one render per set of answers."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from copier import run_copy
from copier._main import Worker
from copier._template import Template, load_template_config

from tests.tools.locks import locked

PROJECT = Path(__file__).resolve().parents[2]
VERSION = "v999.0.0"

if TYPE_CHECKING:
    import talos_flux.template.render

Answers = Mapping[str, Any]


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return its stdout; subprocess.CalledProcessError when it fails."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def commit_all(folder: Path, message: str) -> None:
    """Commit everything in a folder, which becomes a repository with the first one."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def snapshot(target: Path) -> Path:
    """Clone the project with its uncommitted changes into target, committed and tagged; returns target.

    Without its tests, which whoever follows it does not need, and packed, since many tests copy it.
    """
    with locked(target):
        if not target.exists():
            draft = target.with_name(f"{target.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            git(PROJECT, "clone", "--quiet", "--no-hardlinks", str(PROJECT), str(draft))
            for name in git(draft, "ls-files", "-z").split("\0")[:-1]:
                (draft / name).unlink()
            for name in git(PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")[:-1]:
                if os.path.lexists(PROJECT / name) and not name.startswith("tests/"):
                    (draft / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(PROJECT / name, draft / name, follow_symlinks=False)
            git(draft, "add", "--all")
            git(draft, "commit", "--quiet", "--allow-empty", "--no-verify", "--message", "test: the working tree")
            git(draft, "tag", VERSION)
            git(draft, "repack", "-adq")
            draft.rename(target)
    return target


_configuration = cache(load_template_config)
_compiled: dict[tuple[str, str | None], Any] = {}


@contextmanager
def quicker() -> Iterator[None]:
    """Render in a quarter of the time, to the same bytes, from a template that nobody changes meanwhile.

    Kept: what Jinja compiled, the questions, and the answers file's name, which Copier renders twice for each path.
    Spared: a clone of the template, and one git call per file, which keeps the executable bit in an index that no
    render here has.
    """
    from tests.support.compiling import compiling_once  # noqa: PLC0415, as talos_flux.template.render below

    def answers_file(worker: Worker) -> Path:
        worker.jinja_env.preprocess("")  # as rendering the name would
        return Path(".copier-answers.yml")

    with (
        compiling_once(_compiled),
        mock.patch.object(Template, "local_abspath", property(lambda template: Path(template.url).resolve())),
        mock.patch("copier._template.load_template_config", lambda path, quiet=False: deepcopy(_configuration(path))),
        mock.patch.object(Worker, "answers_relpath", property(answers_file)),
        mock.patch.object(Worker, "_sync_git_index_executable_bit"),
    ):
        yield


def files_in(folder: Path) -> list[Path]:
    """Every file, relative to the folder, sorted."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


class Renderer:
    """Renders answers into folders that tests read and never write; each set of answers once per run.

    With our renderer, many times faster than Copier: tests/test_renderer.py holds it to Copier's bytes for every
    cluster that is judged.
    """

    def __init__(self, template: Path, folder: Path) -> None:
        self.template = template
        self.folder = folder
        questions = Template(str(template)).questions_data
        self.all_names = set(questions)
        self.questions = {name for name, question in questions.items() if question.get("when") is not False}

    @cached_property
    def _quick(self) -> "talos_flux.template.render.Template":
        import talos_flux.template.render  # noqa: PLC0415, not on the path of the process that keeps the API server

        return talos_flux.template.render.Template(self.template, commit=VERSION, source=str(self.template))

    def __call__(self, answers: Answers) -> Path:
        """Return the rendered repository; raise KeyError for an answer that is no question's."""
        key = hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()[:16]
        done = self.folder / key
        with locked(done):
            if not done.exists():
                draft = self.folder / f"{key}.draft"
                shutil.rmtree(draft, ignore_errors=True)
                self._refuse_unknown(answers)
                for name, file in self._quick.render({}, answers).items():
                    (draft / name).parent.mkdir(parents=True, exist_ok=True)
                    (draft / name).write_bytes(file.content)
                    (draft / name).chmod(0o755 if file.executable else 0o644)
                draft.rename(done)
        return done

    def into(self, target: Path, answers: Answers) -> Path:
        """Copy into a folder of the caller's own, as `copier copy --defaults` without --trust does."""
        self._refuse_unknown(answers)
        run_copy(
            str(self.template), target, data=dict(answers), vcs_ref=VERSION, defaults=True, quiet=True, unsafe=False
        )
        return target

    def _refuse_unknown(self, answers: Answers) -> None:
        if unknown := set(answers) - self.questions:
            raise KeyError(f"no question is named {', '.join(sorted(unknown))}")
