"""Mendings of single values: storage classes, modes of claims, names of stores, and what Flux has to be told."""

from typing import Any

import yaml

from talos_flux.apps.mending.equivalents import Equivalents
from talos_flux.apps.mending.places import Keys, mapping_of, objects_at, substitute_set, value_set
from talos_flux.apps.mending.plan import Suggestion
from talos_flux.apps.written_down import same_setting, settings_of
from talos_flux.check.rule import Finding
from talos_flux.check.rules.missing_providers import claims
from talos_flux.check.rules.substitution import references_of
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.makers import unresolved
from talos_flux.manifests.objects import FLUX, HELM, Object, walk
from talos_flux.repository import yaml_edits
from talos_flux.repository.yaml_edits import Edit

ONE_NODE = "ReadWriteOnce"
# Of what the root of a new cluster says for itself.
DEFAULTS = {"retryInterval": "2m", "timeout": "10m"}


def storage_class_unknown(known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest the storage class of this cluster."""
    uses = [use for use in claims(cluster) if use.place == finding.place]
    wrong = [use for use in uses if f"class {use.name}," in finding.text]
    if not wrong or not known.storage_class:
        return None
    # A component can be in several Kustomizations, and one after the other gets the variable.
    edits = value_set(cluster, wrong[0].kustomization, wrong[0].item, wrong[0].keys, known.storage_class)
    return Suggestion(edits, f"{known.storage_class} is the storage class here")


def claim_mode_refused(_known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest the mode that volumes of one node have."""
    for kustomization, item in objects_at(cluster, finding.place):
        for keys, value in walk(item.content):
            is_mode = bool(keys) and ("accessModes" in keys or keys[-1] == "accessMode")
            if is_mode and isinstance(value, str) and value != ONE_NODE and item.at(*_named(keys)) == finding.place:
                edits = value_set(cluster, kustomization, item, keys, ONE_NODE)
                return Suggestion(edits, "one node alone can then use the volume")
    return None


def _named(keys: Keys) -> Keys:
    return keys[:-1] if isinstance(keys[-1], int) else keys


def reference_unknown(known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest the object here of that kind, where there is exactly one, such as a store of secrets."""
    for reference, _ in unresolved(cluster):
        if reference.place != finding.place or f" {reference}" not in finding.text:
            continue
        own = known.only(reference.target.kind, reference.target.group)
        keys = reference.keys if isinstance(reference.item.get(*reference.keys), str) else (*reference.keys, "name")
        if own and (own.kind.startswith("Cluster") or own.namespace in ("", reference.namespace)):
            edits = value_set(cluster, reference.kustomization, reference.item, keys, own.name)
            return Suggestion(edits, f"{own.name} is the {own.kind} here")
    return None


# --- Variables ---


def substitution_undefined(known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest the setting of this cluster that means the same, or the line to add with the value from there."""
    settings = settings_of(known.here)
    for kustomization in cluster.kustomizations:
        for reference in references_of(cluster, kustomization):
            if reference.place != finding.place or f" {reference.name}," not in finding.text:
                continue
            own = same_setting(reference.name, settings)
            if not own or own == reference.name:
                path = kustomization.item.file.path
                return Suggestion({}, f'write it into postBuild.substitute of {path}: {reference.name}: "<its value>"')
            # Its value, and not another variable: Flux fills in each text once.
            edits = substitute_set(cluster, kustomization, reference.name, str(settings[own]))
            return Suggestion(edits, f"{own} of this cluster means the same")
    return None


def substitution_off(known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest the value of the setting of this cluster that means the same as a variable in ks.yaml."""
    settings = settings_of(known.here)
    text = cluster.files[finding.place.path].text
    edits: list[Edit] = []
    names = set()
    for name in sorted({*_variables(finding.text)}):
        if own := same_setting(name, settings):
            names.add(own)
            written, start = f"${{{name}}}", 0
            while (start := text.find(written, start)) >= 0:
                edits.append((start, start + len(written), str(settings[own])))
                start += len(written)
    if not edits:
        return Suggestion({}, "write its value: nothing fills variables of a ks.yaml in here")
    return Suggestion({finding.place.path: edits}, f"{', '.join(sorted(names))} of this cluster means the same")


def _variables(text: str) -> list[str]:
    return [part.partition("}")[0] for part in text.split("${")[1:]]


# --- What Flux has to be told ---


def no_timeout(_known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest the timeout that the root has."""
    return _in_spec(cluster, finding, "timeout")


def no_retry_interval(_known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest the interval that the root has."""
    return _in_spec(cluster, finding, "retryInterval")


def _in_spec(cluster: Cluster, finding: Finding, key: str) -> Suggestion | None:
    kustomization = _kustomization_at(cluster, finding)
    if not kustomization:
        return None
    value = (kustomization.parent.spec.get(key) if kustomization.parent else None) or DEFAULTS[key]
    return Suggestion(_spec_with(cluster, kustomization.item, key, str(value)))


def _spec_with(cluster: Cluster, item: Object, key: str, value: str) -> dict[str, list[Edit]]:
    spec = yaml_edits.inner(mapping_of(cluster, item), "spec")
    if not isinstance(spec, yaml.MappingNode):
        return {}
    return {item.file.path: [*yaml_edits.with_value(cluster.files[item.file.path].text, spec, key, value)]}


def label_unlike_others(_known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest the label, with the name of the Kustomization, as others have it."""
    kustomization = _kustomization_at(cluster, finding)
    name = finding.text.partition(" has no label ")[2].partition(",")[0]
    document = mapping_of(cluster, kustomization.item) if kustomization else None
    if not kustomization or not document or not name.endswith("/name"):
        return None
    path = kustomization.item.file.path
    text = cluster.files[path].text
    spec, value = yaml_edits.inner(document, "spec"), kustomization.name
    metadata = yaml_edits.inner(spec, "commonMetadata")
    labels = yaml_edits.inner(metadata, "labels")
    if isinstance(labels, yaml.MappingNode) and labels.value:
        return Suggestion({path: [*yaml_edits.with_value(text, labels, name, value)]})
    if isinstance(metadata, yaml.MappingNode) and metadata.value and not metadata.flow_style and labels is None:
        return Suggestion({path: [yaml_edits.with_block(metadata, "labels", [f"{name}: {value}"])]})
    if isinstance(spec, yaml.MappingNode) and metadata is None:
        return Suggestion({path: [yaml_edits.with_block(spec, "commonMetadata", ["labels:", f"  {name}: {value}"])]})
    return None


def retries_forever(_known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest a number of retries."""
    for _, item in objects_at(cluster, finding.place):
        for action in ("install", "upgrade"):
            keys: tuple[Any, ...] = ("spec", action, "remediation", "retries")
            if item.is_a("HelmRelease", HELM) and item.at(*keys) == finding.place and item.get(*keys) == -1:
                node = yaml_edits.inner(mapping_of(cluster, item), *keys[:-1])
                if isinstance(node, yaml.MappingNode):
                    text = cluster.files[item.file.path].text
                    return Suggestion({item.file.path: [*yaml_edits.with_value(text, node, "retries", "3")]})
    return None


def _kustomization_at(cluster: Cluster, finding: Finding) -> Kustomization | None:
    items = [item for _, item in objects_at(cluster, finding.place) if item.is_a("Kustomization", FLUX)]
    return next((one for one in cluster.kustomizations if items and one.item.at() == items[0].at()), None)
