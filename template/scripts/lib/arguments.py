"""What a script is asked for on its command line."""

import argparse
from typing import NoReturn

FAILED = 3
# A day.
LONGEST = 24 * 60


def minutes(text: str) -> float:
    """A time to wait, as in 30 or 30m, as argparse asks for it."""
    try:
        value = float(text.removesuffix("m"))
    except ValueError:
        value = 0
    if not 0 < value <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is no number of minutes up to {LONGEST}")
    return value


class Parser(argparse.ArgumentParser):
    """argparse's, with the exit code that says that a check itself failed: its own 2 would mean that it found errors.

    The script's docstring is its help, with its line breaks.
    """

    def __init__(self, description: str | None) -> None:
        super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message: str) -> NoReturn:
        """One sentence."""
        self.exit(FAILED, f"error: {message[0].lower()}{message[1:]}: --help lists what there is.\n")
