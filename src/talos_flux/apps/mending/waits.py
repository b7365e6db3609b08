"""Mendings of dependsOn: what is called otherwise here, what is not here, and what has to be waited for."""

import re

import yaml

from talos_flux.apps.mending.equivalents import Equivalents
from talos_flux.apps.mending.places import Keys, mapping_of, objects_at
from talos_flux.apps.mending.plan import Suggestion
from talos_flux.check.rule import Finding
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import FLUX, HELM, Object
from talos_flux.manifests.releases import mapping
from talos_flux.repository import yaml_edits
from talos_flux.repository.yaml_edits import Edit

WAITS: Keys = ("spec", "dependsOn")
AWAITED = re.compile(r"does not wait for ([\w.-]+)")


def depends_on_unknown(known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest the name here of what does the same; or to wait for nothing, where nothing does."""
    for item, number in _entries_at(cluster, finding):
        fates = _fates(known, cluster, item)
        name, there = _name(item, number), known.app_there(*reversed(_key(item, number)))
        names = [wanted["name"] for wanted in fates if wanted]
        if len(names) < len(fates) and not names:
            edits = _without_list(cluster, item)
        elif wanted := fates[number]:
            edits = _renamed(cluster, item, number, wanted)
        else:
            edits = _without(cluster, item, number)
        if own := _same(known, item, number):
            return Suggestion(edits, f"{own['name']} does here what {name} did")
        brings = f", or bring it first: `{known.command(there)}`" if there else ""
        return Suggestion(edits, f"nothing here does what {name} did: leave it out{brings}")
    return None


def _fates(known: Equivalents, cluster: Cluster, item: Object) -> list[dict[str, str] | None]:
    """Return what each entry of a dependsOn says in the end; None for one that goes."""
    fates: list[dict[str, str] | None] = []
    for number in range(len(item.get(*WAITS))):
        namespace, name = _key(item, number)
        wanted = (
            {"name": name}
            if _is_there(cluster, item, namespace, name) or "$" in namespace + name
            else _same(known, item, number)
        )
        is_repeated = wanted is not None and any(each and each["name"] == wanted["name"] for each in fates)
        fates.append(None if is_repeated else wanted)
    for number, wanted in enumerate(fates):
        # The one that is written so already stays.
        if wanted and wanted["name"] != _name(item, number):
            names = [_name(item, other) for other in range(len(fates)) if other != number]
            fates[number] = None if wanted["name"] in names else wanted
    return fates


def _name(item: Object, number: int) -> str:
    return _key(item, number)[1]


def _key(item: Object, number: int) -> tuple[str, str]:
    entry = mapping(item.get(*WAITS, number))
    return str(entry.get("namespace") or item.namespace), str(entry.get("name", ""))


def _is_there(cluster: Cluster, item: Object, namespace: str, name: str) -> bool:
    if item.is_a("HelmRelease", HELM):
        return any((namespace, name) == (other.namespace, other.name) for _, other in cluster.releases)
    return (namespace, name) in cluster.by_key


def _same(known: Equivalents, item: Object, number: int) -> dict[str, str] | None:
    """Return name and namespace of what does the same here."""
    namespace, name = _key(item, number)
    if item.is_a("HelmRelease", HELM):
        same = known.release(namespace, name)
        return {"name": same[1], "namespace": same[0]} if same else None
    own = known.kustomization(name)
    return {"name": own} if own else None


def _entries_at(cluster: Cluster, finding: Finding) -> list[tuple[Object, int]]:
    found = []
    for _, item in objects_at(cluster, finding.place):
        listed = item.get(*WAITS)
        if (item.is_a("Kustomization", FLUX) or item.is_a("HelmRelease", HELM)) and isinstance(listed, list):
            numbers = [n for n in range(len(listed)) if item.at(*WAITS, n) == finding.place]
            found += [(item, n) for n in numbers if isinstance(listed[n], dict)]
            # Two entries in braces can be on one line: the one that the finding names.
            found.sort(key=lambda pair: f"/{pair[0].get(*WAITS, pair[1]).get('name')}," not in finding.text)
    return found


def _renamed(cluster: Cluster, item: Object, number: int, wanted: dict[str, str]) -> dict[str, list[Edit]]:
    text, entry = cluster.files[item.file.path].text, yaml_edits.inner(mapping_of(cluster, item), *WAITS, number)
    if not isinstance(entry, yaml.MappingNode):
        return {}
    edits = [*yaml_edits.with_value(text, entry, "name", wanted["name"])]
    if "namespace" in wanted and wanted["namespace"] != item.namespace:
        edits += yaml_edits.with_value(text, entry, "namespace", wanted["namespace"])
    elif yaml_edits.inner(entry, "namespace"):
        edits += yaml_edits.without_key(text, entry, "namespace")
    return {item.file.path: edits}


def _without_list(cluster: Cluster, item: Object) -> dict[str, list[Edit]]:
    spec = yaml_edits.inner(mapping_of(cluster, item), "spec")
    if not isinstance(spec, yaml.MappingNode):
        return {}
    return {item.file.path: [*yaml_edits.without_key(cluster.files[item.file.path].text, spec, "dependsOn")]}


def _without(cluster: Cluster, item: Object, number: int) -> dict[str, list[Edit]]:
    spec = yaml_edits.inner(mapping_of(cluster, item), "spec")
    if not isinstance(spec, yaml.MappingNode):
        return {}
    text = cluster.files[item.file.path].text
    return {item.file.path: [*yaml_edits.without_entry(text, spec, "dependsOn", number)]}


def not_awaited(_known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest one more entry of dependsOn, in the Kustomization that applies what has to wait."""
    match = AWAITED.search(finding.text)
    for kustomization, _ in objects_at(cluster, finding.place) if match else ():
        item = kustomization.item
        node = yaml_edits.inner(mapping_of(cluster, item), "spec")
        listed = yaml_edits.inner(node, "dependsOn")
        if not match or not isinstance(node, yaml.MappingNode):
            continue
        if isinstance(listed, yaml.SequenceNode) and listed.value and not listed.flow_style:
            first = listed.value[0].start_mark
            line = f"name: {match[1]}\n{' ' * (first.column - 2)}- "
            return Suggestion({item.file.path: [(first.index, first.index, line)]})
        if isinstance(listed, yaml.SequenceNode):
            flow = "".join(("{name: ", match[1], "}", ", " if listed.value else ""))
            start = listed.start_mark.index + 1
            return Suggestion({item.file.path: [(start, start, flow)]})
        return Suggestion({item.file.path: [yaml_edits.with_block(node, "dependsOn", [f"- name: {match[1]}"])]})
    return None
