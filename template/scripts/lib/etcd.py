"""etcd, as its members say it is: on Talos it is a service of the machines and no pod, so talosctl asks it."""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from lib import machines
from lib.cluster import Inventory, Node
from lib.process import ToolFailed
from lib.refusal import Refusal

# A member that is well answers in less than one.
SECONDS = 10
NO_LEADER = "0" * 16


@dataclass(frozen=True)
class Member:
    """A member in etcd's own list. `id` is hexadecimal; one that has never started has no name."""

    id: str
    name: str
    hosts: frozenset[str]
    learner: bool


@dataclass(frozen=True)
class Answer:
    """What the etcd of one controller says of itself and of the others; `silence` is why it says nothing.

    `alarms` are (member's id, NOSPACE or CORRUPT), `size` is its database's, as in 21 MB.
    """

    node: Node
    silence: str = ""
    id: str = ""
    leader: str = ""
    learner: bool = False
    size: str = ""
    errors: str = ""
    members: tuple[Member, ...] = ()
    alarms: tuple[tuple[str, str], ...] = ()

    @property
    def follows(self) -> bool:
        """Whether it is in touch with a leader, which is one that most members chose."""
        return not self.silence and self.leader not in ("", NO_LEADER)

    @property
    def votes(self) -> bool:
        """Whether it counts for the quorum."""
        return self.follows and not self.learner


@dataclass(frozen=True)
class State:
    """The answers of all controllers."""

    answers: tuple[Answer, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """etcd's own list, from whoever is in touch with the leader."""
        return next((answer.members for answer in self.answers if answer.follows and answer.members), ())

    @property
    def voters(self) -> int:
        """How many members vote; where nobody knows, as many as there are controllers."""
        return sum(not member.learner for member in self.members) or len(self.answers)

    @property
    def quorum(self) -> int:
        """How many of them must agree."""
        return self.voters // 2 + 1

    @property
    def healthy(self) -> tuple[Node, ...]:
        """The controllers whose member votes."""
        return tuple(answer.node for answer in self.answers if answer.votes)

    @property
    def spare(self) -> int:
        """How many more members may be lost; less than none without a quorum."""
        return len(self.healthy) - self.quorum

    @property
    def silence(self) -> str:
        """Why nobody knows anything, in words; empty as soon as one controller answers.

        Then it is more likely that talosctl can't reach them than that all of them are dead.
        """
        if any(not answer.silence for answer in self.answers):
            return ""
        asked = ", ".join(str(answer.node) for answer in self.answers)
        return (
            f"of {asked} nobody answers talosctl: {self.answers[0].silence.rstrip('.')}" if asked else "nobody runs it"
        )

    @property
    def leader(self) -> Node | None:
        """The controller that leads."""
        return next((answer.node for answer in self.answers if answer.follows and answer.leader == answer.id), None)

    def members_of(self, node: Node) -> tuple[Member, ...]:
        """The members that are this controller, or were: by name, or by address."""
        return tuple(one for one in self.members if one.name == node.name or node.address in one.hosts)


def look(cluster: Inventory) -> State:
    """Ask every controller at once: one that is dead costs SECONDS, and holds no other up."""
    controllers = cluster.controllers
    with ThreadPoolExecutor(2 * len(controllers)) as pool:
        members = [pool.submit(_members, node) for node in controllers]
        states = list(pool.map(_state, controllers))
        return State(tuple(_joined(state, future.result()) for state, future in zip(states, members, strict=True)))


def _joined(state: Answer, members: tuple[Member, ...]) -> Answer:
    return Answer(**vars(state) | {"members": members})


def _state(node: Node) -> Answer:
    """A member's own state, which it knows without the others; alarms are only known while there is a leader."""
    try:
        [row] = _table(_ask(node, "status"), "MEMBER", "DB SIZE", "LEADER", "LEARNER", "ERRORS")
    except ToolFailed as failed:
        return Answer(node, silence=machines.reason(failed.said))
    except ValueError:
        raise Refusal("talosctl etcd status does not print one line for one node, as it did.") from None
    alarms = _alarms(node) if row["LEADER"] != NO_LEADER else ()
    return Answer(
        node, "", row["MEMBER"], row["LEADER"], row["LEARNER"] == "true", row["DB SIZE"], row["ERRORS"], alarms=alarms
    )


def _alarms(node: Node) -> tuple[tuple[str, str], ...]:
    try:
        # Nothing at all is printed where there is none.
        return tuple((row["MEMBER"], row["ALARM"]) for row in _table(_ask(node, "alarm", "list"), "MEMBER", "ALARM"))
    except ToolFailed:
        return ()


def _members(node: Node) -> tuple[Member, ...]:
    """etcd's list as this member has it; none without a leader."""
    try:
        rows = list(_table(_ask(node, "members"), "ID", "HOSTNAME", "PEER URLS", "LEARNER"))
    except ToolFailed:
        return ()
    return tuple(
        Member(
            row["ID"],
            row["HOSTNAME"],
            frozenset(urlsplit(url).hostname or "" for url in row["PEER URLS"].split(",")),
            row["LEARNER"] == "true",
        )
        for row in rows
    )


def _ask(node: Node, *words: str) -> str:
    return machines.ask(node.address, "etcd", *words, timeout=SECONDS)


def _table(text: str, *wanted: str) -> Iterator[dict[str, str]]:
    """The rows of a table, as talosctl aligns it, by the names in its first line; Refusal when one is not there.

    Names and values may hold single spaces, so that the columns are where the names begin.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return
    starts = {match[0]: match.start() for match in re.finditer(r"\S+(?: \S+)*", lines[0])}
    if missing := [name for name in wanted if name not in starts]:
        raise Refusal(f"talosctl's table has no column {missing[0]}, but {', '.join(starts)}: it is another talosctl.")
    ends = dict(zip(starts, [*list(starts.values())[1:], None], strict=True))
    for line in lines[1:]:
        yield {name: line[start : ends[name]].strip() for name, start in starts.items()}


def names(nodes: Iterable[Node]) -> str:
    """Nodes in a sentence."""
    return ", ".join(str(node) for node in nodes) or "none"
