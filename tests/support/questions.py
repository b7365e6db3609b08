"""The template's questions as they are written."""

from functools import cache
from typing import Any

import yaml

from talos_flux.repository.generators import generators
from tests.support.render import PROJECT


@cache
def questions(of: str = "cluster") -> dict[str, Any]:
    """Return the questions of a cluster or a generator in Copier's order, by copier.yml's includes."""
    folder = "questions" if of == "cluster" else f"generators/{of}"
    found: dict[str, Any] = {}
    for line in (PROJECT / "copier.yml").read_text().splitlines():
        if line.startswith(f"!include {folder}/"):
            found |= yaml.load((PROJECT / line.removeprefix("!include ")).read_text(), yaml.CSafeLoader) or {}
    return found


def all_questions() -> dict[str, Any]:
    """Return the questions of a cluster and of all generators."""
    return {name: question for of in ("cluster", *generators()) for name, question in questions(of).items()}


def is_public(question: dict[str, Any]) -> bool:
    """Whether a person may answer it; versions and what is computed are nobody's answer."""
    return question.get("when") is not False and question.get("ask") is not False
