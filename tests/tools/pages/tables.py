"""A Markdown table of which a program writes some columns, and a person the others."""

import re
from collections.abc import Sequence

Row = Sequence[str | None]


def filled(page: str, header: str, rows: Sequence[Row], key: int = 0) -> str:
    """Return the page with these rows below a header, such as `| a | b |`; raise ValueError when it has no such table.

    A cell that is None stays as it is in the row with the same key, which is a column's number; it is empty in a new
    row.
    """
    columns = len(cells(header))
    found = re.search(rf"^{re.escape(header)}\n\|[-| ]+\|\n((?:\|.*\n)*)", page, re.MULTILINE)
    if not found:
        raise ValueError(f"the page has no table {header}")
    before = {row[key]: row for row in map(cells, found[1].splitlines())}
    lines = []
    for row in rows:
        old = before.get(str(row[key]), [""] * columns)
        lines.append(line([old[number] if cell is None else cell for number, cell in enumerate(row)]))
    return page[: found.start(1)] + "".join(lines) + page[found.end(1) :]


def cells(row: str) -> list[str]:
    """Return the cells of a line; a pipe behind a backslash is text."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip())[1:-1]]


def line(row: Sequence[str]) -> str:
    """Return a line of a table, without blanks in empty cells."""
    return "|" + "|".join(f" {cell} " if cell else " " for cell in row) + "|\n"


def table(text: str, header: str) -> list[str]:
    """Return the rows of the first table with that header."""
    return text.split(f"\n{header}\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
