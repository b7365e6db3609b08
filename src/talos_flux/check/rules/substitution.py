"""Rules about the variables that Flux substitutes after the build, as postBuild defines them: `${LIKE_THIS}`."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.errors import closest
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import FLUX, SUBSTITUTE, Object, Place, walk
from talos_flux.manifests.values import BLOCK
from talos_flux.repository.files import List, Map, RepositoryFile, Unreadable

# Flux reads from left to right, so the escape `$$` comes first. What follows the name is an operation, or nothing.
REFERENCE = re.compile(r"\$\$|\$[{]#?(\w+)((?:[-:=+?^,#%/@][^}]*)?)\}")
# With these operators nothing needs to be defined.
WITH_DEFAULT = ("-", ":-", "=", ":=", "+", ":+")
KEPT_AS_IT_IS = {"CustomResourceDefinition"}
SCRIPTS = {"args", "command"}


class Reference(NamedTuple):
    """A variable in an applied object, or in a file that a generator reads."""

    name: str
    operation: str
    item: Object
    keys: tuple[str | int, ...]
    place: Place


@dataclass
class SubstitutedVariables:
    """What a Kustomization substitutes; `are_known` unless some of it comes from where no file tells."""

    names: set[str] = field(default_factory=set)
    are_known: bool = True


class SubstituteFrom(NamedTuple):
    """An entry of substituteFrom."""

    number: int
    kind: str
    name: str
    is_optional: bool


# --- What is defined ---


def sources_of(kustomization: Kustomization) -> Iterator[SubstituteFrom]:
    """Yield the ConfigMaps and Secrets that a Kustomization takes variables from."""
    for number, entry in enumerate(_entries(kustomization.item.get("spec", "postBuild", "substituteFrom"))):
        if isinstance(entry, dict):
            yield SubstituteFrom(number, str(entry.get("kind")), str(entry.get("name")), entry.get("optional") is True)


def substituted_by(kustomization: Kustomization) -> dict[str, Any]:
    """Return a Kustomization's own variables, with those that a patch above adds."""
    substitute = kustomization.item.get("spec", "postBuild", "substitute")
    return substitute if isinstance(substitute, dict) else {}


def variables_of(cluster: Cluster, kustomization: Kustomization) -> SubstitutedVariables:
    """Return every variable that a Kustomization substitutes."""
    variables = SubstitutedVariables(set(map(str, substituted_by(kustomization))))
    for source in sources_of(kustomization):
        item = cluster.find(source.kind, kustomization.item.namespace, source.name)
        keys = keys_of(cluster, item) if item else None
        variables.are_known = variables.are_known and keys is not None
        variables.names |= keys or set()
    return variables


def keys_of(cluster: Cluster, item: Object) -> set[str] | None:
    """Return the keys of a ConfigMap or Secret, encrypted or not; None where no file tells them."""
    entry = item.content.get("generatedBy")
    if isinstance(entry, Map):
        return _generated_keys(cluster, item, entry)
    parts = [item.content.get(name) for name in ("data", "stringData")]
    return {str(key) for data in parts if isinstance(data, dict) for key in data}


def _generated_keys(cluster: Cluster, item: Object, entry: Map) -> set[str] | None:
    keys = {str(literal).partition("=")[0] for literal in _entries(entry.get("literals"))}
    for name in _entries(entry.get("files")):
        key, _, path = str(name).rpartition("=")
        keys.add(key or posixpath.basename(path))
    listed = [*_entries(entry.get("envs")), *([entry["env"]] if entry.get("env") else [])]
    for name in listed:
        file = cluster.files.get(posixpath.normpath(f"{item.file.folder}/{name}"))
        if not file or ".sops." in file.name:
            return None
        lines = [line.strip() for line in file.lines]
        keys |= {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    return keys


def _entries(value: Any) -> List:
    """Return a list; an empty one in the place of anything else."""
    if isinstance(value, List):
        return value
    empty = List()
    empty.line, empty.lines = 1, []
    return empty


# --- What is used ---


def references_of(cluster: Cluster, kustomization: Kustomization) -> Iterator[Reference]:
    """Yield every variable in what a Kustomization applies; the same one in one object once."""
    for item in kustomization.objects:
        if item.kind in KEPT_AS_IT_IS or is_left_alone(cluster, item):
            continue
        seen: set[tuple[str, str]] = set()
        for reference in _references_in(cluster, item):
            if (reference.name, reference.operation) not in seen:
                seen.add((reference.name, reference.operation))
                yield reference


def is_left_alone(cluster: Cluster, item: Object) -> bool:
    """Return whether substitution is disabled for an object."""
    metadata: list[Any] = [item.labels, item.annotations]
    content: Any = cluster.content_of(listing) if (listing := cluster.kustomize_file(item.file.folder)) else {}
    metadata.append(content.get("commonAnnotations"))
    entry = item.content.get("generatedBy")
    if isinstance(entry, Map):
        for options in (content.get("generatorOptions"), entry.get("options")):
            metadata += [options.get("annotations"), options.get("labels")] if isinstance(options, Map) else []
    return any(isinstance(given, dict) and given.get(SUBSTITUTE) == "disabled" for given in metadata)


def _references_in(cluster: Cluster, item: Object) -> Iterator[Reference]:
    entry = item.content.get("generatedBy")
    if isinstance(entry, Map):
        yield from _references_in_generated(cluster, item, entry)
        return
    for keys, value in walk(item.content):
        for text in ([keys[-1]] if keys else []) + [value]:
            if isinstance(text, str) and "${" in text:
                # Values from a ConfigMap are substituted in that ConfigMap.
                for match in REFERENCE.finditer(text) if item.is_own(*keys) else ():
                    if match[1]:
                        yield Reference(match[1], match[2], item, keys, _place(item, keys, text, match))


def _references_in_generated(cluster: Cluster, item: Object, entry: Map) -> Iterator[Reference]:
    """Yield the variables in the files that a generator reads, and in the values that it holds itself."""
    literals = _entries(entry.get("literals"))
    for number, literal in enumerate(literals):
        for match in REFERENCE.finditer(str(literal)):
            if match[1]:
                yield Reference(match[1], match[2], item, (), Place(item.file.path, literals.lines[number]))
    for file in files_read_by(cluster, item, entry):
        for number, line in enumerate(file.lines, 1):
            for match in REFERENCE.finditer(line):
                if match[1]:
                    yield Reference(match[1], match[2], item, (), Place(file.path, number))


def files_read_by(cluster: Cluster, item: Object, entry: Map) -> Iterator[RepositoryFile]:
    """Yield the files that an entry of a generator names, without those of SOPS, which are decrypted first."""
    for key in ("files", "envs"):
        for name in _entries(entry.get(key)):
            path = posixpath.normpath(f"{item.file.folder}/{str(name).rpartition('=')[2]}")
            if path in cluster.files and ".sops." not in path:
                yield cluster.files[path]


def _place(item: Object, keys: tuple[str | int, ...], text: str, match: re.Match[str]) -> Place:
    """Return the line of a reference, also within a text of many lines. A patch's text stands in another file."""
    place = item.at(*keys)
    lines = item.file.lines
    is_block = place.line <= len(lines) and BLOCK.search(lines[place.line - 1])
    start = place.line + text.count("\n", 0, match.start()) + bool(is_block)
    for number in range(start, min(start + text.count("\n") + 1, len(lines)) + 1):
        if match[0] in lines[number - 1]:
            return Place(place.path, number)
    return place


# --- Rules ---


@rule(
    "substitution-undefined",
    Severity.ERROR,
    "Flux puts nothing where a variable stands that is not defined, or stops.",
    "Define the variable, or write $${...} where a program is to read it.",
)
def substitution_undefined(cluster: Cluster) -> Violations:
    """Find variables that the Kustomization which applies the object does not define."""
    for kustomization in cluster.kustomizations:
        variables = variables_of(cluster, kustomization)
        # Flux does not substitute at all when there are no variables.
        if not variables.are_known or not variables.names:
            continue
        for reference in references_of(cluster, kustomization):
            if reference.name not in variables.names and not reference.operation.startswith(WITH_DEFAULT):
                yield reference.place, _message(reference, kustomization, variables.names)


def _message(reference: Reference, kustomization: Kustomization, known: set[str]) -> str:
    """Return one sentence, with what was probably meant."""
    name = reference.name
    text = f"{kustomization} defines no {name}, and leaves nothing of it in {reference.item.kind} {reference.item.name}"
    near = closest(name, sorted(known))
    if near and name.isupper():
        return f"{text}: did you mean {near}?"
    is_script = reference.item.kind == "ConfigMap" or not SCRIPTS.isdisjoint(reference.keys)
    return f"{text}: write $${{{name}}} if a program is to read it" if is_script or not name.isupper() else text


@rule(
    "substitution-source-missing",
    Severity.ERROR,
    "A Kustomization that takes variables from what is not there is never applied.",
    "Write the name of a ConfigMap or Secret in its namespace, or set optional: true.",
)
def substitution_source_missing(cluster: Cluster) -> Violations:
    """Find entries of substituteFrom that nothing in the repository makes, or even names elsewhere."""
    made = {(item.kind, item.namespace, item.name) for item in cluster.applied}
    for kustomization in cluster.kustomizations:
        for source in sources_of(kustomization):
            if (
                source.is_optional
                or (source.kind, kustomization.item.namespace, source.name) in made
                or "$" in source.name
            ):
                continue
            elsewhere = [space for kind, space, name in made if (kind, name) == (source.kind, source.name)]
            if not elsewhere and _is_named(cluster, source.name):
                continue
            text = f"{kustomization} takes variables from "
            text += f"{source.kind} {kustomization.item.namespace}/{source.name}, which "
            text += f"is in {elsewhere[0] or 'default'}" if elsewhere else "nobody makes"
            yield kustomization.item.at("spec", "postBuild", "substituteFrom", source.number), text


def _is_named(cluster: Cluster, name: str) -> bool:
    """Return whether a file names it that does not itself take variables from it: a script, an ExternalSecret."""
    pattern = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")
    return any(
        name in file.text and "substituteFrom" not in file.text and pattern.search(file.text)
        for file in cluster.files.values()
    )


@rule(
    "substitution-unused",
    Severity.WARNING,
    "A variable that nothing uses looks as if it did something.",
    "Remove it, or use it.",
)
def substitution_unused(cluster: Cluster) -> Violations:
    """Find a Kustomization's own variables that nothing uses; those that it shares with others are not judged."""
    for kustomization in cluster.kustomizations:
        original = cluster.as_written(kustomization.item)
        own = original.get("spec", "postBuild", "substitute")
        if not isinstance(own, dict) or not kustomization.objects:
            continue
        texts = list(_texts_of(cluster, kustomization))
        for name in own:
            pattern = re.compile(rf"\$[{{]#?{re.escape(str(name))}(?!\w)")
            if not any(pattern.search(text) for text in texts):
                yield (
                    original.at("spec", "postBuild", "substitute", name),
                    f"nothing that {kustomization} applies uses {name}",
                )


def _texts_of(cluster: Cluster, kustomization: Kustomization) -> Iterator[str]:
    """Yield every text in which a Kustomization could substitute, patches that no object shows among them."""
    for item in kustomization.objects:
        entry = item.content.get("generatedBy")
        for file in files_read_by(cluster, item, entry) if isinstance(entry, Map) else []:
            yield file.text
        yield from _texts_in(item.content)
    yield from _texts_in(kustomization.spec.get("patches"))
    folders = set(_folders_of(cluster, kustomization.folder))
    for component in _entries(kustomization.spec.get("components")):
        folders |= set(_folders_of(cluster, posixpath.normpath(f"{kustomization.folder}/{component}")))
    for file in cluster.files.values():
        if file.folder in folders and file.is_yaml:
            try:
                yield from _texts_in(file.documents)
            except Unreadable:
                yield file.text


def _texts_in(value: Any) -> Iterator[str]:
    for keys, inner in walk(value):
        yield from (text for text in (keys[-1] if keys else None, inner) if isinstance(text, str) and "$" in text)


def _folders_of(cluster: Cluster, folder: str, above: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield a folder that is built, and those that it brings in."""
    if folder in above:
        return
    yield "" if folder == "." else folder
    file = cluster.kustomize_file(folder)
    content: Any = cluster.content_of(file) if file else {}
    for key in ("resources", "components"):
        for entry in _entries(content.get(key)):
            path = posixpath.normpath(f"{folder}/{entry}")
            if path in cluster.folders:
                yield from _folders_of(cluster, path, above | {folder})


@rule(
    "substitution-off",
    Severity.ERROR,
    "Without postBuild a Kustomization fills nothing in: the variable itself ends up in the cluster.",
    "Give the Kustomization the postBuild of the others.",
)
def substitution_off(cluster: Cluster) -> Violations:
    """Find variables that other Kustomizations define, in one that has no postBuild at all."""
    known: set[str] = set()
    for kustomization in cluster.kustomizations:
        known |= variables_of(cluster, kustomization).names
    for kustomization in cluster.kustomizations:
        if kustomization.spec.get("postBuild"):
            continue
        for reference in references_of(cluster, kustomization):
            if reference.name in known and reference.name.isupper() and not _is_for_another(reference):
                item = reference.item
                yield (
                    reference.place,
                    f"{kustomization} has no postBuild, so {item.kind} {item.name} keeps ${{{reference.name}}}",
                )


def _is_for_another(reference: Reference) -> bool:
    """Return whether something else substitutes it: the Kustomization that it stands in, or a program.

    A program does where the object itself defines a variable of that name for it.
    """
    item, name = reference.item, reference.name
    if item.is_a("Kustomization", FLUX):
        return reference.keys[:2] == ("spec", "patches")
    return any(
        (keys and keys[-1] == "name" and value == name)
        or (len(keys) > 1 and keys[-1] == name and keys[-2] == "env")
        or (isinstance(value, str) and re.search(rf"(?<!\w){name}=", value))
        for keys, value in walk(item.content)
    )
