"""Objects of kinds that nobody brings into this cluster: which, who brings them there, and how to leave them out."""

import posixpath
from collections.abc import Iterable, Iterator

import yaml

from talos_flux.apps.mending.equivalents import Equivalents
from talos_flux.apps.mending.places import edits_between, node_of, objects_at
from talos_flux.apps.mending.plan import Suggestion
from talos_flux.check.rule import Finding, Rule, Severity
from talos_flux.errors import UserError
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import FLUX, HELM, SOURCES, Object
from talos_flux.manifests.providers import BRINGS, providers
from talos_flux.repository import kustomization_edits, yaml_edits
from talos_flux.repository.yaml_edits import Edit

KIND = Rule(
    "kind-unbrought",
    Severity.ERROR,
    "The API server refuses an object of a kind that nobody has brought.",
    "Bring the operator first, or leave the object out.",
)
# API groups that Kubernetes has of itself end in this, or have no dot.
BUILT_IN = ".k8s.io"
OF_FLUX = {FLUX, HELM, SOURCES, "notification.toolkit.fluxcd.io", "image.toolkit.fluxcd.io", "fluxcd.controlplane.io"}
LOGIN = {"SecurityPolicy", "Middleware", "Policy"}


def unbrought(known: Equivalents, cluster: Cluster, group: str) -> bool:
    """Return whether nothing in this repository brings the kinds of a group."""
    if group in BRINGS:
        return providers(cluster).is_missing(group)
    if "." not in group or group in OF_FLUX or (group.endswith(BUILT_IN) and group.count(".") == 2):
        return False
    if any(item.group == group for item in known.here.applied) or group in providers(cluster).defined:
        return False
    words = {part for part in group.split(".", maxsplit=1)[0].split("-") if len(part) > 3}
    return not any(word in name.split("-") for word in words for name in providers(known.here).names)


def unknown_kinds(known: Equivalents, cluster: Cluster) -> Iterator[Finding]:
    """Yield a finding for each Kustomization and each group of kinds that no rule knows and nobody brings."""
    groups = {item.group for item in cluster.applied} - {"", *BRINGS}
    missing = {group for group in groups if unbrought(known, cluster, group)}
    for kustomization in cluster.kustomizations:
        for group in sorted({item.group for item in kustomization.objects} & missing):
            items = [item for item in kustomization.objects if item.group == group]
            kinds = ", ".join(dict.fromkeys(f"{item.kind} in {item.file.path}" for item in items))
            yield Finding(KIND, items[0].at(), f"nobody brings the kinds of {group} into this cluster: {kinds}")


def left_out(known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest to leave out every object of the group that a Kustomization applies, and what asks for them."""
    for kustomization, item in objects_at(cluster, finding.place):
        if item.at() != finding.place:
            continue
        group = item.group
        gone = [other for other in kustomization.objects if other.group == group]
        edits: dict[str, str] = {}
        for path in dict.fromkeys(other.file.path for other in gone):
            for changed, text in _without_objects(
                cluster, kustomization, path, [each for each in gone if each.file.path == path], edits
            ):
                edits[changed] = text
        for other in kustomization.objects:
            for changed, text in _without_data_source(cluster, other, group, edits):
                edits[changed] = text
        app = known.bringing(group)
        kinds = ", ".join(sorted({other.kind for other in gone}))
        brings = f", or bring {group} first: `{known.command(app)}`" if app else f": nothing of {group} is here"
        login = ". It asks who comes in: without it nobody is asked" if any(one.kind in LOGIN for one in gone) else ""
        return Suggestion(
            {path: edits_between(cluster.files[path].text, text) for path, text in edits.items()},
            f"leave {kinds} out{brings}{login}",
        )
    return None


def _text(cluster: Cluster, path: str, edits: dict[str, str]) -> str:
    return edits.get(path, cluster.files[path].text)


def _without_objects(
    cluster: Cluster, kustomization: Kustomization, path: str, gone: list[Object], edits: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the texts after objects of a file are left out: its entry in the list, or its documents."""
    if len(gone) < len(cluster.by_file.get(path, ())):
        yield path, _without_documents(_text(cluster, path, edits), [item.content.line for item in gone])
        return
    yield from _unlisted(cluster, kustomization, path, edits)


def _unlisted(
    cluster: Cluster, kustomization: Kustomization, path: str, edits: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the texts in which no list has a path any more; a list that would be empty is taken out as well."""
    listed = [file for file in cluster.manifests if cluster.kustomize_file(file.folder) is file]
    for file in listed:
        text = _text(cluster, file.path, edits)
        entries = [entry for entry in _resources(text) if posixpath.normpath(f"{file.folder}/{entry}") == path]
        for entry in entries:
            rest = [other for other in _resources(text) if other != entry]
            content = cluster.content_of(file)
            if not rest and not set(content) - {"apiVersion", "kind", "resources", "metadata", "namespace"}:
                yield from _unlisted(cluster, kustomization, file.folder, edits)
                yield from _without_component(cluster, kustomization, file.folder, edits)
            else:
                edits[file.path] = kustomization_edits.without_resource(text, entry)
                yield file.path, edits[file.path]


def _resources(text: str) -> Iterable[str]:
    try:
        return kustomization_edits.resources(text)
    except UserError:
        return []


def _without_component(
    cluster: Cluster, kustomization: Kustomization, folder: str, edits: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the texts in which the Kustomization, or a kustomization.yaml, takes a component no more."""
    owners: list[tuple[str, str, int, str]] = []
    if found := node_of(cluster, kustomization.item):
        owners.append((kustomization.item.file.path, kustomization.folder, found[0], "spec"))
    for file in cluster.manifests:
        if cluster.kustomize_file(file.folder) is file:
            owners.append((file.path, file.folder, 0, ""))
    for path, base, number, above in owners:
        text = _text(cluster, path, edits)
        try:
            documents = yaml_edits.documents(text)
        except yaml.YAMLError:
            continue
        if number >= len(documents):
            continue
        node = yaml_edits.inner(documents[number], above) if above else documents[number]
        entries = yaml_edits.inner(node, "components")
        for position, entry in enumerate(entries.value if isinstance(entries, yaml.SequenceNode) else []):
            if posixpath.normpath(f"{base}/{yaml_edits.plain(entry)}") == folder and isinstance(node, yaml.MappingNode):
                yield path, yaml_edits.edited(text, [*yaml_edits.without_entry(text, node, "components", position)])
                break


def _without_documents(text: str, lines: list[int]) -> str:
    nodes = yaml_edits.documents(text)
    edits: list[Edit] = []
    for node in nodes:
        if node.start_mark.line + 1 in lines:
            # From its separator to the next one.
            start = max(text.rfind("\n---", 0, node.start_mark.index) + 1, 0)
            after = text.find("\n---", node.start_mark.index)
            edits.append((start, len(text) if after < 0 else after + 1, ""))
    return yaml_edits.edited(text, edits)


def _without_data_source(
    cluster: Cluster, item: Object, group: str, edits: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the text of a claim that is no longer filled by an object of a group that is left out."""
    for key in ("dataSourceRef", "dataSource"):
        if item.kind == "PersistentVolumeClaim" and item.get("spec", key, "apiGroup") == group:
            found = node_of(cluster, item)
            text = _text(cluster, item.file.path, edits)
            node = yaml_edits.inner(yaml_edits.documents(text)[found[0]], "spec") if found else None
            if isinstance(node, yaml.MappingNode):
                yield item.file.path, yaml_edits.edited(text, [*yaml_edits.without_key(text, node, key)])
