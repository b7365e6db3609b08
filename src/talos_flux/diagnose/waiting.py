"""Waiting until the gate is open: until a node may be taken down."""

import asyncio
import time
from collections.abc import Callable

from talos_flux.diagnose.gate import KINDS, Gate, Verdict
from talos_flux.errors import UserError
from talos_flux.kube.accessors import without_ages
from talos_flux.kube.client import connected
from talos_flux.kube.snapshot import take
from talos_flux.kube.watch import Follower, following
from talos_flux.repository.settings import Inventory

LOOK_SECONDS = 1
# A node that has just restarted looks as before, until its kubelet and its etcd have reported.
SETTLED_SECONDS = 5
# etcd is asked through talosctl, which costs more than a snapshot that is kept up to date.
ETCD_SECONDS = 3


def look(cluster: Inventory, *, context: str | None = None, verbose: bool = False) -> Verdict:
    """Return the verdict now. Without the API it is what etcd reports, since that is why most APIs do not answer."""
    gate = Gate(cluster, verbose=verbose)

    async def ask() -> Verdict:
        async with connected(context) as client:
            return gate.examine(await take(client, KINDS))

    try:
        return asyncio.run(ask())
    except UserError as refusal:
        return gate.without_the_api(str(refusal))


def wait(
    cluster: Inventory, minutes: float, say: Callable[[str], None], *, context: str | None = None, verbose: bool = False
) -> Verdict:
    """Return the verdict as soon as the gate is open and stays so, or after so many minutes.

    `say` is called with what it waits for, whenever that changes.
    """
    return asyncio.run(_wait(Gate(cluster, verbose=verbose, old_seconds=ETCD_SECONDS), minutes, say, context))


async def _wait(gate: Gate, minutes: float, say: Callable[[str], None], context: str | None) -> Verdict:
    deadline = time.monotonic() + 60 * minutes
    opened, last_essence = float("inf"), ""
    async with connected(context) as client, following(client, KINDS) as follower:
        while True:
            verdict = await asyncio.to_thread(_examine, gate, follower)
            now = time.monotonic()
            opened = min(opened, now) if verdict.open else float("inf")
            if now - opened >= SETTLED_SECONDS or now >= deadline:
                return verdict
            reason = verdict.in_short or "everything to stay as it is for some seconds"
            if (essence := without_ages(reason)) != last_essence:
                last_essence = essence
                say(reason)
            await asyncio.sleep(LOOK_SECONDS)


def _examine(gate: Gate, follower: Follower) -> Verdict:
    if outage := follower.outage:
        return gate.without_the_api(f"{outage}.")
    if not follower.is_complete:
        return gate.without_the_api("the API has not answered yet.")
    return gate.examine(follower.snapshot)
