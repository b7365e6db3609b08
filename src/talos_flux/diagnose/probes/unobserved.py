"""What could not be looked at, so that silence does not mean health."""

import re
from functools import cache

from talos_flux.kube.kinds import NAMESPACE
from talos_flux.kube.snapshot import Snapshot
from talos_flux.paths import ROOT


def unknown(snapshot: Snapshot, namespace: str = "") -> list[str]:
    """Return a sentence for each kind that the server refuses to show, or does not know although kubernetes/ uses it.

    One more is about a `namespace` that does not exist.
    """
    sentences = [
        f"{kind.plural} can't be looked at: {reason.rstrip('.')}." for kind, reason in sorted(snapshot.denied.items())
    ]
    sentences += [
        f"the cluster does not know the kind {kind} of {kind.group}, which kubernetes/ uses: its operator is not there."
        for kind in sorted(snapshot.unserved)
        if kind.name in kinds_in_files()
    ]
    if namespace and NAMESPACE in snapshot.objects and not snapshot.find(NAMESPACE, namespace):
        known = ", ".join(sorted(str(item["metadata"]["name"]) for item in snapshot.of(NAMESPACE)))
        sentences.append(f"there is no namespace {namespace}; there are {known}.")
    return sentences


@cache
def kinds_in_files() -> frozenset[str]:
    """Return the kinds of the objects that Flux applies as they are, without those that charts make of their values."""
    texts = (path.read_text(errors="replace") for path in sorted((ROOT / "kubernetes").rglob("*.yaml")))
    return frozenset(kind for text in texts for kind in re.findall(r"^kind: (\w+)$", text, re.MULTILINE))
