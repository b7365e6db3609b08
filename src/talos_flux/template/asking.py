"""Ask the template's questions as Copier does."""

from collections.abc import Mapping
from typing import Any

import questionary


def answer_to(question: Any, **changes: Any) -> Any:
    """Return the answer of whoever is at the terminal to one of Copier's questions.

    `changes` replace what questionary is told of it.
    """
    structure: Mapping[str, Any] = question.get_questionary_structure()
    return questionary.unsafe_prompt([{**structure, **changes}])[question.var_name]
