"""Rules about objects whose kind can't be told, or is of no API."""

import posixpath
from collections import defaultdict
from functools import cache

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.check.rules.builds import built_files
from talos_flux.errors import misspelt
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from talos_flux.manifests.post_build import entries
from talos_flux.manifests.schemas import archive
from talos_flux.repository.files import Map, Unreadable


@rule(
    "kind-unknown",
    Severity.ERROR,
    "Flux passes over an object without an apiVersion, and the API server refuses a kind that it does not know.",
    "Write the kind and the apiVersion as its API has them.",
)
def kind_unknown(cluster: Cluster) -> Violations:
    """Find objects in listed files without an apiVersion, and kinds that the group which they name has not."""
    yield from _incomplete(cluster)
    for item in (*cluster.roots, *cluster.applied):
        there, elsewhere = _kinds()
        if item.group not in there and (near := misspelt(item.group, elsewhere.get(item.kind, ()))):
            yield item.at("apiVersion"), f"nobody has the group {item.group} of {item}: did you mean {near}?"
            continue
        if item.group not in there or item.kind in there[item.group] or "$" in item.api_version + item.kind:
            continue
        same = [kind for kind in there[item.group] if kind.lower() == item.kind.lower()]
        groups = sorted(elsewhere.get(item.kind, ()))
        if same:
            yield item.at("kind"), f"the kind {item.kind} of {item.name} is called {same[0]}"
        elif groups:
            yield item.at("apiVersion"), f"{item.group} has no kind {item.kind}, which is of {', '.join(groups)}"


def _incomplete(cluster: Cluster) -> Violations:
    """Find documents of listed files that have a kind and no apiVersion."""
    paths = {
        posixpath.normpath(f"{file.folder}/{entry}")
        for file in built_files(cluster)
        for entry in entries(cluster.content_of(file).get("resources"))
        if isinstance(entry, str) and "://" not in entry
    }
    # Of a folder without kustomization.yaml Flux lists every file, but of those below that have one.
    built = {file.folder for file in built_files(cluster)}
    for kustomization in cluster.kustomizations:
        if cluster.is_here(kustomization) and not cluster.kustomize_file(kustomization.folder):
            prefix = f"{kustomization.folder}/"
            below = tuple(f"{folder}/" for folder in built if folder.startswith(prefix))
            inside = (one for one in cluster.files.values() if one.path.startswith(prefix) and one.is_yaml)
            paths |= {one.path for one in inside if not one.path.startswith(below)}
    for path in sorted(paths & cluster.files.keys()):
        try:
            documents = cluster.files[path].documents
        except Unreadable:
            continue
        for document in documents:
            if isinstance(document, Map) and document.get("kind") and not document.get("apiVersion"):
                near = next((str(key) for key in document if "apiversion" in str(key).lower()), "")
                hint = f": there is {near}" if near else ""
                yield Place(path, document.line), f"kind {document['kind']} has no apiVersion{hint}"


@cache
def _kinds() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return the kinds of each known group, and the groups of each kind; none of Kubernetes' core."""
    there: dict[str, set[str]] = defaultdict(set)
    groups: dict[str, set[str]] = defaultdict(set)
    for name in archive()["kinds"]:
        *group, _, kind = name.split("/")
        if group:
            there["/".join(group)].add(kind)
            groups[kind].add("/".join(group))
    return dict(there), dict(groups)
