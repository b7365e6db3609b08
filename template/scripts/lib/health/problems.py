"""What is wrong, how bad it is, and which command helps."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is; its number is the exit code."""

    HEALTHY = 0
    WARNING = 1
    CRITICAL = 2

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Problem:
    """`subject` is what has it, such as Pod media/jellyfin-0; `text` says it without a full stop.

    `namespace` is where it is, empty for what concerns the whole cluster; `command` shows more of it, or helps.
    `details` are lines about how it came to that, and what follows from it.
    """

    level: Level
    subject: str
    text: str
    namespace: str = ""
    command: str = ""
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


@dataclass(frozen=True)
class Part:
    """One part of the cluster: what is wrong with it, and in a few words what was looked at.

    `notes` are sentences about what is well and still worth knowing.
    """

    name: str
    looked_at: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        """That of its worst problem."""
        return worst(self.problems)


def worst(problems: Iterable[Problem]) -> Level:
    """The level of the worst; healthy without any."""
    return max((one.level for one in problems), default=Level.HEALTHY)
