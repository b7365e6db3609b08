"""Checks of what git has: staged texts that differ from the work tree, and files that it must not have at all."""

import re
from collections.abc import Iterator

from talos_flux.check.rule import Finding
from talos_flux.check.rules import RULES, plain_secrets
from talos_flux.manifests import readable_secrets
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from talos_flux.process import run
from talos_flux.repository.conflicts import leftovers
from talos_flux.repository.files import LARGEST

# Whoever holds one of these holds the cluster, or a part of it. A snapshot of etcd holds every Secret as it is.
PRIVATE = re.compile(
    r"(^|/)(\.env|kubeconfig|talosconfig|1password-credentials\.json|deploy\.key[^/]*|[^/]+\.(age)?key"
    r"|[^/]*-token\.txt|[^/]*\.decrypted~[^/]*)$|(^|/)(snapshots|clusterconfig)/|(^|/)talos/secrets\.yaml$"
)


def staged(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """Yield secrets and conflict markers in staged texts; files with an open merge conflict are left out."""
    del cluster, chosen
    for path, text in _texts():
        if len(text) > LARGEST:
            message = f"is staged, larger than {LARGEST // 1_000_000} MB and not read"
            yield Finding(RULES["not-yaml"], Place(path, 1), message)
            continue
        for line, message in readable_secrets.keys_and_tokens(text):
            yield Finding(RULES["secret-readable"], Place(path, line), message)
        for line, message in readable_secrets.not_encrypted(path, text):
            yield Finding(RULES["secret-not-encrypted"], Place(path, line), message)
        for line, message in plain_secrets.plain(path, text):
            yield Finding(RULES["secret-plain"], Place(path, line), message)
        for line, message in leftovers(path, text):
            yield Finding(RULES["conflict-marker"], Place(path, line), message)


def private(cluster: Cluster, chosen: set[str] | None) -> Iterator[Finding]:
    """Yield private files that git tracks although .gitignore names them, as `git add --force` lets it."""
    del cluster, chosen
    for path in run("git", "ls-files", "--cached", "--ignored", "--exclude-standard", "-z").split("\0"):
        if PRIVATE.search(path):
            message = f"is tracked, and .gitignore keeps it out of git: `git rm --cached {path}`"
            yield Finding(RULES["secret-readable"], Place(path, 1), message)


def _texts() -> Iterator[tuple[str, str]]:
    unmerged = set(run("git", "diff", "--name-only", "--diff-filter=U", "-z").split("\0"))
    for path in run("git", "diff", "--name-only", "--diff-filter=MD", "-z").split("\0"):
        if path and path not in unmerged and "\0" not in (content := run("git", "show", f":{path}")):
            yield path, content
