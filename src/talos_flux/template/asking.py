"""Ask the template's questions as Copier does."""

from typing import Any

import questionary


def answer_to(question: Any) -> Any:
    """Return the answer of whoever is at the terminal to one of Copier's questions."""
    return questionary.unsafe_prompt([question.get_questionary_structure()])[question.var_name]
