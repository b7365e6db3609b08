"""The picture of what waits for what, as Mermaid: https://mermaid.js.org/syntax/flowchart.html."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from lib.checks.flux import Cluster, Kustomization

Key = tuple[str, str]


def graph_picture(cluster: Cluster) -> str:
    """Every Kustomization in the namespace that it applies to, with arrows to those that it waits for."""
    known = {one.key: one for one in cluster.kustomizations}
    ids = ids_of(known)
    return "\n".join(["flowchart LR", *_boxes(known, ids), *_arrows(known, ids)])


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


def _boxes(known: dict[Key, Kustomization], ids: dict[Key, str]) -> Iterator[str]:
    """A subgraph for each namespace."""
    namespaces: dict[str, list[Key]] = defaultdict(list)
    for key, one in known.items():
        namespaces[str(one.spec.get("targetNamespace") or one.item.namespace)].append(key)
    for number, (namespace, keys) in enumerate(sorted(namespaces.items()), 1):
        yield f"  subgraph namespace_{number}[{_label(namespace)}]"
        yield from (f"    {ids[key]}[{_label(key[1])}]" for key in sorted(keys))
        yield "  end"


def _arrows(known: dict[Key, Kustomization], ids: dict[Key, str]) -> Iterator[str]:
    """From each Kustomization to what it waits for; what is not there is a finding, and no arrow."""
    for key, one in sorted(known.items(), key=lambda pair: pair[0]):
        for other in sorted({dependency.key for dependency in one.dependencies} & known.keys()):
            yield f"  {ids[key]} --> {ids[other]}"


def _label(text: str) -> str:
    """A text as Mermaid shows it, whatever is in it."""
    return '"{}"'.format(text.replace('"', "#quot;"))
