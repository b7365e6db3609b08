"""Rendering the template: a committed snapshot of the working tree, and one render per set of answers."""

import hashlib
import importlib.util
import json
import os
import py_compile
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
    import lib.render

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
    """Clone the project with its uncommitted changes into target, committed and tagged; returns target."""
    with locked(target):
        if not target.exists():
            draft = target.with_name(f"{target.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            git(PROJECT, "clone", "--quiet", "--no-hardlinks", str(PROJECT), str(draft))
            for name in git(draft, "ls-files", "-z").split("\0")[:-1]:
                (draft / name).unlink()
            for name in git(PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")[:-1]:
                if os.path.lexists(PROJECT / name):
                    (draft / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(PROJECT / name, draft / name, follow_symlinks=False)
            git(draft, "add", "--all")
            git(draft, "commit", "--quiet", "--allow-empty", "--no-verify", "--message", "test: the working tree")
            git(draft, "tag", VERSION)
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
    from hooks.compiling import compiling_once  # noqa: PLC0415, as lib.render below

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
    """Every file, relative to the folder, sorted; without what Python compiled."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if "__pycache__" not in path.parts)


def keep_compiled(script: Path, store: Path) -> None:
    """Put beside a script what Python compiles it to, which `store` has once for equal scripts.

    Scripts run in hundreds of copies of a cluster, and compiling is most of what a short one takes. Python compares
    the hash of the source, so that a script that is changed later is compiled anew.
    """
    compiled = Path(importlib.util.cache_from_source(str(script)))
    stored = store / hashlib.sha256(script.read_bytes()).hexdigest()
    with locked(stored):
        if not stored.exists():
            mode = py_compile.PycInvalidationMode.CHECKED_HASH
            py_compile.compile(str(script), str(stored), script.name, doraise=True, invalidation_mode=mode)
    compiled.parent.mkdir(exist_ok=True)
    os.link(stored, compiled)


class Renderer:
    """Renders answers into folders that tests read and never write; each set of answers once per run.

    With lib.render, many times faster than Copier: tests/test_renderer.py holds it to Copier's bytes for every cluster
    that is judged.
    """

    def __init__(self, template: Path, folder: Path) -> None:
        self.template = template
        self.folder = folder
        questions = Template(str(template)).questions_data
        self.all_names = set(questions)
        self.questions = {name for name, question in questions.items() if question.get("when") is not False}

    @cached_property
    def _quick(self) -> "lib.render.Template":
        import lib.render  # noqa: PLC0415, not on the path of the process that keeps the API server

        return lib.render.Template(self.template, commit=VERSION, source=str(self.template))

    def __call__(self, answers: Answers) -> Path:
        """The rendered repository; KeyError for an answer that is no question's."""
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
                    if name.suffix == ".py":
                        keep_compiled(draft / name, self.folder / "compiled")
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
