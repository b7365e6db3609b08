"""Which commit Flux has, against the one that is checked out here."""

from functools import lru_cache

from lib.checkout import Checkout, checkout
from lib.flux.names import HOME
from lib.flux.standing import commit_of, revision_of, short
from lib.health.problems import Part
from lib.kube.kinds import GIT_REPOSITORY
from lib.kube.objects import Object, spec_of
from lib.kube.snapshot import Snapshot

RECONCILE = "task reconcile"


def revisions(snapshot: Snapshot, here: Checkout | None = None) -> Part:
    """What Flux has fetched, and how to bring it and this checkout together; never a failure of the cluster."""
    source = repository(snapshot)
    if source is None:
        return Part("revision", "no GitRepository")
    note = compared(source, here or checkout())
    return Part("revision", short(revision_of(source)) or "nothing fetched", notes=(note,) if note else ())


def repository(snapshot: Snapshot) -> Object | None:
    """The GitRepository that this cluster follows."""
    found = snapshot.find(GIT_REPOSITORY, f"{HOME}/{HOME}")
    return found or next(snapshot.of(GIT_REPOSITORY), None)


def compared(source: Object, here: Checkout) -> str:
    """One sentence where Flux has another commit than this checkout; empty where it has the same."""
    commit = commit_of(revision_of(source))
    if not commit:
        return ""
    if not here.head:
        return f"Flux has fetched {commit[:7]}; that can't be compared with this folder: {here.reason}"
    if commit == here.head:
        return ""
    said = f"Flux has fetched {commit[:7]}, your HEAD is {here.head[:7]}"
    return f"{said}: {_remedy(source, commit, here)}"


def _remedy(source: Object, commit: str, here: Checkout) -> str:
    """How the two come together."""
    followed = str((spec_of(source).get("ref") or {}).get("branch") or "")
    if followed and here.branch and here.branch != followed:
        return f"you are on branch {here.branch}, Flux follows {followed}"
    counts = _counts(here, commit)
    if counts is None:
        return "this checkout does not have that commit: `git pull`"
    ahead, behind = counts
    if behind:
        mine = f"{_commits(ahead)} of yours not there, " if ahead else ""
        return f"{mine}{_commits(behind)} not here: `git pull --rebase`"
    return f"{_commits(ahead)} ahead: {_way(source, here)}"


def _way(source: Object, here: Checkout) -> str:
    """How a commit gets to Flux."""
    if here.pushed == here.head:
        return f"pushed, so Flux comes to it within {spec_of(source).get('interval')}, or now by `{RECONCILE}`"
    if here.pushed:
        return f"`git push`, then wait or `{RECONCILE}`"
    return "`git push`; this branch follows none of a remote"


@lru_cache(maxsize=4)
def _counts(here: Checkout, commit: str) -> tuple[int, int] | None:
    return here.counts(commit)


def _commits(count: int) -> str:
    return f"{count} commit{'' if count == 1 else 's'}"
