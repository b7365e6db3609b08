"""An update runs with the tools of the target version, so that each release can fix the updates to it."""

import os
import subprocess
import sys
from pathlib import Path

from talos_flux.install import install
from talos_flux.paths import cache_folder
from talos_flux.process import ToolError, run
from talos_flux.template.versions import TemplateVersion

# The variable by which a user chooses the tools, which then stay.
CHOSEN = "TALOS_FLUX"
HANDED_OVER = "TALOS_FLUX_HANDED_OVER"


def hand_over(version: TemplateVersion) -> None:
    """Replace this process by the same command of a version's tools, with --to that version.

    Return when these tools do the update themselves: they are that version's, they were chosen by TALOS_FLUX, they were
    handed over to, or that version's tools are not a package yet, as before v0.4.
    """
    tools = version.folder / "src/talos_flux"
    if os.environ.get(CHOSEN) or HANDED_OVER in os.environ or not tools.is_dir():
        return
    commit = commit_of(version.folder)
    if commit == commit_of(Path(__file__).resolve().parents[3]):
        return
    python = environment_of(tools)
    install(python)
    sys.stdout.flush()
    os.environ[HANDED_OVER] = commit
    program = str(python / "bin/python")
    os.execv(program, [program, str(tools), *sys.argv[1:], "--to", version.name])


def environment_of(tools: Path) -> Path:
    """Return the path of the tools' virtual environment.

    It is named by POSIX cksum of their lock, as in scripts/talos-flux.
    """
    with (tools / "requirements.txt").open("rb") as lock:
        done = subprocess.run(["cksum"], stdin=lock, capture_output=True, text=True, check=True)
    return cache_folder() / f"python-{done.stdout.strip().replace(' ', '')}"


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out in a folder; empty when it is not the top folder of a repository."""
    if not (folder / ".git").exists():
        return ""
    try:
        return run("git", "-C", folder, "rev-parse", "HEAD").strip()
    except ToolError:
        return ""
