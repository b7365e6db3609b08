"""Problems: what is wrong, how bad it is, and which command helps."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad a problem is; its number is the exit code."""

    HEALTHY = 0
    WARNING = 1
    CRITICAL = 2

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Problem:
    """`subject` is the object that has it, such as Pod media/jellyfin-0; `text` says it without a full stop.

    `namespace` is the object's, empty for what concerns the whole cluster; `command` shows more of it, or helps.
    `details` are lines about its cause, and about what follows from it.
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
class CheckResult:
    """The result for one part of the cluster: its problems, and in a few words what was looked at.

    `notes` are sentences about what is well and still worth knowing.
    """

    name: str
    looked_at: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        """Return the level of the worst problem."""
        return worst(self.problems)


def worst(problems: Iterable[Problem]) -> Level:
    """Return the level of the worst problem; healthy without any."""
    return max((problem.level for problem in problems), default=Level.HEALTHY)
