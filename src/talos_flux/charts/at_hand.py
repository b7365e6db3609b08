"""The charts that releases pin, as far as they are on this computer or their registries give them."""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from talos_flux.charts import ChartUnavailable, NotThere
from talos_flux.charts.archive import Chart, from_archive, from_folder
from talos_flux.charts.bounded import Bounded
from talos_flux.charts.cache import ChartCache
from talos_flux.charts.http import Web
from talos_flux.charts.kept import Kept
from talos_flux.charts.pins import ChartOrigin
from talos_flux.charts.registry import Registry
from talos_flux.charts.sources import Sources
from talos_flux.charts.value_schemas import cache_folder as cache_of
from talos_flux.paths import cache_folder

# For one answer, and for all of them.
SECONDS_AN_ANSWER = 10
SECONDS = 60


class ChartVersion(NamedTuple):
    """A version of a chart, and where it comes from."""

    source: ChartOrigin
    version: str

    @property
    def host(self) -> str:
        """Return the host that has it."""
        return urlsplit(self.source.url).netloc

    @property
    def name(self) -> str:
        """Return its address and version."""
        return f"{self.source} {self.version}"

    def __str__(self) -> str:
        return f"{self.source.chart} {self.version}"


class Artifact(Hashable, Protocol):
    """What can be looked for in a registry."""

    @property
    def source(self) -> ChartOrigin:
        """Return where it comes from."""

    @property
    def version(self) -> str:
        """Return its tag or digest."""


Wanted = TypeVar("Wanted", bound=Artifact)


@dataclass
class Registries:
    """The registries, asked within a limited time, and what is kept of their answers. Offline, there is no `web`."""

    kept: Kept
    web: Web | None
    bounded: Bounded
    _sources: Sources | None = field(init=False)

    def __post_init__(self) -> None:
        self._sources = Sources(ChartCache(()), self.web) if self.web else None

    def charts(self, wanted: Iterable[ChartVersion]) -> dict[ChartVersion, Chart | ChartUnavailable]:
        """Return each chart, or why it is not here. What is fetched is kept."""
        found: dict[ChartVersion, Chart | ChartUnavailable] = {}
        lacking: list[ChartVersion] = []
        for one in dict.fromkeys(wanted):
            try:
                if chart := self._at_hand(one):
                    found[one] = chart
                elif self.web and (missing := self.kept.missing(one.name)):
                    found[one] = NotThere(missing)
                else:
                    lacking.append(one)
            except ChartUnavailable as reason:
                found[one] = reason
        if not self._sources:
            return found | {one: ChartUnavailable("not on this computer") for one in lacking}
        urls = {one.source.url: one.host for one in lacking if not one.source.is_oci}
        self.bounded.each(urls, self._sources.read_index)
        return found | self.bounded.each({one: one.host for one in lacking}, self._fetch)

    def images(self, hosts: Mapping[Wanted, str]) -> dict[Wanted, ChartUnavailable | None]:
        """Return for each image None when it is there, NotThere when it is not, or why nobody knows."""
        answers: dict[Wanted, ChartUnavailable | None] = {}
        for image in hosts:
            missing = self.kept.missing(str(image))
            if missing == "":
                answers[image] = None
            elif not self.web:
                answers[image] = ChartUnavailable("no registry is asked offline")
            elif missing:
                answers[image] = NotThere(missing)
        registry = Registry(self.web) if self.web else None

        def look(image: Wanted) -> None:
            assert registry, "nobody is asked offline"
            try:
                registry.find(image.source, image.version)
            except NotThere as reason:
                self.kept.keep_answer(str(image), str(reason))
                raise
            self.kept.keep_answer(str(image), "")

        return answers | self.bounded.each({one: host for one, host in hosts.items() if one not in answers}, look)

    def _at_hand(self, wanted: ChartVersion) -> Chart | None:
        if archive := self.kept.chart(*wanted):
            return from_archive(archive)
        if place := _of_helm(*wanted) or _of_helmfile(*wanted):
            return from_folder(place) if place.is_dir() else from_archive(place.read_bytes())
        return None

    def _fetch(self, wanted: ChartVersion) -> Chart:
        assert self._sources, "nobody is asked offline"
        try:
            chart = self._sources.chart(*wanted)
        except NotThere as reason:
            self.kept.keep_answer(wanted.name, str(reason))
            raise
        if isinstance(chart.origin, bytes):
            self.kept.keep_chart(*wanted, chart.origin)
        return chart


@contextmanager
def registries(*, offline: bool, seconds: float = SECONDS) -> Iterator[Registries]:
    """Yield the registries with what is kept of them."""
    web = None if offline else Web(min(SECONDS_AN_ANSWER, seconds))
    try:
        yield Registries(Kept(cache_folder() / "registries"), web, Bounded(seconds))
    finally:
        if web:
            web.close()


def _of_helm(source: ChartOrigin, version: str) -> Path | None:
    """Return the archive that helm keeps; it does not say where from."""
    path = cache_of("HELM_CACHE_HOME", "helm") / "repository" / f"{source.chart}-{version}.tgz"
    return path if _is_plain(source.chart, version) and path.is_file() else None


def _of_helmfile(source: ChartOrigin, version: str) -> Path | None:
    """Return the folder that helmfile keeps."""
    if not _is_plain(source.chart, version):
        return None
    folders = cache_of("HELMFILE_CACHE_HOME", "helmfile").glob(f"**/{source.chart}/{version}/{source.chart}")
    return next(folders, None)


def _is_plain(name: str, version: str) -> bool:
    return bool(re.fullmatch(r"[\w.-]+", name) and re.fullmatch(r"v?\d[\w.+-]*", version))
