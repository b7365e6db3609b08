"""Copier's own copy of a namespace or an app, into memory."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

import copier
import yaml
from lib.refusal import Refusal

from hooks.compiling import compiling_once
from hooks.template import Template

ANSWERS_FILE = PurePath(".copier-answers.yml")


@dataclass(frozen=True)
class Copy:
    """What a copy wrote, by path in its folder."""

    files: dict[PurePath, bytes]

    @cached_property
    def answers(self) -> dict[str, Any]:
        """The answers that it records."""
        answers: dict[str, Any] = yaml.safe_load(self.files[ANSWERS_FILE])
        return answers

    def documents(self, name: str) -> list[Any]:
        """The YAML documents of one of its files."""
        return list(yaml.safe_load_all(self.files[PurePath(name)]))


def copy(template: Template, data: Mapping[str, Any], *, defaults: bool) -> Copy:
    """Ask what data does not answer, and render; Refusal with Copier's sentence when an answer breaks its rule."""
    with TemporaryDirectory(prefix="copier-talos-flux-") as folder, warnings.catch_warnings(), compiling_once():
        warnings.simplefilter("ignore")  # of Copier, about a shallow clone
        try:
            copier.run_copy(
                str(template.root),
                folder,
                data=dict(data),
                vcs_ref=template.ref,
                defaults=defaults,
                quiet=True,
                unsafe=False,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None  # Copier's own is an Exception, too
        except Exception as error:
            raise Refusal(sentence_of(error)) from error
        root = Path(folder)
        return Copy({path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()})


def sentence_of(error: Exception) -> str:
    """What Copier says, in one sentence."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = re.sub(r"^(?:Validation error for question|Invalid choice for) '(\w+)': ", r"\1: ", text)
    if required := re.fullmatch(r'Question "(\w+)" is required', text):
        text = f"{required[1]} needs an answer, and has no default: give it with --data or --data-file"
    elif isinstance(error, copier.errors.InteractiveSessionError):
        text = "there is no terminal to ask at: answer with --data or --data-file, and take the rest with --defaults"
    return f"{text.removesuffix('.')}."
