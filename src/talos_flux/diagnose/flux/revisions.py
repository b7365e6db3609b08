"""The commit that Flux has fetched, compared with the one that is checked out."""

from functools import lru_cache

from talos_flux.diagnose.flux.names import HOME
from talos_flux.diagnose.flux.status import commit_of, revision_of, short
from talos_flux.diagnose.problem import CheckResult
from talos_flux.kube.accessors import Object, spec_of
from talos_flux.kube.kinds import GIT_REPOSITORY
from talos_flux.kube.snapshot import Snapshot
from talos_flux.repository.checkout import Checkout, checkout

RECONCILE = "task reconcile"


def revisions(snapshot: Snapshot, local: Checkout | None = None) -> CheckResult:
    """Return the revision that Flux has fetched, and how to bring it and the checkout together; never a problem."""
    source = repository(snapshot)
    if source is None:
        return CheckResult("revision", "no GitRepository")
    note = compared(source, local or checkout())
    return CheckResult("revision", short(revision_of(source)) or "nothing fetched", notes=(note,) if note else ())


def repository(snapshot: Snapshot) -> Object | None:
    """Return the GitRepository that this cluster follows: flux-system, else the first one; None without any."""
    own = snapshot.find(GIT_REPOSITORY, f"{HOME}/{HOME}")
    return own or next(snapshot.of(GIT_REPOSITORY), None)


def compared(source: Object, local: Checkout) -> str:
    """Return one sentence where Flux has another commit than the checkout; empty where it has the same."""
    commit = commit_of(revision_of(source))
    if not commit:
        return ""
    if not local.head:
        return f"Flux has fetched {commit[:7]}; that can't be compared with this folder: {local.reason}"
    if commit == local.head:
        return ""
    difference = f"Flux has fetched {commit[:7]}, your HEAD is {local.head[:7]}"
    return f"{difference}: {_remedy(source, commit, local)}"


def _remedy(source: Object, commit: str, local: Checkout) -> str:
    """Return how Flux and the checkout come to the same commit."""
    followed = str((spec_of(source).get("ref") or {}).get("branch") or "")
    if followed and local.branch and local.branch != followed:
        return f"you are on branch {local.branch}, Flux follows {followed}"
    counts = _counts(local, commit)
    if counts is None:
        return "this checkout does not have that commit: `git pull`"
    ahead, behind = counts
    if behind:
        ahead_text = f"{_commits(ahead)} of yours not there, " if ahead else ""
        return f"{ahead_text}{_commits(behind)} not here: `git pull --rebase`"
    return f"{_commits(ahead)} ahead: {_route_to_flux(source, local)}"


def _route_to_flux(source: Object, local: Checkout) -> str:
    """Return how a commit of the checkout gets to Flux."""
    if local.pushed == local.head:
        return f"pushed, so Flux comes to it within {spec_of(source).get('interval')}, or now by `{RECONCILE}`"
    if local.pushed:
        return f"`git push`, then wait or `{RECONCILE}`"
    return "`git push`; this branch follows none of a remote"


@lru_cache(maxsize=4)
def _counts(local: Checkout, commit: str) -> tuple[int, int] | None:
    return local.counts(commit)


def _commits(count: int) -> str:
    return f"{count} commit{'' if count == 1 else 's'}"
