"""The cluster at one moment: every object of some kinds, each kind listed once and all of them at the same time."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
from lightkube import AsyncClient
from lightkube.core.exceptions import ConfigError

from talos_flux.errors import UserError
from talos_flux.kube.accessors import Object, name_of
from talos_flux.kube.client import LIST_SECONDS, NOT_KUBERNETES, code_of, why
from talos_flux.kube.kinds import Kind

NOT_SERVED, NO_LOGIN, FORBIDDEN = 404, 401, 403
# The most objects in one page of a list.
PAGE = 500


@dataclass
class Snapshot:
    """The `objects` by kind. `unserved` are kinds that the server does not know, `denied` why others could not be read.

    `seconds` is how long it took to list them all.
    """

    objects: dict[Kind, list[Object]] = field(default_factory=dict)
    unserved: set[Kind] = field(default_factory=set)
    denied: dict[Kind, str] = field(default_factory=dict)
    seconds: float = 0

    def of(self, *kinds: Kind, namespace: str = "") -> Iterator[Object]:
        """Yield the objects of some kinds, in one namespace or all."""
        for kind in kinds:
            for item in self.objects.get(kind, ()):
                if not namespace or item["metadata"].get("namespace") == namespace:
                    yield item

    def find(self, kind: Kind, name: str) -> Object | None:
        """Return an object by <namespace>/<name>, or by its name where it has no namespace; None without one."""
        return next((item for item in self.objects.get(kind, ()) if name_of(item) == name), None)


async def take(client: AsyncClient, kinds: Iterable[Kind]) -> Snapshot:
    """List all kinds at once; UserError when the server can't be reached, or does not accept the credentials."""
    snapshot = Snapshot()
    started = time.monotonic()
    first, *others = kinds
    # Alone: a server that can't be reached, or refuses the credentials, is asked only once.
    await _list(client, first, snapshot)
    await asyncio.gather(*(_list(client, kind, snapshot) for kind in others))
    snapshot.seconds = time.monotonic() - started
    return snapshot


async def _list(client: AsyncClient, kind: Kind, snapshot: Snapshot) -> None:
    try:
        snapshot.objects[kind], _ = await listed(client, kind)
    except (httpx2.HTTPError, ConfigError, OSError, *NOT_KUBERNETES) as error:
        # Beside refusals, an answer that is not Kubernetes', or a login plugin that fails.
        code = code_of(error)
        if code == NOT_SERVED:
            snapshot.unserved.add(kind)
        elif code in (0, NO_LOGIN):
            raise unreachable(client, error) from None
        else:
            snapshot.denied[kind] = why(error)


async def listed(client: AsyncClient, kind: Kind) -> tuple[list[Any], str]:
    """Return every object of a kind, and the version of the list, from which a watch goes on.

    TimeoutError after LIST_SECONDS; ValueError for what is no object.
    """
    async with asyncio.timeout(LIST_SECONDS):
        pages = client.list(kind.resource, chunk_size=PAGE, **kind.scope)
        # The items of a list have no kind of their own.
        return [{"kind": kind.name, **checked(item)} async for item in pages], pages.resourceVersion


def checked(item: Any) -> Object:
    """Return an item of a list; ValueError when it has no name, or parts that no object has."""
    metadata = item.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise ValueError("an object without a name")
    if not all(isinstance(item.get(part) or {}, dict) for part in ("spec", "status")):
        raise ValueError("an object with a spec or status that is no mapping")
    whole: Object = item
    return whole


def unreachable(client: AsyncClient, error: Exception) -> UserError:
    """Return the UserError about a server that can't be reached, or does not accept the credentials."""
    where = client.config.cluster.server
    if code_of(error) == NO_LOGIN:
        return UserError(
            f"the API at {where} does not accept the credentials of context {client.config.context_name} any more: "
            "`task kubeconfig` fetches new ones."
        )
    return UserError(f"the API at {where} can't be reached: {why(error)}.")
