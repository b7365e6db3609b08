"""Charts that are on this computer: what helm and helmfile fetched before, and folders that a person names."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lib.chart_updates import NotHad
from lib.chart_updates.chart import Chart, from_archive, from_folder, said_by
from lib.chart_updates.pins import Source
from lib.validation.charts import cache_folder

# How helmfile spells oci://<host>/<path> as folders.
HELMFILE = re.compile(r"oci__(?P<address>.+)/[^/]+/[^/]+")


@dataclass(frozen=True)
class Kept:
    """A chart that is here. `address` is where helmfile had it from; empty where nobody noted it."""

    name: str
    version: str
    path: Path
    address: str = ""

    def is_of(self, source: Source) -> bool:
        """Whether it is a source's chart, as far as one can tell."""
        return self.name == source.chart and self.address in ("", _spelled(source.url.removeprefix("oci://")))


@dataclass(frozen=True)
class Shelf:
    """Charts in these folders, however deep: packaged, or unpacked."""

    folders: tuple[Path, ...]

    @classmethod
    def of_caches(cls, *more: Path) -> "Shelf":
        """The caches of helm and helmfile, after folders that count more."""
        return cls((*more, cache_folder("HELM_CACHE_HOME", "helm"), cache_folder("HELMFILE_CACHE_HOME", "helmfile")))

    @cached_property
    def charts(self) -> tuple[Kept, ...]:
        """Everything that is a chart."""
        return tuple(kept for folder in self.folders for kept in _in_folder(folder))

    def versions(self, source: Source) -> list[str]:
        """The versions of a chart that are here."""
        return [kept.version for kept in self.charts if kept.is_of(source)]

    def chart(self, source: Source, version: str) -> Chart | None:
        """A chart, with a v before its number or without; None where it is not here. NotHad when it can't be read."""
        for kept in self.charts:
            if kept.is_of(source) and kept.version.removeprefix("v") == version.removeprefix("v").replace("_", "+"):
                try:
                    return from_folder(kept.path) if kept.path.is_dir() else from_archive(kept.path.read_bytes())
                except OSError as error:
                    raise NotHad(f"{kept.path} can't be read: {error.strerror}") from None
        return None


def _in_folder(folder: Path) -> Iterator[Kept]:
    for name, inner, files in os.walk(folder):
        path = Path(name)
        if "Chart.yaml" in files:
            inner.clear()  # what is inside are its parts
            match = HELMFILE.fullmatch(path.relative_to(folder).as_posix())
            if found := said_by(path):
                yield Kept(*found, path, _spelled(match["address"]) if match else "")
            continue
        inner.sort()
        for file in sorted(files):
            if file.endswith((".tgz", ".chart")) and (found := said_by(path / file)):
                yield Kept(*found, path / file)


def _spelled(address: str) -> str:
    return re.sub(r"[.:]", "_", address)
