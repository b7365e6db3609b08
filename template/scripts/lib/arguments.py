"""What a script is asked for on its command line."""

import argparse
from typing import NoReturn

FAILED = 3


class Parser(argparse.ArgumentParser):
    """argparse's, with the exit code that says that a check itself failed: its own 2 would mean that it found errors.

    The script's docstring is its help, with its line breaks.
    """

    def __init__(self, description: str | None) -> None:
        super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message: str) -> NoReturn:
        """One sentence."""
        self.exit(FAILED, f"error: {message[0].lower()}{message[1:]}: --help lists what there is.\n")
