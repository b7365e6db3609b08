"""The template that this repository follows, at the version that it follows, fetched once and kept outside of it."""

import hashlib
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from lib.cluster import look_up
from lib.process import ROOT, ToolFailed, run, succeeds
from lib.refusal import Refusal
from lib.terminal import step

ANSWERS = ROOT / ".copier-answers.yml"
NO_SUCH_VERSION = "it has no such version; `copier update` moves this repository to one that it has"


class NoSuchVersion(Refusal):
    """The template was reached, and does not have the version."""


def add(generator: str, destination: Path, arguments: list[str]) -> NoReturn:
    """Become the template's own command that adds a namespace or an app: it reads the terminal and ends as it likes.

    Refusal when there is no such command to be had.
    """
    template = checkout(str(look_up(ANSWERS, "_src_path")), str(look_up(ANSWERS, "_commit")))
    hook = template / "hooks/add.py"
    if not hook.exists():
        raise Refusal(f"the template of this repository has no {generator}s to add yet: `copier update` brings them.")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, str(hook), generator, str(destination), *arguments])


def checkout(source: str, commit: str) -> Path:
    """A Git checkout of the template, from the cache if it was ever fetched; Refusal when it can't be."""
    name = re.sub(r"[^\w.-]", "_", commit)
    kept = cache() / f"{name}-{hashlib.sha256(f'{source} {commit}'.encode()).hexdigest()[:16]}"
    if kept.exists():
        return kept
    step(f"Fetching the template {source} at {commit}")
    # What an interruption leaves has another name, so it is never taken for the template.
    draft = new_folder(kept.parent, kept.name)
    try:
        run("git", "clone", "--quiet", "--no-checkout", "--", source, draft)
        run("git", "-C", draft, "checkout", "--quiet", "--detach", object_of(draft, commit))
        draft.rename(kept)
    except ToolFailed as failed:
        if not re.match(r"/|~|[^/]*[:@]", source):
            raise Refusal(
                f"_src_path in {ANSWERS.name} is {source}, a path that leads nowhere from here: write the template's "
                "address there, or its path from / on."
            ) from None
        kind = NoSuchVersion if failed.said == NO_SUCH_VERSION else Refusal
        raise kind(f"the template {source} can't be fetched at {commit}: {' '.join(failed.said.split())}") from None
    except OSError:
        if not kept.exists():  # by another run in the meantime
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return kept


def object_of(repository: Path, commit: str) -> str:
    """What git calls a version that Copier recorded: a tag, or what describes a commit without one."""
    described = re.fullmatch(r".+-\d+-g([0-9a-f]{4,})", commit)
    for name in (f"refs/tags/{commit}", described[1] if described else commit):
        if succeeds("git", "-C", repository, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"):
            return name
    raise ToolFailed(["git"], NO_SUCH_VERSION)


def new_folder(parent: Path, name: str) -> Path:
    """A folder that nobody else uses; Refusal when none can be made."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=".unfinished", dir=parent))
    except OSError as error:
        raise Refusal(f"the template can't be kept in {parent}: {error.strerror}. XDG_CACHE_HOME moves it.") from None


def cache() -> Path:
    """Where fetched templates are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "copier-talos-flux"
