"""Build the pinned Go tools once, into a cache outside the checkout, and link them in `.tools/bin`.

    python -m tests.tools.build [NAME ...]

A tool whose pinned version is already on PATH is linked instead of built. A build happens in a
temporary folder and moves into the cache as its last step, so an interrupted one leaves nothing
that a later run could mistake for a tool.
"""

import dataclasses
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools.catalogue import TOOLS, GoTool

PROJECT = Path(__file__).resolve().parents[2]
BIN = PROJECT / ".tools" / "bin"
HEARTBEAT_SECONDS = 30


def cache_dir() -> Path:
    """Where built tools are kept between checkouts."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("COPIER_TALOS_FLUX_CACHE") or home / "copier-talos-flux") / "tools"


def cached(tool: GoTool) -> Path:
    """The path at which a build of exactly this recipe is kept, whether or not it is there yet."""
    recipe = json.dumps(dataclasses.asdict(tool), sort_keys=True)
    return cache_dir() / f"{tool.name}-{tool.version}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}" / tool.name


def on_path(tool: GoTool) -> Path | None:
    """The tool on PATH, if that one says it is the pinned version."""
    search = os.pathsep.join(p for p in os.environ.get("PATH", "").split(os.pathsep) if Path(p) != BIN)
    found = shutil.which(tool.name, path=search)
    if not found or not tool.reports:
        return None
    try:
        said = subprocess.run([found, *tool.version_command], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(found) if tool.reports in said.stdout + said.stderr else None


def build(tool: GoTool) -> Path:
    """Build the tool into the cache and return its path; subprocess.CalledProcessError when Go fails."""
    target = cached(tool)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"build-{tool.name}-", dir=cache_dir()) as folder:
        work = Path(folder)
        module = json.loads(go(work, "mod", "download", "-json", f"{tool.module}@{tool.version}"))
        source = work / "source"
        if tool.edits:
            writable_copy(Path(module["Dir"]), source, tool.edits)
            package = f"./{tool.package}"
        else:
            source.mkdir()
            # From go 1.17 on, Go prunes the module graph: it then never asks for what nothing compiles.
            (source / "go.mod").write_text(f"module build\n\ngo 1.26\n\nrequire {tool.module} {tool.version}\n")
            package = str(Path(tool.module) / tool.package)
        if flags := replace_flags(tool, Path(module["GoMod"])):
            go(source, "mod", "edit", *flags)
        go(source, "build", "-trimpath", f"-ldflags=-s -w {tool.ldflags}", "-o", str(work / tool.name), package)
        (work / tool.name).replace(target)
    return target


def writable_copy(module: Path, target: Path, edits: tuple[tuple[str, str, str], ...]) -> None:
    """Copy a module from Go's read-only cache and apply the edits; ValueError if one does not fit."""
    shutil.copytree(module, target, copy_function=shutil.copyfile)
    for folder in [target, *(p for p in target.rglob("*") if p.is_dir())]:
        folder.chmod(0o755)
    for name, old, new in edits:
        file = target / name
        text = file.read_text()
        if old not in text:
            raise ValueError(f"{name} of {module.name} does not contain {old!r}")
        file.write_text(text.replace(old, new))


def replace_flags(tool: GoTool, go_mod: Path) -> list[str]:
    """`go mod edit` flags that carry over the module's own replaces and add the tool's pins.

    Go ignores the replaces of a module that is merely required, so they are repeated here.
    """
    flags = []
    for replace in json.loads(go(go_mod.parent, "mod", "edit", "-json", str(go_mod))).get("Replace") or []:
        old, new = replace["Old"]["Path"], replace["New"]
        if not new["Path"].startswith("."):
            flags.append(f"-replace={old}={new['Path']}@{new['Version']}")
        elif tool.relative_replaces:
            flags.append(f"-replace={old}={old}@{tool.relative_replaces}")
        elif tool.edits:
            flags.append(f"-dropreplace={old}")
    for old, pin in tool.pins.items():
        path, _, version = pin.rpartition(" ")
        flags.append(f"-replace={old}={path or old}@{version}")
    return flags


def go(folder: Path, *arguments: str) -> str:
    """Run go in a folder and return what it prints; its errors go to the terminal."""
    environment = os.environ | {
        "GOTOOLCHAIN": "auto",
        "GOFLAGS": "-mod=mod -buildvcs=false",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    done = subprocess.run(["go", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, ["go", *arguments], done.stdout, done.stderr)
    return done.stdout


@contextmanager
def one_builder_at_a_time() -> Iterator[None]:
    """Two test runs on one machine share the cache; the second waits and then finds everything built."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def heartbeat(label: str) -> Iterator[None]:
    """Say every half minute that a long step is still going on."""
    done = threading.Event()
    started = time.monotonic()

    def beat() -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            print(f"      {label}: still building after {time.monotonic() - started:.0f} s", flush=True)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def link(tool: GoTool, target: Path) -> None:
    BIN.mkdir(parents=True, exist_ok=True)
    name = BIN / tool.name
    if name.is_symlink() and name.readlink() == target:
        return
    name.unlink(missing_ok=True)
    name.symlink_to(target)


def main(names: list[str]) -> int:
    unknown = set(names) - {tool.name for tool in TOOLS}
    if unknown:
        print(f"no such tool: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 1
    wanted = [tool for tool in TOOLS if not names or tool.name in names]
    missing = []
    for tool in wanted:
        if cached(tool).exists():
            link(tool, cached(tool))
        elif found := on_path(tool):
            link(tool, found)
        else:
            missing.append(tool)
    if not missing:
        return 0
    if not shutil.which("go"):
        print("go is not on PATH; building the test tools needs Go 1.26 or newer", file=sys.stderr)
        return 1
    minutes = sum(tool.minutes for tool in missing)
    print(f"building {len(missing)} tools from source, once: about {minutes:.0f} minutes on two cores", flush=True)
    with one_builder_at_a_time():
        for number, tool in enumerate(missing, 1):
            label = f"{tool.name} {tool.version}"
            started = time.monotonic()
            try:
                if not cached(tool).exists():
                    print(f"[{number}/{len(missing)}] {label}", flush=True)
                    with heartbeat(label):
                        build(tool)
                    print(f"      built in {time.monotonic() - started:.0f} s", flush=True)
            except subprocess.CalledProcessError as error:
                print(f"{' '.join(error.cmd)} failed for {label}:\n{error.stderr}", file=sys.stderr)
                return 1
            link(tool, cached(tool))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
