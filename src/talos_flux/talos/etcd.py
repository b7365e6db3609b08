"""etcd's state, from its members: on Talos it is a service of the machines and no pod, so talosctl asks it."""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from talos_flux.errors import UserError
from talos_flux.process import ToolError
from talos_flux.repository.settings import Inventory, Node
from talos_flux.talos import machines

# A healthy member answers in less than one.
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
class MemberReport:
    """What the etcd of one controller reports of itself and of the others; `silence` is why it reports nothing.

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
        """Return whether the member is in touch with a leader, which is one that most members chose."""
        return not self.silence and self.leader not in ("", NO_LEADER)

    @property
    def votes(self) -> bool:
        """Return whether the member counts for the quorum."""
        return self.follows and not self.learner


@dataclass(frozen=True)
class EtcdStatus:
    """The answers of all controllers."""

    answers: tuple[MemberReport, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """Return etcd's own list, from a member that is in touch with the leader."""
        return next((answer.members for answer in self.answers if answer.follows and answer.members), ())

    @property
    def voters(self) -> int:
        """Return how many members vote; where nobody knows, as many as there are controllers."""
        return sum(not member.learner for member in self.members) or len(self.answers)

    @property
    def quorum(self) -> int:
        """Return how many voters must agree."""
        return self.voters // 2 + 1

    @property
    def healthy(self) -> tuple[Node, ...]:
        """Return the controllers whose member votes."""
        return tuple(answer.node for answer in self.answers if answer.votes)

    @property
    def spare(self) -> int:
        """Return how many more members may be lost; negative without a quorum."""
        return len(self.healthy) - self.quorum

    @property
    def silence(self) -> str:
        """Return why nobody knows anything; empty as soon as one controller answers.

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
        """Return the controller that leads; None without a leader."""
        return next((answer.node for answer in self.answers if answer.follows and answer.leader == answer.id), None)

    def members_of(self, node: Node) -> tuple[Member, ...]:
        """Return the members that are this controller, or were: by name, or by address."""
        return tuple(member for member in self.members if member.name == node.name or node.address in member.hosts)


def look(cluster: Inventory) -> EtcdStatus:
    """Ask every controller at once: one that is dead costs SECONDS, and holds no other up."""
    controllers = cluster.controllers
    with ThreadPoolExecutor(2 * len(controllers)) as pool:
        members = [pool.submit(_members, node) for node in controllers]
        states = list(pool.map(_state, controllers))
        return EtcdStatus(tuple(_joined(state, future.result()) for state, future in zip(states, members, strict=True)))


def _joined(state: MemberReport, members: tuple[Member, ...]) -> MemberReport:
    return MemberReport(**vars(state) | {"members": members})


def _state(node: Node) -> MemberReport:
    """Return a member's own state, which it knows without the others; alarms are only known while there is a leader."""
    try:
        [row] = _table(_ask(node, "status"), "MEMBER", "DB SIZE", "LEADER", "LEARNER", "ERRORS")
    except ToolError as failed:
        return MemberReport(node, silence=machines.reason(failed.stderr))
    except ValueError:
        raise UserError("talosctl etcd status does not print one line for one node, as it did.") from None
    alarms = _alarms(node) if row["LEADER"] != NO_LEADER else ()
    return MemberReport(
        node, "", row["MEMBER"], row["LEADER"], row["LEARNER"] == "true", row["DB SIZE"], row["ERRORS"], alarms=alarms
    )


def _alarms(node: Node) -> tuple[tuple[str, str], ...]:
    try:
        # Without alarms talosctl prints nothing at all, not even the header.
        return tuple((row["MEMBER"], row["ALARM"]) for row in _table(_ask(node, "alarm", "list"), "MEMBER", "ALARM"))
    except ToolError:
        return ()


def _members(node: Node) -> tuple[Member, ...]:
    """Return etcd's list as this member has it; empty without a leader."""
    try:
        rows = list(_table(_ask(node, "members"), "ID", "HOSTNAME", "PEER URLS", "LEARNER"))
    except ToolError:
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


def _ask(node: Node, *arguments: str) -> str:
    return machines.ask(node.address, "etcd", *arguments, timeout=SECONDS)


def _table(text: str, *wanted: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a table, as talosctl aligns it, by the names in its first line; UserError when one is missing.

    Names and values may hold single spaces, so that the columns are where the names begin.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return
    starts = {match[0]: match.start() for match in re.finditer(r"\S+(?: \S+)*", lines[0])}
    if missing := [name for name in wanted if name not in starts]:
        raise UserError(
            f"talosctl's table has no column {missing[0]}, but {', '.join(starts)}: it is another talosctl."
        )
    ends = dict(zip(starts, [*list(starts.values())[1:], None], strict=True))
    for line in lines[1:]:
        yield {name: line[start : ends[name]].strip() for name, start in starts.items()}


def names(nodes: Iterable[Node]) -> str:
    """Return nodes for a sentence."""
    return ", ".join(str(node) for node in nodes) or "none"
