"""What Flux fills into manifests after it has built them: the variables of postBuild, `${LIKE_THIS}`."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NamedTuple

from lib.checks.files import File, List, Map, Unreadable
from lib.checks.flux import Cluster, Kustomization
from lib.checks.objects import FLUX, SUBSTITUTE, Object, Place, walk
from lib.checks.rules import Found, Severity, rule
from lib.checks.values import BLOCK

# Flux reads from left to right, so the escape `$$` comes first. What follows the name is an operation, or nothing.
REFERENCE = re.compile(r"\$\$|\$[{]#?(\w+)((?:[-:=+?^,#%/@][^}]*)?)\}")
# They say themselves what stands there when nothing is defined.
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
class Variables:
    """What a Kustomization fills in; `are_known` unless some of it comes from where no file tells."""

    names: set[str] = field(default_factory=set)
    are_known: bool = True


class Source(NamedTuple):
    """An entry of substituteFrom."""

    number: int
    kind: str
    name: str
    is_optional: bool


# --- What is defined ---


def sources_of(one: Kustomization) -> Iterator[Source]:
    """The ConfigMaps and Secrets that a Kustomization takes variables from."""
    for number, entry in enumerate(_entries(one.item.get("spec", "postBuild", "substituteFrom"))):
        if isinstance(entry, dict):
            yield Source(number, str(entry.get("kind")), str(entry.get("name")), entry.get("optional") is True)


def substituted_by(one: Kustomization) -> dict[str, Any]:
    """Its own variables, with those that a patch above adds."""
    found = one.item.get("spec", "postBuild", "substitute")
    return found if isinstance(found, dict) else {}


def variables_of(cluster: Cluster, one: Kustomization) -> Variables:
    """Every variable that a Kustomization fills in."""
    found = Variables(set(map(str, substituted_by(one))))
    for source in sources_of(one):
        item = cluster.find(source.kind, one.item.namespace, source.name)
        keys = keys_of(cluster, item) if item else None
        found.are_known = found.are_known and keys is not None
        found.names |= keys or set()
    return found


def keys_of(cluster: Cluster, item: Object) -> set[str] | None:
    """The keys of a ConfigMap or Secret, encrypted or not; None where no file tells them."""
    entry = item.content.get("generatedBy")
    if isinstance(entry, Map):
        return _generated_keys(cluster, item, entry)
    found = [item.content.get(name) for name in ("data", "stringData")]
    return {str(key) for data in found if isinstance(data, dict) for key in data}


def _generated_keys(cluster: Cluster, item: Object, entry: Map) -> set[str] | None:
    found = {str(literal).partition("=")[0] for literal in _entries(entry.get("literals"))}
    for name in _entries(entry.get("files")):
        key, _, path = str(name).rpartition("=")
        found.add(key or posixpath.basename(path))
    listed = [*_entries(entry.get("envs")), *([entry["env"]] if entry.get("env") else [])]
    for name in listed:
        file = cluster.files.get(posixpath.normpath(f"{item.file.folder}/{name}"))
        if not file or ".sops." in file.name:
            return None
        lines = [line.strip() for line in file.lines]
        found |= {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    return found


def _entries(value: Any) -> List:
    """A list, or an empty one in the place of anything else."""
    if isinstance(value, List):
        return value
    found = List()
    found.line, found.lines = 1, []
    return found


# --- What is used ---


def references_of(cluster: Cluster, one: Kustomization) -> Iterator[Reference]:
    """Every variable in what a Kustomization applies; the same one in one object once."""
    for item in one.objects:
        if item.kind in KEPT_AS_IT_IS or is_left_alone(cluster, item):
            continue
        seen: set[tuple[str, str]] = set()
        for reference in _references_in(cluster, item):
            if (reference.name, reference.operation) not in seen:
                seen.add((reference.name, reference.operation))
                yield reference


def is_left_alone(cluster: Cluster, item: Object) -> bool:
    """Whether an object says that nothing is to be filled in."""
    said: list[Any] = [item.labels, item.annotations]
    content: Any = cluster.content_of(listing) if (listing := cluster.kustomize_file(item.file.folder)) else {}
    said.append(content.get("commonAnnotations"))
    entry = item.content.get("generatedBy")
    if isinstance(entry, Map):
        for options in (content.get("generatorOptions"), entry.get("options")):
            said += [options.get("annotations"), options.get("labels")] if isinstance(options, Map) else []
    return any(isinstance(given, dict) and given.get(SUBSTITUTE) == "disabled" for given in said)


def _references_in(cluster: Cluster, item: Object) -> Iterator[Reference]:
    entry = item.content.get("generatedBy")
    if isinstance(entry, Map):
        yield from _references_in_generated(cluster, item, entry)
        return
    for keys, value in walk(item.content):
        for text in ([keys[-1]] if keys else []) + [value]:
            if isinstance(text, str) and "${" in text:
                # What a release takes from a ConfigMap is filled in there.
                for match in REFERENCE.finditer(text) if item.is_own(*keys) else ():
                    if match[1]:
                        yield Reference(match[1], match[2], item, keys, _place(item, keys, text, match))


def _references_in_generated(cluster: Cluster, item: Object, entry: Map) -> Iterator[Reference]:
    """In the files that a generator reads, and in the values that it holds itself."""
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


def files_read_by(cluster: Cluster, item: Object, entry: Map) -> Iterator[File]:
    """The files that an entry of a generator names; those of SOPS are decrypted first, so their text says nothing."""
    for key in ("files", "envs"):
        for name in _entries(entry.get(key)):
            path = posixpath.normpath(f"{item.file.folder}/{str(name).rpartition('=')[2]}")
            if path in cluster.files and ".sops." not in path:
                yield cluster.files[path]


def _place(item: Object, keys: tuple[str | int, ...], text: str, match: re.Match[str]) -> Place:
    """The line of a reference, also within a text of many lines. A patch's text stands in another file."""
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
def substitution_undefined(cluster: Cluster) -> Found:
    """Variables that the Kustomization which applies the object does not define."""
    for one in cluster.kustomizations:
        variables = variables_of(cluster, one)
        # Flux reads no manifest for variables when there are none.
        if not variables.are_known or not variables.names:
            continue
        for reference in references_of(cluster, one):
            if reference.name not in variables.names and not reference.operation.startswith(WITH_DEFAULT):
                yield reference.place, _says(reference, one, variables.names)


def _says(reference: Reference, one: Kustomization, known: set[str]) -> str:
    """One sentence, with what was probably meant."""
    name = reference.name
    text = f"{one} defines no {name}, and leaves nothing of it in {reference.item.kind} {reference.item.name}"
    near = get_close_matches(name, sorted(known), 1)
    if near and name.isupper():
        return f"{text}: did you mean {near[0]}?"
    is_script = reference.item.kind == "ConfigMap" or not SCRIPTS.isdisjoint(reference.keys)
    return f"{text}: write $${{{name}}} if a program is to read it" if is_script or not name.isupper() else text


@rule(
    "substitution-source-missing",
    Severity.ERROR,
    "A Kustomization that takes variables from what is not there is never applied.",
    "Write the name of a ConfigMap or Secret in its namespace, or set optional: true.",
)
def substitution_source_missing(cluster: Cluster) -> Found:
    """Entries of substituteFrom that nothing in the repository makes, or even names elsewhere."""
    made = {(item.kind, item.namespace, item.name) for item in cluster.applied}
    for one in cluster.kustomizations:
        for source in sources_of(one):
            if source.is_optional or (source.kind, one.item.namespace, source.name) in made or "$" in source.name:
                continue
            elsewhere = [space for kind, space, name in made if (kind, name) == (source.kind, source.name)]
            if not elsewhere and _is_named(cluster, source.name):
                continue
            text = f"{one} takes variables from {source.kind} {one.item.namespace}/{source.name}, which "
            text += f"is in {elsewhere[0] or 'default'}" if elsewhere else "nobody makes"
            yield one.item.at("spec", "postBuild", "substituteFrom", source.number), text


def _is_named(cluster: Cluster, name: str) -> bool:
    """Whether a file names it that does not itself take variables from it: a script, an ExternalSecret."""
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
def substitution_unused(cluster: Cluster) -> Found:
    """A Kustomization's own variables; those that it shares with others are not meant."""
    for one in cluster.kustomizations:
        original = cluster.as_written(one.item)
        own = original.get("spec", "postBuild", "substitute")
        if not isinstance(own, dict) or not one.objects:
            continue
        texts = list(_texts_of(cluster, one))
        for name in own:
            pattern = re.compile(rf"\$[{{]#?{re.escape(str(name))}(?!\w)")
            if not any(pattern.search(text) for text in texts):
                yield original.at("spec", "postBuild", "substitute", name), f"nothing that {one} applies uses {name}"


def _texts_of(cluster: Cluster, one: Kustomization) -> Iterator[str]:
    """Every text in which a Kustomization could fill something in, patches that no object shows among them."""
    for item in one.objects:
        entry = item.content.get("generatedBy")
        for file in files_read_by(cluster, item, entry) if isinstance(entry, Map) else []:
            yield file.text
        yield from _texts_in(item.content)
    yield from _texts_in(one.spec.get("patches"))
    folders = set(_folders_of(cluster, one.folder))
    for component in _entries(one.spec.get("components")):
        folders |= set(_folders_of(cluster, posixpath.normpath(f"{one.folder}/{component}")))
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
    """A folder that is built, and those that it brings in."""
    if folder in above:
        return
    yield "" if folder == "." else folder
    file = cluster.kustomize_file(folder)
    content: Any = cluster.content_of(file) if file else {}
    for key in ("resources", "components"):
        for entry in _entries(content.get(key)):
            place = posixpath.normpath(f"{folder}/{entry}")
            if place in cluster.folders:
                yield from _folders_of(cluster, place, above | {folder})


@rule(
    "substitution-off",
    Severity.ERROR,
    "Without postBuild a Kustomization fills nothing in: the variable itself ends up in the cluster.",
    "Give the Kustomization the postBuild of the others.",
)
def substitution_off(cluster: Cluster) -> Found:
    """Variables that other Kustomizations define, in one that has no postBuild at all."""
    known: set[str] = set()
    for one in cluster.kustomizations:
        known |= variables_of(cluster, one).names
    for one in cluster.kustomizations:
        if one.spec.get("postBuild"):
            continue
        for reference in references_of(cluster, one):
            if reference.name in known and reference.name.isupper() and not _is_for_another(reference):
                item = reference.item
                yield reference.place, f"{one} has no postBuild, so {item.kind} {item.name} keeps ${{{reference.name}}}"


def _is_for_another(reference: Reference) -> bool:
    """Whether somebody else fills it in: the Kustomization that it stands in, or a program that has it by itself."""
    item, name = reference.item, reference.name
    if item.is_a("Kustomization", FLUX):
        return reference.keys[:2] == ("spec", "patches")
    return any(
        (keys and keys[-1] == "name" and value == name)
        or (len(keys) > 1 and keys[-1] == name and keys[-2] == "env")
        or (isinstance(value, str) and re.search(rf"(?<!\w){name}=", value))
        for keys, value in walk(item.content)
    )
