"""What the next commit holds, where the work tree holds something else by now."""

from collections.abc import Iterator

from lib.checks import readable
from lib.checks.files import LARGEST
from lib.checks.flux import Cluster
from lib.checks.objects import Place
from lib.checks.rules import Finding
from lib.checks.topics import RULES, secrets
from lib.leftovers import leftovers
from lib.process import run


def staged(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """Secrets and merge leftovers in staged texts; not yet what a merge left open."""
    del cluster, chosen
    for path, text in _texts():
        if len(text) > LARGEST:
            said = f"is staged, larger than {LARGEST // 1_000_000} MB and not read"
            yield Finding(RULES["not-yaml"], Place(path, 1), said)
            continue
        for line, said in readable.keys_and_tokens(text):
            yield Finding(RULES["secret-readable"], Place(path, line), said)
        for line, said in readable.not_encrypted(path, text):
            yield Finding(RULES["secret-not-encrypted"], Place(path, line), said)
        for line, said in secrets.plain(path, text):
            yield Finding(RULES["secret-plain"], Place(path, line), said)
        for line, said in leftovers(path, text):
            yield Finding(RULES["conflict-marker"], Place(path, line), said)


def _texts() -> Iterator[tuple[str, str]]:
    unmerged = set(run("git", "diff", "--name-only", "--diff-filter=U", "-z").split("\0"))
    for path in run("git", "diff", "--name-only", "--diff-filter=MD", "-z").split("\0"):
        if path and path not in unmerged and "\0" not in (content := run("git", "show", f":{path}")):
            yield path, content
