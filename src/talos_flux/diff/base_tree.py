"""The other side of a comparison: this repository at another commit."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from talos_flux.errors import UserError
from talos_flux.process import ToolError, run
from talos_flux.repository.settings import FLUX_INSTANCE, repository_branch


def base_of(revision: str) -> str:
    """Return the commit to compare with: where HEAD left a revision; UserError when there is none.

    Without a revision it is the branch that Flux follows, at origin if that is known.
    """
    branch = repository_branch() if not revision and FLUX_INSTANCE.exists() else "main"
    candidates = [revision] if revision else [f"origin/{branch}", branch]
    for candidate in candidates:
        try:
            run("git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}")
        except ToolError:
            continue
        try:
            return run("git", "merge-base", "--", candidate, "HEAD").strip()
        except ToolError:
            raise UserError(
                f"{candidate} and HEAD have no commit in common here: fetch the history, `git fetch --unshallow`."
            ) from None
    raise UserError(f"{candidates[0]} is no commit of this repository: `git fetch` brings the branches of origin.")


@contextmanager
def unpacked(commit: str) -> Iterator[Path]:
    """Yield a folder with the files of a commit, as a checkout has them; no hook runs, and git's index stays."""
    with tempfile.TemporaryDirectory(prefix="talos-flux-diff-") as name:
        tree = Path(name) / "tree"
        # flate takes the folder with .git for the root to which a Kustomization's path is relative.
        (tree / ".git").mkdir(parents=True)
        index = {"GIT_INDEX_FILE": str(Path(name) / "index")}
        run("git", "read-tree", commit, extra=index)
        run("git", "checkout-index", "--all", "--force", f"--prefix={tree}/", extra=index)
        yield tree
