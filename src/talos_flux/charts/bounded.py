"""Many questions to several hosts at once, in a limited time."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from talos_flux.charts import ChartUnavailable, Unreachable

AT_A_TIME = 8

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Bounded:
    """Asks until a moment. A host that gives no answer once is not asked again."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._silent: dict[str, Unreachable] = {}

    def each(self, hosts: Mapping[Item, str], ask: Callable[[Item], Answer]) -> dict[Item, Answer | ChartUnavailable]:
        """Return the answer for every item, or why there is none. `hosts` says which host is asked for an item."""

        def answer(item: Item) -> Answer | ChartUnavailable:
            host = hosts[item]
            if host in self._silent:
                return self._silent[host]
            if time.monotonic() > self._deadline:
                return _too_late(host)
            try:
                return ask(item)
            except Unreachable as reason:
                self._silent[host] = reason
                return reason
            except ChartUnavailable as reason:
                return reason

        pool = ThreadPoolExecutor(AT_A_TIME)
        futures: dict[Item, Future[Answer | ChartUnavailable]] = {item: pool.submit(answer, item) for item in hosts}
        wait(futures.values(), max(0, self._deadline - time.monotonic()))
        pool.shutdown(wait=False, cancel_futures=True)
        return {
            item: future.result() if future.done() and not future.cancelled() else _too_late(hosts[item])
            for item, future in futures.items()
        }


def _too_late(host: str) -> Unreachable:
    return Unreachable(f"{host} does not answer in time")
