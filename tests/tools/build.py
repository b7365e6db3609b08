"""Builds a tool from Go modules."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.tools.catalogue import GoModule, Tool

PROJECT = Path(__file__).resolve().parents[2]
# Without inlining and debug information a build takes half of the time, and no test runs a tool for its speed.
# The compiler may use more memory before it collects garbage, which takes another quarter off.
COMPILER = "-gcflags=all=-l -dwarf=false"
MEMORY = {"GOGC": "off", "GOMEMLIMIT": "2GiB"}


def build(tool: Tool, scratch: Path) -> None:
    """Build a tool into a folder of its own, under its name; subprocess.CalledProcessError when Go fails."""
    output = scratch / tool.name
    link = f"-ldflags=-s -w {tool.ldflags}".rstrip()
    if not isinstance(tool.source, GoModule):
        go(
            PROJECT / tool.own_module,
            "build",
            "-mod=readonly",
            "-trimpath",
            COMPILER,
            link,
            "-o",
            str(output),
            f"./{tool.name}",
        )
        return
    folder, package = _prepare(tool.source, tool.version, scratch / "source")
    go(folder, "build", "-mod=mod", "-trimpath", COMPILER, link, "-o", str(output), package)


def _prepare(source: GoModule, version: str, folder: Path) -> tuple[Path, str]:
    """Make a module in `folder` that builds the tool; return its folder and the package to build."""
    module = json.loads(go(Path("/"), "mod", "download", "-json", f"{source.module}@{version}"))
    if source.edits:
        writable_copy(Path(module["Dir"]), folder, source.edits)
        package = f"./{source.package}"
    else:
        folder.mkdir()
        language = json.loads(go(Path("/"), "mod", "edit", "-json", module["GoMod"]))["Go"]
        # From go 1.17 on, Go prunes the module graph: it then never asks for what nothing compiles.
        (folder / "go.mod").write_text(f"module build\n\ngo {language}\n\nrequire {source.module} {version}\n")
        package = str(Path(source.module) / source.package)
    if flags := _replacements(source, Path(module["GoMod"])):
        go(folder, "mod", "edit", *flags)
    return folder, package


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


def _replacements(source: GoModule, go_mod: Path) -> list[str]:
    """`go mod edit` flags that carry over the module's own replaces and add the tool's pins.

    Go ignores the replaces of a module that is merely required, so they are repeated here. Those by a folder only
    work in the authors' checkout and are dropped.
    """
    flags = []
    for replace in json.loads(go(go_mod.parent, "mod", "edit", "-json", str(go_mod))).get("Replace") or []:
        old, new = replace["Old"]["Path"], replace["New"]
        if not new["Path"].startswith("."):
            flags.append(f"-replace={old}={new['Path']}@{new['Version']}")
        elif source.edits:
            flags.append(f"-dropreplace={old}")
    for old, pin in source.pins.items():
        path, _, version = pin.rpartition(" ")
        flags.append(f"-replace={old}={path or old}@{version}")
    return flags


def go(folder: Path, *arguments: str) -> str:
    """Run go in a folder and return what it prints; subprocess.CalledProcessError with its errors when it fails."""
    environment = os.environ | MEMORY | {"GOTOOLCHAIN": "auto", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    done = subprocess.run(
        ["go", *arguments],
        cwd=folder,
        env=environment | {"CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, ["go", *arguments[:2]], done.stdout, done.stderr)
    return done.stdout
