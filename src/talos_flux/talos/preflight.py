"""Whether this repository may become a cluster: no placeholders, and pushed to where Flux reads it.

Each check returns what is wrong as one sentence, or nothing. `init` and `configure` warn of it, `bootstrap` refuses.
"""

import re
from collections.abc import Callable

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.process import ToolError, run, succeeds
from talos_flux.repository import settings
from talos_flux.terminal import warn

_URL = re.compile(r"(?P<scheme>[a-z+]+)://(?:[^@/]*@)?(?P<host>[^:/]+)(?::(?P<port>\d+))?/+(?P<path>.*)")
_SCP = re.compile(r"(?:[^@/]*@)?(?P<host>[^:/]+):(?!//)/*(?P<path>.*)")
_USUAL_PORTS = {"https": "443", "http": "80", "ssh": "22"}


def same_repository(url: str, other: str) -> bool:
    """Return whether two URLs are spellings of one repository: https, ssh, git@host:path, with or without .git."""
    parts, other_parts = _parts(url), _parts(other)
    if parts is None or other_parts is None:
        return url == other
    scheme, port, *host_and_path = parts
    other_scheme, other_port, *other_host_and_path = other_parts
    return host_and_path == other_host_and_path and (scheme != other_scheme or port == other_port)


def _parts(url: str) -> tuple[str, str, str, str] | None:
    """Return scheme, port, host and path of a URL; None when it is none."""
    if match := _URL.fullmatch(url.strip()):
        scheme = match["scheme"]
        port = match["port"] or _USUAL_PORTS.get(scheme, "")
    elif match := _SCP.fullmatch(url.strip()):
        scheme, port = "ssh", "22"
    else:
        return None
    path = match["path"].rstrip("/").removesuffix(".git").strip("/")
    return scheme, port, match["host"].lower(), path


def why_the_domain_is_none() -> str:
    """Return a sentence when the domain is example.com, the placeholder, which belongs to nobody."""
    name = settings.domain()
    if name == "example.com" or name.endswith(".example.com"):
        return (
            f"the domain is {name}, a placeholder: choose your own with "
            "`task update -- --data domain=<your domain>`, commit and push."
        )
    return ""


def why_the_tunnel_is_none() -> str:
    """Return a sentence when the tunnel id is the one of zeros, the template's default."""
    if files := settings.files_with_the_placeholder_tunnel():
        return (
            f"the tunnel id in {files[0]} is {settings.PLACEHOLDER_TUNNEL}, a placeholder: create a tunnel with "
            "`cloudflared tunnel create`, then `task update -- --data cloudflare_tunnel_id=<id>`, commit and push."
        )
    return ""


def why_the_repository_is_none() -> str:
    """Return a sentence when Flux would read the repository of the template's default, which belongs to nobody."""
    url = settings.repository_url()
    if "/your-name/" in url:
        return (
            f"the repository is {url}, a placeholder: create an empty one on your Git host, then "
            "`task update -- --data repository_url=<url>`, commit and push."
        )
    return ""


def why_flux_would_read_another_repository() -> str:
    """Return a sentence unless origin, where commits are pushed, is repository_url, which Flux reads."""
    url = settings.repository_url()
    try:
        origin = run("git", "config", "--get", "remote.origin.url").strip()
    except ToolError:
        return f"this checkout has no remote origin, and Flux reads {url}: `git remote add origin {url}`."
    if not same_repository(url, origin):
        return (
            f"Flux reads {url}, and origin is {origin}: they must be one repository; change the one with "
            "`task update -- --data repository_url=<url>` or the other with `git remote set-url origin <url>`."
        )
    return ""


def why_flux_would_not_see_this_commit() -> str:
    """Fetch the branch of origin, which Flux applies, and return a sentence unless HEAD is on it."""
    branch = settings.repository_branch()
    if not succeeds("git", "rev-parse", "--verify", "--quiet", "HEAD"):
        return "nothing is committed yet: commit, then push."
    head = run("git", "rev-parse", "--short", "HEAD").strip()
    try:
        run("git", "fetch", "--quiet", "origin", f"refs/heads/{branch}", timeout=120)
    except ToolError as failed:
        # Only the first line: Git's advice goes on for lines.
        message = failed.stderr.partition("\n")[0]
        return f"branch {branch} can't be fetched from origin, so nothing shows that HEAD {head} is pushed: {message}"
    if not succeeds("git", "merge-base", "--is-ancestor", "HEAD", "FETCH_HEAD"):
        return f"HEAD {head} is not on branch {branch} of origin, which Flux reads: push it."
    return ""


def why_this_checkout_is_old() -> str:
    """Return a sentence when HEAD is behind the fetched branch of origin.

    What is installed from here must not be older than what Flux runs, nor may it miss keys that are pushed.
    """
    branch = settings.repository_branch()
    if not succeeds("git", "merge-base", "--is-ancestor", "HEAD", "FETCH_HEAD"):
        return ""  # not pushed, or not fetched: the check before reports it
    head, pushed = (run("git", "rev-parse", "--short", name).strip() for name in ("HEAD", "FETCH_HEAD"))
    if head != pushed:
        return f"branch {branch} of origin is at {pushed}, ahead of HEAD {head}: `git pull`, or older versions run."
    return ""


def why_the_tree_is_not_the_commit() -> str:
    """Return a sentence when talos/, kubernetes/ or bootstrap/ is not committed: what boots must be what Git holds."""
    changed = run("git", "status", "--porcelain", "--", "talos", "kubernetes", "bootstrap").splitlines()
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        return f"{changed[0][3:]}{more} is not committed, so Flux would not see it: commit and push."
    return ""


Check = Callable[[], str]
WARNED_OF: tuple[Check, ...] = (
    why_the_repository_is_none,
    why_the_domain_is_none,
    why_the_tunnel_is_none,
    why_flux_would_read_another_repository,
    why_flux_would_not_see_this_commit,
)
# The last one compares with what the one before it fetched.
BEFORE_BOOTSTRAP: tuple[Check, ...] = (
    *WARNED_OF[:-1],
    why_the_tree_is_not_the_commit,
    WARNED_OF[-1],
    why_this_checkout_is_old,
)


def refuse_unless_ready(checks: tuple[Check, ...]) -> None:
    """Raise UserError at the first check that fails."""
    refuse_without_git()
    for check in checks:
        if problem := check():
            raise UserError(problem)


def refuse_without_git() -> None:
    """Raise UserError when this folder is not a Git repository."""
    if not (ROOT / ".git").exists():
        raise UserError("this folder is not a Git repository: `git init`, commit and push it first.")


def warn_unless_ready(checks: tuple[Check, ...]) -> None:
    """Warn of everything that `task bootstrap:talos` will refuse."""
    if not (ROOT / ".git").exists():
        warn("this folder is not a Git repository: `git init`, commit and push it before `task configure`.")
        return
    for check in checks:
        if problem := check():
            warn(problem)
