"""The cluster as it changes: a snapshot that watches keep up to date."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lightkube import AsyncClient

from talos_flux.kube.accessors import Object, name_of
from talos_flux.kube.client import code_of, why
from talos_flux.kube.kinds import Kind
from talos_flux.kube.snapshot import NOT_SERVED, Snapshot, listed

# The server ends a watch after this time, so that a connection that died silently is noticed a little later.
WATCH_SECONDS = 240
GRACE_SECONDS = 30
# Between two attempts to reach a server that does not answer.
PAUSE_SECONDS = (1.0, 10.0)
# How long until a kind that is not served, or may not be read, is tried again.
UNSERVED_SECONDS = 60.0
GONE = 410
# HTTP codes that are no answer about the kind: of a busy server, or of a proxy before it.
NO_ANSWER = (408, 429)


@dataclass
class Follower:
    """Keeps `snapshot` as the cluster is. `lost` has since when the server does not answer for a kind, and why.

    `changed` is set whenever something did change; whoever looks clears it.
    """

    client: AsyncClient
    kinds: tuple[Kind, ...]
    snapshot: Snapshot = field(default_factory=Snapshot)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    lost: dict[Kind, tuple[datetime, str]] = field(default_factory=dict)

    @property
    def outage(self) -> str:
        """Return since when the server does not answer, and why; empty while it does."""
        # A copy, since another thread may read this while it changes.
        if not (lost := list(self.lost.values())):
            return ""
        since, reason = min(lost)
        return f"the API has not answered since {since:%H:%M:%S}, this is how it was then: {reason}"

    @property
    def is_complete(self) -> bool:
        """Return whether something is known of every kind: its objects, or why there are none."""
        return all(
            kind in self.snapshot.objects or kind in self.snapshot.unserved or kind in self.snapshot.denied
            for kind in self.kinds
        )

    async def follow(self) -> None:
        """Watch all kinds until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in self.kinds:
                group.create_task(self._kind(kind))

    async def _kind(self, kind: Kind) -> None:
        pause = PAUSE_SECONDS[0]
        while True:
            try:
                await self._list_and_watch(kind)
            except TimeoutError:
                # Nothing happened for long, perhaps because the connection died silently.
                continue
            except Exception as error:
                # Whatever a broken connection or an odd answer ends in, one kind must not end the others.
                if kind not in self.lost:
                    pause = PAUSE_SECONDS[0]
                self._note(kind, error)
                if kind not in self.lost and code_of(error) != GONE:
                    pause = UNSERVED_SECONDS
                # Random, so that not all kinds ask at once when the server is back.
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
                pause = min(pause * 2, PAUSE_SECONDS[1])

    def _note(self, kind: Kind, error: Exception) -> None:
        """Record what an error says about a kind."""
        code = code_of(error)
        if code == GONE:
            # The server has forgotten the version from which to go on: begin with a list.
            return
        if code == NOT_SERVED:
            self.snapshot.objects.pop(kind, None)
            self.snapshot.denied.pop(kind, None)
            self.snapshot.unserved.add(kind)
            self.lost.pop(kind, None)
        elif 400 <= code < 500 and code not in NO_ANSWER:
            self.snapshot.unserved.discard(kind)
            self.snapshot.denied[kind] = why(error)
            self.lost.pop(kind, None)
        else:
            since, _ = self.lost.get(kind, (datetime.now(), ""))
            self.lost[kind] = since, why(error)
        self.changed.set()

    async def _list_and_watch(self, kind: Kind) -> None:
        """List everything of a kind, then follow what happens to it, until the server fails.

        Raise TimeoutError when nothing happens for long.
        """
        items, version = await listed(self.client, kind)
        objects: dict[str, Object] = {name_of(item): item for item in items}
        self._know(kind, objects)
        # lightkube begins a new watch where the last one ended.
        events: Any = self.client.watch(
            kind.resource, resource_version=version, server_timeout=WATCH_SECONDS, **kind.scope
        )
        async with contextlib.aclosing(events):
            while True:
                async with asyncio.timeout(WATCH_SECONDS + GRACE_SECONDS):
                    change, item = await anext(events)
                if change == "DELETED":
                    objects.pop(name_of(item), None)
                else:
                    objects[name_of(item)] = item
                self._know(kind, objects)

    def _know(self, kind: Kind, objects: dict[str, Object]) -> None:
        self.snapshot.objects[kind] = list(objects.values())
        self.snapshot.unserved.discard(kind)
        self.snapshot.denied.pop(kind, None)
        self.lost.pop(kind, None)
        self.changed.set()


@contextlib.asynccontextmanager
async def following(client: AsyncClient, kinds: Iterable[Kind]) -> AsyncIterator[Follower]:
    """Yield a Follower at work, until the end of the block."""
    follower = Follower(client, tuple(kinds))
    task = asyncio.create_task(follower.follow())
    try:
        yield follower
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def watch(
    client: AsyncClient,
    kinds: Iterable[Kind],
    show: Callable[[Follower], None],
    *,
    seconds: float,
) -> None:
    """Call `show` whenever the cluster changes, at most once in so many seconds, until this is cancelled.

    It is called every ten seconds at least, since ages change without an event.
    """
    async with following(client, kinds) as follower:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(seconds, 10)):
                    await follower.changed.wait()
            follower.changed.clear()
            if follower.is_complete or follower.lost:
                show(follower)
            await asyncio.sleep(seconds)
