"""Waiting until the gate opens."""

import asyncio
import time
from collections.abc import Callable

from lib.cluster import Inventory
from lib.health.gate import KINDS, Gate, Verdict
from lib.kube.client import connected
from lib.kube.follow import Follower, following
from lib.kube.objects import without_ages
from lib.kube.snapshot import take
from lib.refusal import Refusal

LOOK_SECONDS = 1
# A node that has just restarted looks as it did before, until its kubelet and its etcd have spoken.
SETTLED_SECONDS = 5
# etcd is asked by talosctl, which costs more than a look.
ETCD_SECONDS = 3


def look(cluster: Inventory, *, context: str | None = None, verbose: bool = False) -> Verdict:
    """The verdict now. Without the API it is what etcd says, since that is why most APIs do not answer."""
    gate = Gate(cluster, verbose=verbose)

    async def ask() -> Verdict:
        async with connected(context) as client:
            return gate.examine(await take(client, KINDS))

    try:
        return asyncio.run(ask())
    except Refusal as refusal:
        return gate.without_the_api(str(refusal))


def wait(
    cluster: Inventory, minutes: float, say: Callable[[str], None], *, context: str | None = None, verbose: bool = False
) -> Verdict:
    """The verdict as soon as the gate is open and stays so, or after so many minutes.

    `say` hears what it waits for, whenever that is something else.
    """
    return asyncio.run(_wait(Gate(cluster, verbose=verbose, old_seconds=ETCD_SECONDS), minutes, say, context))


async def _wait(gate: Gate, minutes: float, say: Callable[[str], None], context: str | None) -> Verdict:
    deadline = time.monotonic() + 60 * minutes
    opened, said = float("inf"), ""
    async with connected(context) as client, following(client, KINDS) as follower:
        while True:
            verdict = await asyncio.to_thread(_examine, gate, follower)
            now = time.monotonic()
            opened = min(opened, now) if verdict.open else float("inf")
            if now - opened >= SETTLED_SECONDS or now >= deadline:
                return verdict
            what = _in_short(verdict)
            if (essence := without_ages(what)) != said:
                said = essence
                say(what)
            await asyncio.sleep(LOOK_SECONDS)


def _examine(gate: Gate, follower: Follower) -> Verdict:
    if outage := follower.outage:
        return gate.without_the_api(f"{outage}.")
    if not follower.is_complete:
        return gate.without_the_api("the API has not answered yet.")
    return gate.examine(follower.snapshot)


def _in_short(verdict: Verdict) -> str:
    """The first thing that is wrong, and how many more are."""
    if not (wrong := verdict.wrong):
        return "everything to stay as it is for some seconds"
    return f"{wrong[0]} (and {len(wrong) - 1} more)" if wrong[1:] else wrong[0]
