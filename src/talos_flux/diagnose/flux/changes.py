"""What has changed between two snapshots of Flux."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from talos_flux.diagnose.flux.names import ObjectKey
from talos_flux.diagnose.flux.rows import Row


@dataclass(frozen=True)
class ObjectChange:
    """An object as it is and as it was: without `now` it is gone, without `before` it is new."""

    now: Row | None
    before: Row | None

    @property
    def key(self) -> ObjectKey:
        """Return the object's key."""
        row = self.now or self.before
        assert row
        return row.key

    def __str__(self) -> str:
        if self.now is None:
            return f"{self.key} is gone"
        text = f"{self.key} is {self.now.state}"
        if self.before is None:
            text = f"{self.key} is new and {self.now.state}"
        elif self.before.state != self.now.state:
            text = f"{text}, after {self.before.state}"
        revision = f" at {self.now.revision}" if self.now.revision else ""
        return f"{text}{revision}{f': {self.now.why}' if self.now.why else ''}"

    def as_json(self) -> dict[str, Any]:
        """Return {now, before}, each a Row as JSON, or null."""
        return {name: row.as_json() if row else None for name, row in (("now", self.now), ("before", self.before))}


def changes(before: Iterable[Row], now: Iterable[Row]) -> Iterator[ObjectChange]:
    """Yield the changes in the order of `now`, then what is gone; a greater age is no change."""
    old = {row.key: row for row in before}
    for row in now:
        previous = old.pop(row.key, None)
        if previous is None or _content(previous) != _content(row):
            yield ObjectChange(row, previous)
    for row in old.values():
        yield ObjectChange(None, row)


def _content(row: Row) -> tuple[str, ...]:
    return row.state, row.revision, row.why
