"""Asking git."""

import subprocess
from pathlib import Path

from lib.refusal import Refusal


def git(folder: Path, *arguments: str) -> bytes:
    """What git prints; Refusal with its own words when it fails."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        raise Refusal("git is not on PATH.") from None
    if done.returncode:
        words = " ".join(done.stderr.decode(errors="replace").split())
        raise Refusal(f"git {arguments[0]} failed in {folder}: {words.removesuffix('.')}.")
    return done.stdout


def lines(folder: Path, *arguments: str) -> list[str]:
    """The lines that git prints; Refusal when it fails."""
    return git(folder, *arguments).decode().splitlines()
