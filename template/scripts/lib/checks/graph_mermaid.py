"""The picture of what waits for what, as Mermaid: https://mermaid.js.org/syntax/flowchart.html."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from lib.checks.flux import Cluster

Key = tuple[str, str]


def graph_mermaid(cluster: Cluster) -> str:
    """Every Kustomization in the namespace that it applies to, with arrows to those that it waits for."""
    ids = ids_of(cluster.by_key)
    return "\n".join(["flowchart LR", *_boxes(cluster, ids), *_arrows(cluster, ids)])


def ids_of(keys: Iterable[Key]) -> dict[Key, str]:
    """An identifier that Mermaid takes for each, alike in every run: letters and digits, and a number where two clash.

    No identifier is a word of Mermaid's own, such as end, since each has a namespace and a name.
    """
    found: dict[Key, str] = {}
    taken: set[str] = set()
    for key in sorted(keys):
        plain = wanted = "_".join(re.sub(r"\W", "_", part, flags=re.ASCII) for part in ("ks", *key))
        number = 1
        while wanted in taken:
            number += 1
            wanted = f"{plain}_{number}"
        taken.add(wanted)
        found[key] = wanted
    return found


def _boxes(cluster: Cluster, ids: dict[Key, str]) -> Iterator[str]:
    """A subgraph for each namespace."""
    namespaces: dict[str, list[Key]] = defaultdict(list)
    for key, one in cluster.by_key.items():
        namespaces[one.target].append(key)
    for number, (namespace, keys) in enumerate(sorted(namespaces.items()), 1):
        yield f"  subgraph namespace_{number}[{_label(namespace)}]"
        yield from (f"    {ids[key]}[{_label(key[1])}]" for key in sorted(keys))
        yield "  end"


def _arrows(cluster: Cluster, ids: dict[Key, str]) -> Iterator[str]:
    """From each Kustomization to what it waits for."""
    for key, others in cluster.waits_for.items():
        yield from (f"  {ids[key]} --> {ids[other]}" for other in others)


def _label(text: str) -> str:
    """A text as Mermaid shows it, whatever is in it."""
    return '"{}"'.format(text.replace('"', "#quot;"))
