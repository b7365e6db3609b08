"""Git commands."""

import subprocess
from pathlib import Path

from talos_flux.errors import UserError


def git(folder: Path, *arguments: str) -> bytes:
    """Return git's stdout; UserError with its stderr when it fails."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        raise UserError("git is not on PATH.") from None
    if done.returncode:
        message = " ".join(done.stderr.decode(errors="replace").split())
        raise UserError(f"git {arguments[0]} failed in {folder}: {message.removesuffix('.')}.")
    return done.stdout


def lines(folder: Path, *arguments: str) -> list[str]:
    """Return the lines of git's stdout; UserError when it fails."""
    return git(folder, *arguments).decode().splitlines()
