"""What has changed between two looks at Flux."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lib.flux.names import Key
from lib.flux.rows import Row


@dataclass(frozen=True)
class Change:
    """An object as it is and as it was: without `now` it is gone, without `before` it is new."""

    now: Row | None
    before: Row | None

    @property
    def key(self) -> Key:
        """Which object."""
        row = self.now or self.before
        assert row
        return row.key

    def __str__(self) -> str:
        if self.now is None:
            return f"{self.key} is gone"
        said = f"{self.key} is {self.now.state}"
        if self.before is None:
            said = f"{self.key} is new and {self.now.state}"
        elif self.before.state != self.now.state:
            said = f"{said}, after {self.before.state}"
        revision = f" at {self.now.revision}" if self.now.revision else ""
        return f"{said}{revision}{f': {self.now.why}' if self.now.why else ''}"

    def as_json(self) -> dict[str, Any]:
        """{now, before: a Row as JSON, or null}."""
        return {name: row.as_json() if row else None for name, row in (("now", self.now), ("before", self.before))}


def changes(before: Iterable[Row], now: Iterable[Row]) -> Iterator[Change]:
    """In the order of the rows, what is gone last; getting older is no change."""
    old = {row.key: row for row in before}
    for row in now:
        previous = old.pop(row.key, None)
        if previous is None or _told(previous) != _told(row):
            yield Change(row, previous)
    for row in old.values():
        yield Change(None, row)


def _told(row: Row) -> tuple[str, ...]:
    return row.state, row.revision, row.why
