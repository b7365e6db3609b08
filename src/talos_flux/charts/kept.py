"""What registries said, kept outside of the repository: charts for good, what is missing for some hours."""

import contextlib
import json
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talos_flux.charts.pins import ChartOrigin

# A missing tag may be pushed at any time; nobody waits for it by the minute.
HOURS_MISSING = 4
UNSAFE = re.compile(r"[^\w.@-]+")


@dataclass(frozen=True)
class Kept:
    """A folder of charts and answers. Whatever can't be read or written there is asked for again."""

    folder: Path

    def chart(self, source: ChartOrigin, version: str) -> bytes | None:
        """Return a packaged chart; None when it was never fetched."""
        try:
            return self._place(source, version).read_bytes()
        except OSError:
            return None

    def keep_chart(self, source: ChartOrigin, version: str, archive: bytes) -> None:
        """Keep a packaged chart."""
        _write(self._place(source, version), archive)

    def missing(self, name: str) -> str | None:
        """Return why an image or a version of a chart is missing, empty when it is there; None when nobody knows."""
        try:
            answer = json.loads(self._answer(name).read_bytes())
            age = time.time() - float(answer["asked"])
            why = str(answer["missing"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return why if not why or 0 <= age < HOURS_MISSING * 3600 else None

    def keep_answer(self, name: str, missing: str) -> None:
        """Keep why an image or a version of a chart is missing; empty when it is there."""
        _write(self._answer(name), json.dumps({"name": name, "missing": missing, "asked": time.time()}).encode())

    def data(self, name: str) -> Any:
        """Return what was worked out before under a name; None when nothing was."""
        try:
            return json.loads(self._data(name).read_bytes())
        except (OSError, ValueError):
            return None

    def keep_data(self, name: str, data: Any) -> None:
        """Keep what took long to work out."""
        _write(self._data(name), json.dumps(data).encode())

    def _data(self, name: str) -> Path:
        return self.folder / "data" / f"{_spelled(name)}.json"

    def _place(self, source: ChartOrigin, version: str) -> Path:
        return self.folder / "charts" / _spelled(source.url) / f"{_spelled(source.chart)}-{_spelled(version)}.tgz"

    def _answer(self, name: str) -> Path:
        return self.folder / "answers" / f"{_spelled(name)}.json"


def _spelled(name: str) -> str:
    return UNSAFE.sub("_", name)[:200]


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: several checks can run at once."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
            draft.write(content)
        os.replace(draft.name, path)
