"""The branch from which a pull request with an update is opened."""

from talos_flux.errors import UserError
from talos_flux.process import ToolError, run, succeeds
from talos_flux.template.update.forge import Forge

BRANCH = "template-update"
MAIL = "template-update@localhost"
AUTHOR = ("-c", "user.name=template update", "-c", f"user.email={MAIL}")


def push(host: Forge, title: str) -> None:
    """Commit what is staged to the branch, and push it unless the remote branch has the same content.

    UserError when somebody else has committed to the branch, or the host refuses the push.
    """
    run("git", "switch", "--quiet", "--force-create", BRANCH)
    run("git", *AUTHOR, "commit", "--quiet", "--no-verify", "--message", title)
    remote_commit = _fetched(host)
    if remote_commit and run("git", "log", "-1", "--format=%ae", remote_commit).strip() != MAIL:
        raise UserError(f"the branch {BRANCH} has somebody else's commits: merge them, or delete the branch.")
    if remote_commit and succeeds("git", "diff", "--quiet", remote_commit, "HEAD"):
        return
    lease = f"--force-with-lease={BRANCH}:{remote_commit}"
    try:
        run("git", "push", "--quiet", lease, host.address, BRANCH, extra=host.git_settings())
    except ToolError as failed:
        raise UserError(f"{host.address} refused the branch {BRANCH}: {' '.join(failed.stderr.split())}.") from None


def _fetched(host: Forge) -> str:
    """Return the branch's commit on the host; empty when there is none."""
    try:
        run("git", "fetch", "--quiet", "--depth=1", host.address, f"refs/heads/{BRANCH}", extra=host.git_settings())
    except ToolError as failed:
        if "couldn't find remote ref" in failed.stderr:
            return ""
        raise UserError(f"{host.address} can't be fetched: {' '.join(failed.stderr.split())}.") from None
    return run("git", "rev-parse", "FETCH_HEAD").strip()
