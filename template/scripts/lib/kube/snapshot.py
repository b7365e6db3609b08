"""The cluster at one moment: every object of some kinds, each kind asked for once and all of them at a time."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
from lightkube import AsyncClient
from lightkube.core.exceptions import ConfigError
from msgspec import MsgspecError

from lib.kube.client import code_of, why
from lib.kube.kinds import Kind
from lib.kube.objects import Object, name_of
from lib.refusal import Refusal

NOT_SERVED, NO_LOGIN, FORBIDDEN = 404, 401, 403
# What a list holds at most; the server is asked for the rest.
PAGE = 500


@dataclass
class Snapshot:
    """`objects` by kind. `unserved` are kinds that the server does not know, `denied` why others could not be read.

    `seconds` is how long it took to ask for all.
    """

    objects: dict[Kind, list[Object]] = field(default_factory=dict)
    unserved: set[Kind] = field(default_factory=set)
    denied: dict[Kind, str] = field(default_factory=dict)
    seconds: float = 0

    def of(self, *kinds: Kind, namespace: str = "") -> Iterator[Object]:
        """The objects of kinds, in one namespace or all."""
        for kind in kinds:
            for item in self.objects.get(kind, ()):
                if not namespace or item["metadata"].get("namespace") == namespace:
                    yield item

    def find(self, kind: Kind, name: str) -> Object | None:
        """An object by <namespace>/<name>, or by its name where it has no namespace."""
        return next((item for item in self.objects.get(kind, ()) if name_of(item) == name), None)


async def take(client: AsyncClient, kinds: Iterable[Kind]) -> Snapshot:
    """Ask for all kinds at once; Refusal when the server can't be reached, or does not know who asks."""
    found = Snapshot()
    started = time.monotonic()
    first, *others = kinds
    # Alone: a server that is not there, or does not know who asks, is asked once.
    await _list(client, first, found)
    await asyncio.gather(*(_list(client, kind, found) for kind in others))
    found.seconds = time.monotonic() - started
    return found


async def _list(client: AsyncClient, kind: Kind, found: Snapshot) -> None:
    try:
        found.objects[kind], _ = await listed(client, kind)
    except (httpx2.HTTPError, ConfigError, OSError, KeyError, ValueError, MsgspecError) as error:
        # Beside refusals, whatever lightkube makes of an answer that is not Kubernetes', or a plugin that logs in.
        code = code_of(error)
        if code == NOT_SERVED:
            found.unserved.add(kind)
        elif code in (0, NO_LOGIN):
            raise unreachable(client, error) from None
        else:
            found.denied[kind] = why(error)


async def listed(client: AsyncClient, kind: Kind) -> tuple[list[Any], str]:
    """Every object of a kind, and the version of the list, from which a watch goes on."""
    pages = client.list(kind.resource, chunk_size=PAGE, **kind.scope)
    # Only a single object says by itself what it is.
    return [{"kind": kind.name, **item} async for item in pages], pages.resourceVersion


def unreachable(client: AsyncClient, error: Exception) -> Refusal:
    """Why nothing can be known of the cluster."""
    where = client.config.cluster.server
    if code_of(error) == NO_LOGIN:
        return Refusal(
            f"the API at {where} does not accept the credentials of context {client.config.context_name} any more: "
            "`task kubeconfig` fetches new ones."
        )
    return Refusal(f"the API at {where} can't be reached: {why(error)}.")
