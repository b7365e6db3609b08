"""The pictures of the tools in docs/pictures: taken by the tests that run the tools, and held to what these say.

`make pictures` takes them anew.
"""

import os
from xml.etree import ElementTree

from tests.support.render import PROJECT
from tests.support.terminal import Terminal

FOLDER = PROJECT / "docs/pictures"


def take(terminal: Terminal, name: str, title: str, *said: str) -> None:
    """Take a picture of a terminal; raise AssertionError unless the one in docs/ shows the same words."""
    drawn, path = terminal.picture(title), FOLDER / f"{name}.svg"
    assert [text for text in said if text not in words(drawn)] == [], terminal.text
    if os.environ.get("PICTURES"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(drawn)
    assert [text for text in said if text not in words(path.read_text())] == [], f"{path.name} is old: make pictures"


def words(drawn: str) -> str:
    """Return what is written in a picture."""
    return "".join(ElementTree.fromstring(drawn).itertext()).replace("\N{NO-BREAK SPACE}", " ")  # noqa: S314, our own
