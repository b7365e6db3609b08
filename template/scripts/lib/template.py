"""The template that this repository follows, at the version that it follows, fetched once and kept outside of it."""

import fcntl
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from lib.cluster import look_up
from lib.process import ROOT, ToolFailed, run, succeeds
from lib.refusal import Refusal
from lib.terminal import step

ANSWERS = ROOT / ".copier-answers.yml"


class NoSuchVersion(Refusal):
    """The template was reached, and does not have the version."""


# What the template's own command takes besides, for the help of the scripts that become it.
USAGE = "[--data QUESTION=ANSWER ...] [--data-file FILE] [--defaults] [--quiet]"
HELP = (
    "--data answers a question, and --data-file those that it does not; --defaults asks nothing; "
    "--quiet says nothing but why it is refused."
)


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
    kept = cache() / f"{name}-{_digest(f'{source} {commit}')}"
    if kept.exists():
        return kept
    # What an interruption leaves has another name, so it is never taken for the template.
    draft = new_folder(kept.parent, kept.name)
    try:
        fetched = _fetched(source, commit)
        run("git", "clone", "--quiet", "--no-checkout", "--", fetched, draft)
        run("git", "-C", draft, "remote", "set-url", "origin", source)
        run("git", "-C", draft, "checkout", "--quiet", "--detach", object_of(draft, commit))
        draft.rename(kept)
    except ToolFailed as failed:
        if not re.match(r"/|~|[^/]*[:@]", source):
            raise Refusal(
                f"_src_path in {ANSWERS.name} is {source}, a path that leads nowhere from here: write the template's "
                "address there, or its path from / on."
            ) from None
        raise Refusal(f"the template {source} can't be fetched at {commit}: {' '.join(failed.said.split())}") from None
    except NoSuchVersion as missing:
        raise NoSuchVersion(f"the template {source} can't be fetched at {commit}: {missing}") from None
    except OSError:
        if not kept.exists():  # by another run in the meantime
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return kept


def _fetched(source: str, commit: str) -> Path:
    """A bare copy of the template's repository, fetched once for all versions and again for one that it lacks.

    ToolFailed when the repository can't be reached.
    """
    copy = cache() / f"{_digest(source)}.git"
    with _alone(copy):
        if not copy.exists():
            step(f"Fetching the template {source}")
            draft = new_folder(copy.parent, copy.name)
            try:
                run("git", "clone", "--quiet", "--bare", "--", source, draft)
                draft.rename(copy)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        elif not _has(copy, commit):
            step(f"Fetching the template {source} at {commit}")
            run("git", "-C", copy, "fetch", "--quiet", "--force", "--tags", "--", source, "+refs/heads/*:refs/heads/*")
    return copy


def _has(repository: Path, commit: str) -> bool:
    try:
        object_of(repository, commit)
    except NoSuchVersion:
        return False
    return True


def is_shallow(source: str) -> bool:
    """Whether a template in a folder of this machine is a clone without its whole history."""
    try:
        return run("git", "-C", source, "rev-parse", "--is-shallow-repository").strip() == "true"
    except ToolFailed:
        return False


@contextmanager
def _alone(copy: Path) -> Iterator[None]:
    """Nobody else fetches there meanwhile."""
    with copy.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def object_of(repository: Path, commit: str) -> str:
    """What git calls a version that Copier recorded: a tag, or what describes a commit without one; NoSuchVersion."""
    described = re.fullmatch(r".+-\d+-g([0-9a-f]{4,})", commit)
    for name in (f"refs/tags/{commit}", described[1] if described else commit):
        if succeeds("git", "-C", repository, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"):
            return name
    raise NoSuchVersion("it has no such version; `copier update` moves this repository to one that it has")


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
