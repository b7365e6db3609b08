"""The variables that the root of another repository gave an app, written into its ks.yaml with their values there."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import yaml

from talos_flux import envsubst
from talos_flux.check.rules.substitution import references_of
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import walk
from talos_flux.manifests.post_build import is_left_alone, substituted_by, variables_in
from talos_flux.repository import yaml_edits
from talos_flux.repository.yaml_edits import Edit

# What the names of other repositories have in common, and the setting here that means the same.
MEANINGS = (("DOMAIN", "DOMAIN"), ("TIMEZONE", "TIMEZONE"), ("TIME_ZONE", "TIMEZONE"), ("CLUSTER_NAME", "CLUSTER_NAME"))
PLAIN = re.compile(r"[A-Za-z/][\w./-]*")


class WrittenVariable(NamedTuple):
    """A variable whose value now stands in a file; without one, it is nowhere in the other repository's files."""

    name: str
    value: str | None
    giver: str


def same_setting(name: str, settings: Mapping[str, str | None]) -> str:
    """Return the setting of this cluster that means what a variable of another repository means; empty for none."""
    if name in settings:
        return name
    return next((own for part, own in MEANINGS if part in name and own in settings), "")


def settings_of(cluster: Cluster) -> Mapping[str, str | None]:
    """Return what the root of this cluster gives every app."""
    item = cluster.find("ConfigMap", "flux-system", "cluster-settings")
    data = item.content.get("data") if item else None
    return {str(key): str(value) for key, value in data.items()} if isinstance(data, dict) else {}


# --- In ks.yaml itself ---


def filled_above(old: Cluster, kustomization: Kustomization) -> list[WrittenVariable]:
    """Return the variables in a ks.yaml that the Kustomization above filled in; a Secret's values are not known."""
    parent = kustomization.parent
    if not parent or is_left_alone(old, kustomization.item):
        return []
    values, are_all = variables_in(old).of(parent)
    written = old.as_written(kustomization.item)
    texts = (value for _, value in walk(written.content) if isinstance(value, str))
    names = dict.fromkeys(name for text in texts for name in variable_names(text))
    return [WrittenVariable(name, values.get(name), parent.name) for name in names if name in values or not are_all]


def variable_names(text: str) -> list[str]:
    """Return the names of the variables in a text; none where Flux can't parse it."""
    try:
        return [variable.name for variable in envsubst.variables(text)]
    except envsubst.MalformedVariable:
        return []


def with_values(text: str, number: int, old: Cluster, kustomization: Kustomization) -> str:
    """Return the text in which one Kustomization says what Flux made of its variables there."""
    filled = filled_above(old, kustomization)
    if not filled or not kustomization.parent:
        return text
    variables = variables_in(old).of(kustomization.parent)
    node = yaml_edits.documents(text)[number]
    edits: list[Edit] = []
    for start, end in _scalars(node):
        raw = text[start:end]
        new = envsubst.substitute(raw, variables.values, are_all=variables.are_all) if "${" in raw else raw
        if new != raw:
            edits.append((start, end, new))
    changed = yaml_edits.edited(text, sorted(set(edits)))
    try:
        yaml_edits.documents(changed)
    except yaml.YAMLError:
        return text
    return changed


def _scalars(node: yaml.Node) -> Iterator[tuple[int, int]]:
    if isinstance(node, yaml.ScalarNode):
        yield node.start_mark.index, node.end_mark.index
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(key)
            yield from _scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _scalars(value)


# --- In what it applies ---


def given_above(
    old: Cluster, kustomization: Kustomization, settings: Mapping[str, str | None]
) -> list[WrittenVariable]:
    """Return the variables that an app uses and that patches above, or ConfigMaps and Secrets, gave it there.

    Not those that it has itself, nor those of the settings of this cluster, which have the values of here.
    """
    own = set(substituted_by(Kustomization(old.as_written(kustomization.item))))
    values, are_all = variables_in(old).of(kustomization)
    references = list(references_of(old, kustomization)) if values or not are_all else []
    used = dict.fromkeys(
        reference.name
        for reference in references
        if reference.name in values or not (are_all or reference.has_default or reference.malformed)
    )
    giver = kustomization.parent.name if kustomization.parent else ""
    return [WrittenVariable(name, values.get(name), giver) for name in used if name not in own and name not in settings]


def with_variables(text: str, number: int, variables: list[WrittenVariable]) -> str:
    """Return the text in which one Kustomization substitutes these variables, beside its own."""
    given = {variable.name: variable.value for variable in variables if variable.value is not None}
    return with_substitute(text, number, given)


def with_substitute(text: str, number: int, given: Mapping[str, str]) -> str:
    """Return the text in which one Kustomization has these values in postBuild.substitute."""
    if not given:
        return text
    node = yaml_edits.documents(text)[number]
    spec, build = yaml_edits.inner(node, "spec"), yaml_edits.inner(node, "spec", "postBuild")
    own = yaml_edits.inner(node, "spec", "postBuild", "substitute")
    if isinstance(own, yaml.MappingNode) and own.value:
        for name, value in reversed(list(given.items())):
            # One after the other: each comes first.
            mapping = yaml_edits.inner(yaml_edits.documents(text)[number], "spec", "postBuild", "substitute")
            assert isinstance(mapping, yaml.MappingNode)
            text = yaml_edits.edited(text, [*yaml_edits.with_value(text, mapping, name, scalar(value))])
        return text
    assert isinstance(spec, yaml.MappingNode)
    lines = [f"{name}: {scalar(value)}" for name, value in given.items()]
    if isinstance(build, yaml.MappingNode) and build.value and build.flow_style:
        flow = ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in given.items())
        return yaml_edits.edited(text, [*yaml_edits.with_value(text, build, "substitute", f"{{{flow}}}")])
    if isinstance(build, yaml.MappingNode) and build.value and not own:
        return yaml_edits.edited(text, [yaml_edits.with_block(build, "substitute", lines)])
    if build:
        text = yaml_edits.edited(text, [*yaml_edits.without_key(text, spec, "postBuild")])
        spec = yaml_edits.inner(yaml_edits.documents(text)[number], "spec")
        assert isinstance(spec, yaml.MappingNode)
    block = ["substitute:", *(f"  {line}" for line in lines)]
    return yaml_edits.edited(text, [yaml_edits.with_block(spec, "postBuild", block)])


def scalar(value: str) -> str:
    """Return a text as YAML that reads as this text."""
    if PLAIN.fullmatch(value) and yaml.safe_load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)
