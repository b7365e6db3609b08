"""Pages of docs/reference that are made of what the project itself says; `python -m tests.tools.pages` writes them."""

from collections.abc import Callable
from pathlib import Path

from tests.support.render import Answers
from tests.tools.pages import commands, components, questions, rules, tasks


def all_pages(render: Callable[[Answers], Path]) -> dict[Path, str]:
    """Each page as it should be. What a person wrote around the tables is taken from the page; `render` gives the
    folder of the cluster that some answers make."""
    return {
        components.PAGE: components.page(components.PAGE.read_text(), render),
        components.PICTURE: components.picture(render),
        questions.PAGE: questions.page(questions.PAGE.read_text()),
        rules.PAGE: rules.page(rules.PAGE.read_text()),
        commands.PAGE: commands.page(commands.PAGE.read_text(), render),
        tasks.PAGE: tasks.page(tasks.PAGE.read_text(), render),
    }
