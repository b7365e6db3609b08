"""Ask the questions of a namespace or an app, and render it in memory."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

import questionary
import yaml

from talos_flux.errors import UserError
from talos_flux.template import render
from talos_flux.template.generate.git_commands import git, lines
from talos_flux.template.generate.template_source import TemplateCheckout

ANSWERS_FILE = PurePath(".copier-answers.yml")


@dataclass(frozen=True)
class Copy:
    """The rendered files, by path in their folder."""

    files: dict[PurePath, bytes]

    @cached_property
    def answers(self) -> dict[str, Any]:
        """Return the recorded answers."""
        answers: dict[str, Any] = yaml.safe_load(self.files[ANSWERS_FILE])
        return answers

    def documents(self, name: str) -> list[Any]:
        """Return the YAML documents of one of its files."""
        return list(yaml.safe_load_all(self.files[PurePath(name)]))


def copy(template: TemplateCheckout, data: Mapping[str, Any], *, defaults: bool) -> Copy:
    """Ask what `data` does not answer, and render; UserError in one sentence when an answer breaks its rule."""
    with committed(template) as folder:
        try:
            renderer = render.Template(folder, commit=described(template), source=str(template.root))
            answers = {**data, **({} if defaults else renderer.recorded({}, data, ask=asked))}
            files = renderer.render({}, answers)
        except UserError as refusal:
            raise UserError(sentence_of(refusal)) from refusal
    return Copy({PurePath(path): file.content for path, file in files.items()})


@contextmanager
def committed(template: TemplateCheckout) -> Iterator[Path]:
    """Yield a checkout of the template's commit: the template itself when it has no uncommitted changes."""
    if not template.is_dirty:
        yield template.root
        return
    with TemporaryDirectory(prefix="copier-talos-flux-") as folder:
        git(template.root, "clone", "--quiet", "--shared", "--no-checkout", str(template.root), folder)
        git(Path(folder), "-c", "advice.detachedHead=false", "checkout", "--quiet", template.ref)
        yield Path(folder)


def described(template: TemplateCheckout) -> str:
    """Return the template's version as an answers file records it: a tag, or `git describe` of a commit."""
    if template.is_tagged:
        return template.ref
    return lines(template.root, "describe", "--tags", "--always", template.ref)[0]


def asked(question: Any) -> Any:
    """Ask one of Copier's questions as Copier does; UserError when there is no terminal."""
    if not sys.stdin.isatty():
        raise UserError(
            "there is no terminal to ask at: answer with --data or --data-file, and take the rest with --defaults."
        )
    return questionary.unsafe_prompt([question.get_questionary_structure()])[question.var_name]


def sentence_of(refusal: UserError) -> str:
    """Return an error of the renderer as one sentence about an option, in Copier's own words for an answer."""
    text = " ".join(str(refusal.__cause__ or refusal).split())
    text = re.sub(r"^(?:Validation error for question|Invalid choice for) '(\w+)': ", r"\1: ", text)
    if missing := re.match(r"(\w+) needs an answer:", text):
        text = f"{missing[1]} needs an answer, and has no default: give it with --data or --data-file"
    return f"{text.removesuffix('.')}."
