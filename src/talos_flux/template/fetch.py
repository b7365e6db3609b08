"""The template at the version that this repository follows, fetched once and cached outside of it."""

import fcntl
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import talos_flux
from talos_flux.errors import UserError
from talos_flux.paths import ANSWERS, cache_folder
from talos_flux.process import ToolError, run, succeeds
from talos_flux.progress import say
from talos_flux.repository.settings import load, look_up

# Others run a command, ext::, or wait for ever, fd::; an answers file may come from a template.
PROTOCOLS = {"GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"}


class NoSuchVersion(UserError):
    """The template was reached, and does not have the version."""


def root() -> Path:
    """Return the template at the version that this repository follows; UserError when it can't be fetched."""
    source, commit = (str(look_up(ANSWERS, key)) for key in ("_src_path", "_commit"))
    around = Path(talos_flux.__file__).resolve().parents[2]
    if around == cache_folder() / str(load(ANSWERS).get("_commit_id")):
        return around  # scripts/talos-flux has fetched it already
    return checkout(source, commit)


def checkout(source: str, commit: str) -> Path:
    """Return a Git checkout of the template, from the cache if possible; UserError when it can't be fetched."""
    name = re.sub(r"[^\w.-]", "_", commit)
    kept = cache_folder() / f"{name}-{_digest(f'{source} {commit}')}"
    if kept.exists():
        return kept
    # Cloned under another name, so that an interrupted clone is never taken for the template.
    draft = new_folder(kept.parent, kept.name)
    try:
        fetched = _fetched(source, commit)
        run("git", "clone", "--quiet", "--no-checkout", "--", fetched, draft)
        run("git", "-C", draft, "remote", "set-url", "origin", source)
        run("git", "-C", draft, "checkout", "--quiet", "--detach", object_of(draft, commit))
        draft.rename(kept)
    except ToolError as failed:
        refuse_a_path_that_leads_nowhere(source)
        raise UserError(f"the template {source} can't be fetched at {commit}: {failed.reason}.") from None
    except NoSuchVersion as missing:
        raise NoSuchVersion(f"the template {source} can't be fetched at {commit}: {missing}") from None
    except OSError:
        if not kept.exists():  # by another run in the meantime
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return kept


def refuse_a_path_that_leads_nowhere(source: str) -> None:
    """Raise UserError for an address that is a relative path, to a folder beside the one of the first copy."""
    if not re.match(r"/|~|[^/]*[:@]", source):
        raise UserError(
            f"_src_path in {ANSWERS.name} is {source}, a path that leads nowhere from here: write the template's "
            "address there, or its path from / on."
        ) from None


def _fetched(source: str, commit: str) -> Path:
    """Return a bare clone of the template's repository, fetched once for all versions and again for one that it lacks.

    ToolError when the repository can't be reached.
    """
    copy = cache_folder() / f"{_digest(source)}.git"
    with _locked(copy):
        if not copy.exists():
            say(f"Fetching the template {source}")
            draft = new_folder(copy.parent, copy.name)
            try:
                run("git", "clone", "--quiet", "--bare", "--", source, draft, extra=PROTOCOLS)
                draft.rename(copy)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        elif not _has(copy, commit):
            say(f"Fetching the template {source} at {commit}")
            branches = "+refs/heads/*:refs/heads/*"
            run("git", "-C", copy, "fetch", "--quiet", "--force", "--tags", "--", source, branches, extra=PROTOCOLS)
    return copy


def _has(repository: Path, commit: str) -> bool:
    try:
        object_of(repository, commit)
    except NoSuchVersion:
        return False
    return True


def is_shallow(source: str) -> bool:
    """Return whether a local template is a shallow clone."""
    try:
        return run("git", "-C", source, "rev-parse", "--is-shallow-repository").strip() == "true"
    except ToolError:
        return False


@contextmanager
def _locked(copy: Path) -> Iterator[None]:
    """Hold the lock of a clone."""
    with copy.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def object_of(repository: Path, commit: str) -> str:
    """Return git's name of a version that Copier recorded: a tag, or `git describe` of a commit; NoSuchVersion."""
    described = re.fullmatch(r".+-\d+-g([0-9a-f]{4,})", commit)
    for name in (f"refs/tags/{commit}", described[1] if described else commit):
        if succeeds("git", "-C", repository, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"):
            return name
    raise NoSuchVersion("it has no such version; `copier update` moves this repository to one that it has")


def new_folder(parent: Path, name: str) -> Path:
    """Return a new temporary folder; UserError when it can't be created."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=".unfinished", dir=parent))
    except OSError as error:
        raise UserError(f"the template can't be kept in {parent}: {error.strerror}. XDG_CACHE_HOME moves it.") from None
