"""A terminal as a person has it: a program runs in it, keys are pressed, the screen is read, and drawn as SVG."""

import io
import os
import re
import time
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from types import TracebackType

import pexpect
import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

SIZE = (120, 36)
SECONDS = 60
# What pyte calls otherwise than rich.
COLOURS = {"brown": "yellow", "default": ""} | {
    f"bright{name}": f"bright_{name.replace('brown', 'yellow')}"
    for name in ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
}


class Terminal:
    """A program in a terminal of so many columns and lines; as a context it is ended with the block."""

    def __init__(
        self, command: Sequence[str], folder: Path, size: tuple[int, int] = SIZE, more: Mapping[str, str] | None = None
    ) -> None:
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(more or {})}
        # The size and colours are those of this terminal, not of the one that the tests run in.
        for name in ("NO_COLOR", "COLUMNS", "LINES"):
            environment.pop(name, None)
        first, *others = command
        self._program = pexpect.spawn(first, others, cwd=folder, dimensions=size[::-1], env=environment)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.close(force=True)

    @property
    def text(self) -> str:
        """The screen, without blanks at the ends of lines."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def press(self, keys: str) -> None:
        """As if a person typed them."""
        self._program.send(keys)

    def shows(self, *texts: str, but: str = "\0") -> None:
        """Wait until all of the texts are on the screen, and another one is not; AssertionError when that never is."""
        until = time.monotonic() + SECONDS
        while not (all(text in self.text for text in texts) and but not in self.text):
            assert self._reads() and time.monotonic() < until, f"{texts} but not {but!r}:\n{self.text}"

    def ends(self) -> int:
        """Wait for the end of the program, and return its exit code."""
        until = time.monotonic() + SECONDS
        while self._reads():
            assert time.monotonic() < until, f"it does not end:\n{self.text}"
        self._program.close()
        return int(self._program.exitstatus if self._program.exitstatus is not None else -1)

    def _reads(self) -> bool:
        """Whether the program is still there after what it has just written."""
        try:
            self._stream.feed(self._program.read_nonblocking(65536, 0.1))
        except pexpect.TIMEOUT:
            pass
        except pexpect.EOF:
            return False
        return True

    def picture(self, title: str) -> str:
        """Draw the screen as SVG, as high as what is on it; the title is also its name for those who don't see it."""
        console = Console(record=True, width=self.screen.columns, file=io.StringIO(), color_system="truecolor")
        for number in range(len(self.text.splitlines())):
            console.print(self._line(number), no_wrap=True, overflow="crop")
        drawn = console.export_svg(title=title, unique_id="terminal")
        # A picture in a page fetches no fonts, and every page has a monospaced one.
        drawn = re.sub(r"\s*@font-face \{.*?\}\n", "\n", drawn, flags=re.DOTALL)
        head, rest = drawn.split(">", 1)
        return f'{head} role="img">\n    <title>{escape(title)}</title>{rest}'

    def _line(self, number: int) -> Text:
        cells = [self.screen.buffer[number][column] for column in range(self.screen.columns)]
        line = Text()
        for style, alike in groupby(cells, key=_style):
            line.append("".join(cell.data for cell in alike), style)
        line.rstrip()
        return line


def _style(cell: pyte.screens.Char) -> Style:
    return Style(
        color=_colour(cell.fg), bgcolor=_colour(cell.bg), bold=cell.bold, italic=cell.italics,
        underline=cell.underscore, reverse=cell.reverse,
    )  # fmt: skip


def _colour(name: str) -> str | None:
    """As rich calls it; None for the terminal's own."""
    name = COLOURS.get(name, name)
    return f"#{name}" if len(name) == 6 and all(digit in "0123456789abcdef" for digit in name) else name or None
