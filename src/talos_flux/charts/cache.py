"""Charts on this computer: in the caches of helm and helmfile, and in folders that the user names."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from talos_flux.charts import ChartUnavailable
from talos_flux.charts.archive import Chart, from_archive, from_folder, name_and_version
from talos_flux.charts.pins import ChartOrigin
from talos_flux.charts.value_schemas import cache_folder

# The folders that helmfile makes of oci://<host>/<path>.
HELMFILE = re.compile(r"oci__(?P<address>.+)/[^/]+/[^/]+")


@dataclass(frozen=True)
class CachedChart:
    """A local chart. `address` is where helmfile fetched it from; empty when unknown."""

    name: str
    version: str
    path: Path
    address: str = ""

    def is_of(self, source: ChartOrigin) -> bool:
        """Return whether it is a source's chart, as far as name and address tell."""
        return self.name == source.chart and self.address in ("", _spelled(source.url.removeprefix("oci://")))


@dataclass(frozen=True)
class ChartCache:
    """The charts in these folders at any depth, packaged or unpacked."""

    folders: tuple[Path, ...]

    @classmethod
    def of_caches(cls, *more: Path) -> "ChartCache":
        """Return the caches of helm and helmfile, after folders that take precedence."""
        return cls((*more, cache_folder("HELM_CACHE_HOME", "helm"), cache_folder("HELMFILE_CACHE_HOME", "helmfile")))

    @cached_property
    def charts(self) -> tuple[CachedChart, ...]:
        """Return every chart."""
        return tuple(kept for folder in self.folders for kept in _in_folder(folder))

    def versions(self, source: ChartOrigin) -> list[str]:
        """Return the local versions of a chart."""
        return [kept.version for kept in self.charts if kept.is_of(source)]

    def chart(self, source: ChartOrigin, version: str) -> Chart | None:
        """Return a chart, whether or not the versions begin with v; None when it is not cached.

        ChartUnavailable when it can't be read.
        """
        for kept in self.charts:
            if kept.is_of(source) and kept.version.removeprefix("v") == version.removeprefix("v").replace("_", "+"):
                try:
                    return from_folder(kept.path) if kept.path.is_dir() else from_archive(kept.path.read_bytes())
                except OSError as error:
                    raise ChartUnavailable(f"{kept.path} can't be read: {error.strerror}") from None
        return None


def _in_folder(folder: Path) -> Iterator[CachedChart]:
    for name, inner, files in os.walk(folder):
        path = Path(name)
        if "Chart.yaml" in files:
            inner.clear()  # charts inside it are its subcharts
            match = HELMFILE.fullmatch(path.relative_to(folder).as_posix())
            if identity := name_and_version(path):
                yield CachedChart(*identity, path, _spelled(match["address"]) if match else "")
            continue
        inner.sort()
        for file in sorted(files):
            if file.endswith((".tgz", ".chart")) and (identity := name_and_version(path / file)):
                yield CachedChart(*identity, path / file)


def _spelled(address: str) -> str:
    return re.sub(r"[.:]", "_", address)
