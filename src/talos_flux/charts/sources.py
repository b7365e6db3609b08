"""Versions and charts from any source: a registry, an HTTP repository, or the local cache."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import yaml

from talos_flux.charts import ChartUnavailable, NotThere
from talos_flux.charts.archive import Chart, from_archive
from talos_flux.charts.cache import ChartCache
from talos_flux.charts.http import Web, refuse_bad
from talos_flux.charts.pins import ChartOrigin
from talos_flux.charts.registry import Registry
from talos_flux.manifests.releases import mapping, sequence
from talos_flux.repository.apps import Loader


class Sources:
    """Where charts come from. Without `web`, only the cache."""

    def __init__(self, cache: ChartCache, web: Web | None) -> None:
        self._cache, self._web = cache, web
        self._registry = Registry(web) if web else None
        self._indexes: dict[str, dict[str, Any] | ChartUnavailable] = {}

    def versions(
        self, wanted: Iterable[ChartOrigin], pool: Executor
    ) -> dict[ChartOrigin, list[str] | ChartUnavailable]:
        """Return the versions of every source, or why they can't be fetched.

        Each repository's index is fetched once.
        """
        sources = list(dict.fromkeys(wanted))
        urls = list(dict.fromkeys(source.url for source in sources if not source.is_oci))
        for _ in pool.map(self.read_index, urls):
            pass
        return dict(zip(sources, pool.map(self._versions, sources), strict=True))

    def read_index(self, url: str) -> None:
        """Read the index of an HTTP repository, for all its charts."""
        if self._web:
            self._indexes[url] = self._index(url)

    def chart(self, source: ChartOrigin, version: str) -> Chart:
        """Return a chart; ChartUnavailable when it can't be fetched."""
        if chart := self._cache.chart(source, version):
            return chart
        if not self._web or not self._registry:
            raise ChartUnavailable(f"{source.chart} {version} is in no cache")
        if source.is_oci:
            return from_archive(self._registry.archive(source, version))
        entry = next(
            (candidate for candidate in self._entries(source) if same(str(candidate.get("version")), version)), None
        )
        if entry is None:
            raise NotThere(f"{source.url} has no version {version} of {source.chart}")
        urls = [url for url in sequence(entry.get("urls")) if isinstance(url, str)]
        if not urls:
            raise ChartUnavailable(f"{source.url} says no address for {source.chart} {version}")
        try:
            url = urljoin(f"{source.url}/", urls[0])
        except ValueError:
            raise ChartUnavailable(
                f"{source.url} says an address for {source.chart} {version} that is none: {urls[0]}"
            ) from None
        if url.startswith("oci://"):
            # Some HTTP repositories only list charts of an OCI registry.
            address, _, tag = url.rpartition(":")
            return from_archive(self._registry.archive(ChartOrigin(address, source.chart), tag))
        answer = self._web.ask(url)
        refuse_bad(answer, url, f"version {version} of {source.chart}")
        return from_archive(answer.content)

    def _versions(self, source: ChartOrigin) -> list[str] | ChartUnavailable:
        try:
            cached = self._cache.versions(source)
            if not self._registry:
                if not cached:
                    raise ChartUnavailable(f"{source.chart} is in no cache")
                return cached
            if source.is_oci:
                return self._registry.versions(source)
            return [str(entry.get("version")) for entry in self._entries(source)]
        except ChartUnavailable as reason:
            return reason

    def _entries(self, source: ChartOrigin) -> list[dict[str, Any]]:
        """Return the entries of a chart's versions in the index of an HTTP repository."""
        index = self._indexes.get(source.url, ChartUnavailable(f"{source.url} was not asked in time"))
        if isinstance(index, ChartUnavailable):
            raise index
        if source.chart not in index:
            raise ChartUnavailable(f"{source.url} has no chart {source.chart}")
        return [entry for entry in sequence(index[source.chart]) if isinstance(entry, dict)]

    def _index(self, url: str) -> dict[str, Any] | ChartUnavailable:
        """Return the charts of an HTTP repository with their versions, from its index.yaml, or why it can't be read."""
        try:
            if self._web is None:
                raise ChartUnavailable(f"{url} is not asked")
            answer = self._web.ask(f"{url}/index.yaml")
            refuse_bad(answer, url, "index.yaml")
            index = yaml.load(answer.content.decode(), Loader)  # noqa: S506, a safe loader
            if not isinstance(index, dict) or not isinstance(index.get("entries"), dict):
                raise ChartUnavailable(f"{url}/index.yaml is no list of charts")
            return dict(mapping(index["entries"]))
        except (yaml.YAMLError, UnicodeDecodeError, ValueError):
            return ChartUnavailable(f"{url}/index.yaml is not YAML")
        except ChartUnavailable as reason:
            return reason


@contextmanager
def opened(folders: Iterable[Path], timeout: float, *, offline: bool) -> Iterator[Sources]:
    """Yield the sources of charts: the network and the user's folders; offline, the caches instead of the network.

    A response may take `timeout` seconds.
    """
    if offline:
        yield Sources(ChartCache.of_caches(*folders), None)
        return
    web = Web(timeout)
    try:
        # Caches are not used online: another repository's chart can have the same name.
        yield Sources(ChartCache(tuple(folders)), web)
    finally:
        web.close()


def same(version: str, other: str) -> bool:
    """Return whether two spellings are one version: Helm ignores a leading v."""
    return version.removeprefix("v") == other.removeprefix("v")
