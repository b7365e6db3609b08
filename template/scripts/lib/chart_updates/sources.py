"""Versions and charts, from wherever a source is: a registry, an HTTP repository, or what is here."""

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any
from urllib.parse import urljoin

import yaml

from lib.apps import Loader
from lib.chart_updates import NotHad
from lib.chart_updates.chart import Chart, from_archive
from lib.chart_updates.pins import Source
from lib.chart_updates.registry import Registry
from lib.chart_updates.shelf import Shelf
from lib.chart_updates.web import Web, refuse_bad
from lib.checks.charts import mapping, sequence


class Sources:
    """Where charts come from. Without `web` only what is on the shelf."""

    def __init__(self, shelf: Shelf, web: Web | None) -> None:
        self._shelf, self._web = shelf, web
        self._registry = Registry(web) if web else None
        self._indexes: dict[str, dict[str, Any] | NotHad] = {}

    def versions(self, wanted: Iterable[Source], pool: Executor) -> dict[Source, list[str] | NotHad]:
        """The versions of every source, or why they can't be had. Each repository's index is fetched once."""
        sources = list(dict.fromkeys(wanted))
        if self._web:
            urls = list(dict.fromkeys(source.url for source in sources if not source.is_oci))
            self._indexes = dict(zip(urls, pool.map(self._index, urls), strict=True))
        return dict(zip(sources, pool.map(self._versions, sources), strict=True))

    def chart(self, source: Source, version: str) -> Chart:
        """A chart; NotHad."""
        if found := self._shelf.chart(source, version):
            return found
        if not self._web or not self._registry:
            raise NotHad(f"{source.chart} {version} is in no cache")
        if source.is_oci:
            return from_archive(self._registry.archive(source, version))
        entry = next((one for one in self._entries(source) if same(str(one.get("version")), version)), None)
        if entry is None:
            raise NotHad(f"{source.url} has no version {version} of {source.chart}")
        urls = [url for url in sequence(entry.get("urls")) if isinstance(url, str)]
        if not urls:
            raise NotHad(f"{source.url} says no address for {source.chart} {version}")
        try:
            url = urljoin(f"{source.url}/", urls[0])
        except ValueError:
            raise NotHad(f"{source.url} says an address for {source.chart} {version} that is none: {urls[0]}") from None
        if url.startswith("oci://"):
            # Some repositories only list what a registry has.
            address, _, tag = url.rpartition(":")
            return from_archive(self._registry.archive(Source(address, source.chart), tag))
        answer = self._web.ask(url)
        refuse_bad(answer, url, f"version {version} of {source.chart}")
        return from_archive(answer.content)

    def _versions(self, source: Source) -> list[str] | NotHad:
        try:
            here = self._shelf.versions(source)
            if not self._registry:
                if not here:
                    raise NotHad(f"{source.chart} is in no cache")
                return here
            if source.is_oci:
                return self._registry.versions(source)
            return [str(entry.get("version")) for entry in self._entries(source)]
        except NotHad as reason:
            return reason

    def _entries(self, source: Source) -> list[dict[str, Any]]:
        """What an HTTP repository says of a chart's versions."""
        index = self._indexes[source.url]
        if isinstance(index, NotHad):
            raise index
        if source.chart not in index:
            raise NotHad(f"{source.url} has no chart {source.chart}")
        return [entry for entry in sequence(index[source.chart]) if isinstance(entry, dict)]

    def _index(self, url: str) -> dict[str, Any] | NotHad:
        """The charts of an HTTP repository with their versions, as its index.yaml has them."""
        try:
            if self._web is None:
                raise NotHad(f"{url} is not asked")
            answer = self._web.ask(f"{url}/index.yaml")
            refuse_bad(answer, url, "index.yaml")
            said = yaml.load(answer.content.decode(), Loader)  # noqa: S506, a safe loader
            if not isinstance(said, dict) or not isinstance(said.get("entries"), dict):
                raise NotHad(f"{url}/index.yaml is no list of charts")
            return dict(mapping(said["entries"]))
        except (yaml.YAMLError, UnicodeDecodeError, ValueError):
            return NotHad(f"{url}/index.yaml is not YAML")
        except NotHad as reason:
            return reason


def same(version: str, other: str) -> bool:
    """Whether two spellings are one version: Helm does not look at the v."""
    return version.removeprefix("v") == other.removeprefix("v")
