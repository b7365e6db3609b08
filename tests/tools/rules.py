"""The table of the static checks' rules, from the rules themselves.

    python -m tests.tools.rules

writes it into docs/reference/checks.md.
"""

import re

from lib.checks.topics import RULES

from tests.support.render import PROJECT

PAGE = PROJECT / "docs/reference/checks.md"
HEADER = "| rule | severity | why |\n| --- | --- | --- |\n"


def table() -> str:
    """A row for each rule, by name."""
    return HEADER + "".join(f"| `{one.id}` | {one.severity.value} | {one.why} |\n" for _, one in sorted(RULES.items()))


def page(text: str) -> str:
    """The page with the table as it should be."""
    return re.sub(re.escape(HEADER) + r"(\|.*\n)*", lambda _: table(), text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
