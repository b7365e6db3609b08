"""The graph of dependsOn as a Mermaid flowchart: https://mermaid.js.org/syntax/flowchart.html."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from talos_flux.manifests.flux_tree import Cluster

Key = tuple[str, str]


def graph_mermaid(cluster: Cluster) -> str:
    """Return a flowchart of every Kustomization, by target namespace, with arrows to those that it waits for."""
    ids = ids_of(cluster.by_key)
    return "\n".join(["flowchart LR", *_boxes(cluster, ids), *_arrows(cluster, ids)])


def ids_of(keys: Iterable[Key]) -> dict[Key, str]:
    """Return for each key an identifier that Mermaid takes, the same in every run; a number is added where two clash.

    Identifiers are letters, digits and underscores, and never a keyword of Mermaid, such as end, since each has a
    namespace and a name.
    """
    ids: dict[Key, str] = {}
    taken: set[str] = set()
    for key in sorted(keys):
        plain = wanted = "_".join(re.sub(r"\W", "_", part, flags=re.ASCII) for part in ("ks", *key))
        number = 1
        while wanted in taken:
            number += 1
            wanted = f"{plain}_{number}"
        taken.add(wanted)
        ids[key] = wanted
    return ids


def _boxes(cluster: Cluster, ids: dict[Key, str]) -> Iterator[str]:
    """Yield a subgraph for each namespace."""
    namespaces: dict[str, list[Key]] = defaultdict(list)
    for key, kustomization in cluster.by_key.items():
        namespaces[kustomization.target].append(key)
    for number, (namespace, keys) in enumerate(sorted(namespaces.items()), 1):
        yield f"  subgraph namespace_{number}[{_label(namespace)}]"
        yield from (f"    {ids[key]}[{_label(key[1])}]" for key in sorted(keys))
        yield "  end"


def _arrows(cluster: Cluster, ids: dict[Key, str]) -> Iterator[str]:
    """Yield an arrow from each Kustomization to each that it waits for."""
    for key, others in cluster.waits_for.items():
        yield from (f"  {ids[key]} --> {ids[other]}" for other in others)


def _label(text: str) -> str:
    """Return a text as a label that Mermaid shows unchanged, whatever is in it."""
    return '"{}"'.format(text.replace('"', "#quot;"))
