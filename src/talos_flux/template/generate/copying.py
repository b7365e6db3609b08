"""Ask the questions of what is added, and render it in memory."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

import yaml

from talos_flux.errors import UserError
from talos_flux.paths import ANSWERS_FILE
from talos_flux.template import render
from talos_flux.template.asking import answer_to
from talos_flux.template.generate.given_answers import image_and_tag
from talos_flux.template.generate.template_source import TemplateCheckout


@dataclass(frozen=True)
class Copy:
    """The rendered files, by path in their folder."""

    files: dict[PurePath, bytes]

    @cached_property
    def answers(self) -> dict[str, Any]:
        """Return the recorded answers."""
        answers: dict[str, Any] = yaml.safe_load(self.files[PurePath(ANSWERS_FILE)])
        return answers

    def documents(self, name: str) -> list[Any]:
        """Return the YAML documents of one of its files."""
        return list(yaml.safe_load_all(self.files[PurePath(name)]))


def copy(template: TemplateCheckout, data: Mapping[str, Any], *, defaults: bool) -> Copy:
    """Ask what `data` does not answer, and render; UserError in one sentence when an answer breaks its rule."""
    answers = {**data, **({} if defaults else answered(template, data, defaults=False))}
    try:
        files = template.renderer.render({}, answers)
    except UserError as refusal:
        raise UserError(sentence_of(refusal)) from refusal
    return Copy({PurePath(path): file.content for path, file in files.items()})


def answered(template: TemplateCheckout, data: Mapping[str, Any], *, defaults: bool) -> dict[str, Any]:
    """Ask what `data` does not answer, and return all that will be recorded; UserError as in copy."""
    try:
        return template.renderer.recorded({}, data, ask=None if defaults else Asking())
    except UserError as refusal:
        raise UserError(sentence_of(refusal)) from refusal


class Asking:
    """Asks Copier's questions as Copier does. The tag of an image may be typed with the image, as in --data."""

    def __init__(self) -> None:
        """Begin with no tag."""
        self._tag = ""

    def __call__(self, question: Any) -> Any:
        """Return the answer; UserError when there is no terminal."""
        if not sys.stdin.isatty():
            raise UserError(
                "there is no terminal to ask at: answer with --data or --data-file, and take the rest with --defaults."
            )
        if question.var_name == "app_image":
            validate = question.get_questionary_structure()["validate"]
            typed = answer_to(question, validate=lambda text: validate(image_and_tag(text)[0]))
            image, self._tag = image_and_tag(typed)
            return image
        if question.var_name == "app_tag" and self._tag:
            return answer_to(question, default=self._tag)
        return answer_to(question)


def sentence_of(refusal: UserError) -> str:
    """Return an error of the renderer as one sentence about an option, in Copier's own words for an answer."""
    text = " ".join(str(refusal.__cause__ or refusal).split())
    text = render.OF_AN_ANSWER.sub(r"\1: ", text)
    if missing := re.match(r"(\w+) needs an answer:", text):
        text = f"{missing[1]} needs an answer, and has no default: give it with --data or --data-file"
    return f"{text.removesuffix('.')}."
