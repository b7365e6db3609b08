"""Gets the pinned tools: from PATH, from the cache, from their authors' release, or by building them.

A download or a build happens in a folder of its own in the cache and moves into place as its last step, so an
interrupted one leaves nothing that a later run could mistake for a tool.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.tools import build, npm, release
from tests.tools.build import PROJECT
from tests.tools.catalogue import BY_NAME, TOOLS, Tool
from tests.tools.locks import cache_dir, locked

BIN = PROJECT / ".tools" / "bin"
# Where programs lie that stand in for others, under the names of those.
STAND_INS = PROJECT / ".tools" / "stand-ins"
# Build everything that PATH and the cache don't have, even where releases could be downloaded.
FROM_SOURCE = "COPIER_TALOS_FLUX_FROM_SOURCE"
# What `quick` does that no program of its own does: a build as Flux makes it, and Flux' substitution.
OF_QUICK = ("envsubst", "flux-build")
# Everything that can be had.
NAMES = (*BY_NAME, *npm.PACKAGES)


def cached(tool: Tool) -> Path:
    """Return the path at which exactly this version and recipe is kept, whether or not it is there yet."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(tool), sort_keys=True).encode())
    if tool.own_module:
        module = PROJECT / tool.own_module
        for file in (module / "go.mod", module / "go.sum", *sorted((module / tool.name).glob("*.go"))):
            digest.update(file.read_bytes())
    return cache_dir() / f"{tool.name}-{tool.version}-{digest.hexdigest()[:12]}" / tool.name


def on_path(tool: Tool) -> Path | None:
    """Return the tool on PATH, if that one says it is the pinned version."""
    ours = (BIN, STAND_INS)
    search = os.pathsep.join(p for p in os.environ.get("PATH", "").split(os.pathsep) if Path(p) not in ours)
    program = shutil.which(tool.name, path=search)
    if not program or not tool.reports:
        return None
    try:
        done = subprocess.run([program, *tool.version_command], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(program) if tool.reports in done.stdout + done.stderr else None


def is_here(name: str) -> bool:
    """Whether a tool lies where the tests look for it, and is of its pinned version and recipe."""
    if name in npm.PACKAGES:
        return npm.installed(name).exists()
    link, target = BIN / name, cached(BY_NAME[name])
    return link.exists() and (link.readlink() == target or target.parent.parent not in link.readlink().parents)


def obtain(name: str, report: Callable[[str], None]) -> Path:
    """Get a tool and put it where the tests look for it; `report` is told how, when it takes time.

    Raises release.WrongChecksum, subprocess.CalledProcessError when Go or npm fails, FileNotFoundError without Go.
    """
    if name in npm.PACKAGES:
        return npm.install(name, report)
    tool = BY_NAME[name]
    target = cached(tool)
    if found := on_path(tool):
        return link(tool, found)
    with locked(target.parent):
        if not target.exists():
            _make(tool, target, report)
    return link(tool, target)


def _make(tool: Tool, target: Path, report: Callable[[str], None]) -> None:
    label, started = f"{tool.name} {tool.version}", time.monotonic()
    scratch = target.parent.with_name(f"{target.parent.name}.draft")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        if _download(tool, scratch / tool.name):
            how = "downloaded"
        else:
            if not shutil.which("go"):
                raise FileNotFoundError(f"{label} can't be downloaded here, and go, to build it, is not on PATH")
            report(f"building {label}")
            build.build(tool, scratch)
            how = "built"
        target.parent.mkdir(exist_ok=True)
        (scratch / tool.name).replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report(f"{how} {label} in {time.monotonic() - started:.0f} s")


def _download(tool: Tool, target: Path) -> bool:
    """Whether the authors' release could be had; release.WrongChecksum when it is not what they published."""
    if not tool.release or os.environ.get(FROM_SOURCE):
        return False
    try:
        release.download(tool.release, target)
    except release.Unavailable:
        return False
    return True


def link(tool: Tool, target: Path) -> Path:
    """Put a tool where the tests find it, and under the names of those that it stands in for."""
    _link(BIN / tool.name, target)
    if tool.name == "quick":
        for name in OF_QUICK:
            _link(BIN / name, target)
        for other in TOOLS:
            if other.stand_in == tool.name:
                _link(STAND_INS / other.name, target)
    return target


def _link(name: Path, target: Path) -> None:
    name.parent.mkdir(parents=True, exist_ok=True)
    if name.is_symlink() and name.readlink() == target:
        return
    draft = name.with_name(f".{name.name}.{os.getpid()}")
    draft.symlink_to(target)
    draft.replace(name)
