"""The state of this git checkout, without asking its origin."""

from dataclasses import dataclass

from talos_flux.errors import UserError
from talos_flux.process import ToolError, run


@dataclass(frozen=True)
class Checkout:
    """`head` is the commit that is checked out, `pushed` the last known commit of the branch at origin.

    Without an upstream the last two are empty, without git all are, and `reason` says why.
    """

    head: str = ""
    branch: str = ""
    pushed: str = ""
    upstream: str = ""
    reason: str = ""

    def counts(self, commit: str) -> tuple[int, int] | None:
        """Return how many commits HEAD is ahead of a commit, and behind it; None where that commit is not here."""
        try:
            ahead, behind = run("git", "rev-list", "--left-right", "--count", f"HEAD...{commit}").split()
        except ToolError:
            return None
        return int(ahead), int(behind)


def checkout() -> Checkout:
    """Return the state of this checkout, as it is now."""
    try:
        head = run("git", "rev-parse", "--verify", "HEAD").strip()
    except UserError as refusal:
        return Checkout(reason=str(refusal).rstrip("."))
    branch = run("git", "branch", "--show-current").strip()
    try:
        upstream = run("git", "rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}").strip()
        pushed = run("git", "rev-parse", "--verify", upstream).strip()
    except ToolError:
        return Checkout(head, branch)
    return Checkout(head, branch, pushed, upstream)
