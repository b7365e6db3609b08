"""What could not be looked at, so that silence does not mean health."""

import re
from functools import cache

from lib.kube.kinds import NAMESPACE
from lib.kube.snapshot import Snapshot
from lib.process import ROOT


def unknown(snapshot: Snapshot, namespace: str = "") -> list[str]:
    """A sentence for each kind that the server refuses to show, or does not know although the repository uses it."""
    found = [
        f"{kind.plural} can't be looked at: {reason.rstrip('.')}." for kind, reason in sorted(snapshot.denied.items())
    ]
    found += [
        f"the cluster does not know the kind {kind} of {kind.group}, which kubernetes/ uses: its operator is not there."
        for kind in sorted(snapshot.unserved)
        if kind.name in kinds_in_files()
    ]
    if namespace and NAMESPACE in snapshot.objects and not snapshot.find(NAMESPACE, namespace):
        known = ", ".join(sorted(str(one["metadata"]["name"]) for one in snapshot.of(NAMESPACE)))
        found.append(f"there is no namespace {namespace}; there are {known}.")
    return found


@cache
def kinds_in_files() -> frozenset[str]:
    """The kinds of the objects that Flux applies as they are; what charts make of their values is not among them."""
    texts = (path.read_text(errors="replace") for path in sorted((ROOT / "kubernetes").rglob("*.yaml")))
    return frozenset(kind for text in texts for kind in re.findall(r"^kind: (\w+)$", text, re.MULTILINE))
