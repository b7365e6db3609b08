"""What a test needs, and how it comes to be there while tests that don't need it run already.

A test that is judged by a tool says so with `needs`. The process that collects first starts `python -m tests.tools`
for whatever is missing; tests without needs come first, then each as its tools arrive.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support import tools
from tests.tools.build import PROJECT
from tests.tools.catalogue import BY_NAME
from tests.tools.obtain import NAMES, OF_QUICK, is_here, link, on_path

# Programs that come with the Python packages. A test that needs one takes long, and is no part of `make check`.
PACKAGED = ("bao", "copier", "task", "terminal", "sphinx", "check-jsonschema")
# What every cluster with fake machines runs.
CLUSTER = (
    "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kustomize", "kustomize-controller",
    "helm-controller", "flux-build",
)  # fmt: skip
# What a tool can't do without: Talos says how it configures its API servers.
_REQUIRES = {"kube-apiserver": ("etcd", "talosctl")}
# Each tier holds the ones before it.
TIERS = ("check", "test", "all")


def needs(*names: str) -> pytest.MarkDecorator:
    """Mark tests by what judges them: tools of the catalogue, or one of PACKAGED; ValueError for any other name."""
    if unknown := sorted(set(names) - {*NAMES, *OF_QUICK, *PACKAGED}):
        raise ValueError(f"no tool is named {', '.join(unknown)}; see tests/tools/catalogue.py")
    return pytest.mark.needs(*names, *(name for each in names for name in _REQUIRES.get(each, ())))


def needs_of(item: pytest.Item) -> set[str]:
    """Everything that a test needs, by the marks of itself, its parameters and its module."""
    return {name for mark in item.iter_markers("needs") for name in mark.args}


def tools_of(item: pytest.Item) -> set[str]:
    """Return the tools of the catalogue that have to be there for a test, in this tier."""
    return {tools.source_of(name) for name in needs_of(item) - set(PACKAGED)}


def is_in(item: pytest.Item, tier: str) -> bool:
    """Whether a test belongs to a tier."""
    has = {mark.name for mark in item.iter_markers()}
    if tier == "check":
        return not has & {"needs", "slow", "full"}
    return tier == "all" or "full" not in has or "witness" in has


def missing_tools() -> list[str]:
    """Return the tools that would have to be obtained; those on PATH are linked, and not missing."""
    missing = []
    for name in NAMES:
        if is_here(name):
            continue
        tool = BY_NAME.get(name)
        if tool and (found := on_path(tool)):
            link(tool, found)
        else:
            missing.append(name)
    return missing


def in_order(items: Iterable[pytest.Item], missing: list[str]) -> list[pytest.Item]:
    """Return the tests in the order in which their tools arrive; the same order in each process."""
    return sorted(items, key=lambda item: _arrival(item, missing))


def part_groups(items: Iterable[pytest.Item], missing: list[str]) -> None:
    """Make those tests of a group of pytest-xdist that wait for a tool a group of their own.

    One process runs a whole group, so that one test that waits would hold up all the others.
    """
    for item in items:
        arrival = _arrival(item, missing)
        if arrival and item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(f"after {missing[arrival - 1]}"))


def _arrival(item: pytest.Item, missing: list[str]) -> int:
    """Return when the last of a test's tools is there: its position among the missing ones, or 0."""
    return max((missing.index(name) + 1 for name in tools_of(item) if name in missing), default=0)


class Delivery:
    """Brings missing tools in the background. `folder` is shared by the processes of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "tools.log"

    def start(self, names: list[str]) -> None:
        """Begin to bring the tools; the process ends with the one that started it, or when all are there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("w") as log:
            subprocess.Popen(
                [sys.executable, "-m", "tests.tools", "--failures", str(self.folder), *names],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_for(self, name: str) -> None:
        """Return when a tool is there; pytest fails the test with the reason when it can't be had."""
        while not is_here(name):
            failure = self.folder / name
            if failure.exists():
                pytest.fail(f"{name} can't be had: {failure.read_text()}", pytrace=False)
            time.sleep(0.2)


class Narrator(threading.Thread):
    """Shows in the terminal which tools arrive, while the tests run."""

    def __init__(self, log: Path, reporter: pytest.TerminalReporter) -> None:
        super().__init__(daemon=True)
        self._log, self._reporter, self._shown = log, reporter, 0

    def run(self) -> None:
        while True:
            time.sleep(1)
            lines = self._log.read_text().splitlines() if self._log.exists() else []
            for line in lines[self._shown :]:
                self._reporter.ensure_newline()
                self._reporter.write_line(f"tools: {line}")
            self._shown = len(lines)


def use_stand_ins() -> None:
    """Let programs stand in for slow ones, for this process and all that it starts."""
    os.environ[tools.QUICK] = "1"
