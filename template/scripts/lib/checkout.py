"""What git knows of this checkout, without asking its origin."""

from dataclasses import dataclass

from lib.process import ToolFailed, run
from lib.refusal import Refusal


@dataclass(frozen=True)
class Checkout:
    """`head` is the commit that is checked out, `pushed` what origin was last seen to have of the branch.

    Without an upstream the last two are empty, without git all are, and `reason` says why.
    """

    head: str = ""
    branch: str = ""
    pushed: str = ""
    upstream: str = ""
    reason: str = ""

    def counts(self, commit: str) -> tuple[int, int] | None:
        """How many commits HEAD is ahead of a commit, and behind it; None where this checkout does not have it."""
        try:
            ahead, behind = run("git", "rev-list", "--left-right", "--count", f"HEAD...{commit}").split()
        except ToolFailed:
            return None
        return int(ahead), int(behind)


def checkout() -> Checkout:
    """This one, as it is now."""
    try:
        head = run("git", "rev-parse", "--verify", "HEAD").strip()
    except Refusal as refusal:
        return Checkout(reason=str(refusal).rstrip("."))
    branch = run("git", "branch", "--show-current").strip()
    try:
        upstream = run("git", "rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}").strip()
        pushed = run("git", "rev-parse", "--verify", upstream).strip()
    except ToolFailed:
        return Checkout(head, branch)
    return Checkout(head, branch, pushed, upstream)
