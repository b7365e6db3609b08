"""The check of etcd, without which the API neither reads nor writes."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from talos_flux.diagnose.problem import CheckResult, Level, Problem
from talos_flux.errors import UserError
from talos_flux.repository.settings import Inventory
from talos_flux.talos import config, etcd
from talos_flux.talos.etcd import EtcdStatus, MemberReport

NAME = "etcd"
# With --watch, etcd is asked again after so many seconds.
OLD_SECONDS = 10
WITHOUT_KEYS = "etcd can't be asked: talos/clusterconfig/talosconfig is missing, `task configure` makes it."
ALARMS = {
    "NOSPACE": "its database is full, so the API refuses every change until it is defragmented and the alarm disarmed",
    "CORRUPT": "its data differs from the other members'",
}


class Etcd:
    """Asks etcd in the background, from its construction on, so that nobody waits for a dead node longer than once."""

    def __init__(self, cluster: Inventory, old_seconds: float = OLD_SECONDS) -> None:
        self.cluster, self.old_seconds = cluster, old_seconds
        self._pool = ThreadPoolExecutor(1)
        self._known: tuple[list[CheckResult], list[str]] | None = None
        self._since = 0.0
        self._asking: Future[EtcdStatus] | None = None
        if config.has_talosconfig():
            self._asking = self._pool.submit(etcd.look, cluster)

    @property
    def parts(self) -> list[CheckResult]:
        """Return the last result; the first time, wait for it."""
        return self._look()[0]

    @property
    def unknown(self) -> list[str]:
        """Return why etcd can't be asked, or why nobody answers; empty otherwise."""
        return self._look()[1]

    def _look(self) -> tuple[list[CheckResult], list[str]]:
        if self._asking and (self._asking.done() or self._known is None):
            self._known, self._since = _result_of(self._asking), time.monotonic()
            self._asking = None
        elif self._known and not self._asking and time.monotonic() - self._since > self.old_seconds:
            self._asking = self._pool.submit(etcd.look, self.cluster)
        return self._known or ([], [WITHOUT_KEYS])


def _result_of(asking: Future[EtcdStatus]) -> tuple[list[CheckResult], list[str]]:
    """Return the result, or a sentence about why there is none."""
    try:
        state = asking.result()
    except UserError as refusal:
        return [], [f"etcd can't be asked: {refusal}"]
    return ([], [f"etcd can't be asked: {state.silence}."]) if state.silence else ([part(state)], [])


def part(state: EtcdStatus) -> CheckResult:
    """Return the check's result: the problem of the quorum, then those of each member."""
    problems = [*_of_quorum(state), *_of_members(state), *_of_strangers(state), *_of_alarms(state)]
    leader = state.leader
    sizes = [answer.size for answer in state.answers if answer.size]
    description = (
        f"{len(state.healthy)} of {state.voters} members healthy, {state.quorum} needed, "
        f"leader {leader.name if leader else 'none'}{f', {sizes[0]}' if sizes else ''}"
    )
    return CheckResult(NAME, description, tuple(problems))


def _of_quorum(state: EtcdStatus) -> Iterator[Problem]:
    healthy, voters = len(state.healthy), state.voters
    usual = (len(state.answers) - 1) // 2
    counted = f"{healthy} of {voters} members {'is' if healthy == 1 else 'are'} healthy"
    if state.spare < 0:
        # Without a quorum no member is healthy, so those that answer are counted: a restore can build on them.
        answering = sum(not answer.silence for answer in state.answers)
        counted = f"{answering} of {voters} members answer{'s' if answering == 1 else ''}"
        text = f"has no quorum: {counted}, {state.quorum} must agree, so the API can't change anything"
        yield Problem(Level.CRITICAL, NAME, text, command="task etcd:restore")
    elif state.spare < usual:
        level = Level.WARNING if state.spare else Level.CRITICAL
        more = "can lose none more" if not state.spare else f"can lose only {state.spare} more"
        yield Problem(level, NAME, f"{more}: {counted}, {state.quorum} are needed")


def _of_members(state: EtcdStatus) -> Iterator[Problem]:
    level = Level.CRITICAL if state.spare < 1 else Level.WARNING
    for answer in state.answers:
        if text := _why_not_healthy(answer, state):
            command = f"talosctl --nodes {answer.node.address} service etcd"
            yield Problem(level, f"etcd on {answer.node}", text, command=command)


def _why_not_healthy(answer: MemberReport, state: EtcdStatus) -> str:
    is_alarm = any(name in answer.errors for name in ALARMS)
    if answer.silence:
        return f"does not answer: {answer.silence.removesuffix('.')}"
    if not answer.follows:
        return "knows no leader: it does not reach enough of the others"
    if answer.learner:
        return "is still learning what the others know, and does not vote"
    if state.members and not state.members_of(answer.node):
        return "is no member: etcd's own list does not have it"
    return f"reports: {answer.errors}" if answer.errors and not is_alarm else ""


def _of_strangers(state: EtcdStatus) -> Iterator[Problem]:
    """Yield a problem for each member that is no controller of the repository, since it counts for the quorum."""
    known = {answer.id for answer in state.answers}
    known |= {member.id for answer in state.answers if answer.silence for member in state.members_of(answer.node)}
    for member in state.members:
        if member.id not in known:
            name = member.name or "one that has never started"
            text = f"counts for the quorum, and no controller of talos/inventory.yaml runs it: it is {name}"
            command = f"talosctl --nodes {state.healthy[0].address if state.healthy else '<controller>'}"
            yield Problem(
                Level.WARNING, f"etcd member {member.id}", text, command=f"{command} etcd remove-member {member.id}"
            )


def _of_alarms(state: EtcdStatus) -> Iterator[Problem]:
    by_id = {answer.id: answer.node for answer in state.answers if answer.id}
    raised = {alarm for answer in state.answers for alarm in answer.alarms}
    # Without a leader alarms can't be listed, but each member still reports its own.
    raised |= {(answer.id, name) for answer in state.answers for name in ALARMS if name in answer.errors}
    for member, alarm in sorted(raised):
        node = by_id.get(member)
        where = f"etcd on {node}" if node else f"etcd member {member}"
        address = node.address if node else "<controller>"
        command = f"talosctl --nodes {address} etcd defrag, then talosctl --nodes {address} etcd alarm disarm"
        if alarm != "NOSPACE":
            command = f"talosctl --nodes {address} logs etcd"
        text = f"has raised the alarm {alarm}: {ALARMS.get(alarm, 'it needs a person')}"
        yield Problem(Level.CRITICAL, where, text, command=command)
