"""Rules about the variables that Flux substitutes after the build, as postBuild defines them: `${LIKE_THIS}`."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from talos_flux import envsubst
from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.errors import closest
from talos_flux.manifests.admission import changers
from talos_flux.manifests.filled_in import QUOTES, filled_in
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.makers import made_in
from talos_flux.manifests.objects import FLUX, Object, Place, walk
from talos_flux.manifests.post_build import (
    VariableSet,
    entries,
    files_read_by,
    is_filled_in,
    sources_of,
    texts_by_kustomization,
    variables_in,
)
from talos_flux.manifests.reference_table import OfKind
from talos_flux.manifests.values import BLOCK
from talos_flux.repository.apps import HOST_KEYS
from talos_flux.repository.files import Map, RepositoryFile, Unreadable

SCRIPTS = {"args", "command"}
# Below these a program may read a text; below the others an operator or a chart does.
PROGRAMS = {"args", "command", "data", "stringData", "binaryData", "env", "annotations", "config", "configMaps"}
OF_OTHERS = {"values", "valuesFrom", "patches", "postRenderers", "eventMetadata", "summary"}
# What a person sees of a variable: up to its brace, or as much as one reads.
WRITTEN = re.compile(r"\$\{(?:[^}\n]{0,40}\}|[^}\n]{0,20})")


class Reference(NamedTuple):
    """A variable in an applied object, or in a file that a generator reads.

    `malformed` is why Flux can't parse it; nothing is known of it then but its text. It `is_commented_out` in a line
    that is a comment for whoever reads the text.
    """

    name: str
    text: str
    has_default: bool
    item: Object
    keys: tuple[str | int, ...]
    place: Place
    malformed: str = ""
    operation: str = ""
    is_commented_out: bool = False


# --- What is used ---


@lru_cache(maxsize=4)
def substituted_references(cluster: Cluster) -> list[tuple[Kustomization, VariableSet, Reference]]:
    """Return every variable that Flux would substitute, with those that its Kustomization has; read once for all rules.

    Flux does not substitute at all where there are no variables.
    """
    with_variables = (
        (kustomization, variables)
        for kustomization in cluster.kustomizations
        if (variables := variables_in(cluster).of(kustomization)).values or not variables.are_all
    )
    return [
        (kustomization, variables, reference)
        for kustomization, variables in with_variables
        for reference in references_of(cluster, kustomization)
    ]


def references_of(cluster: Cluster, kustomization: Kustomization) -> Iterator[Reference]:
    """Yield every variable in what a Kustomization applies; the same one in one object once."""
    seen: set[tuple[int, str]] = set()
    for reference in _every_reference(cluster, kustomization):
        if (key := (id(reference.item), reference.text)) not in seen:
            seen.add(key)
            yield reference


def _every_reference(cluster: Cluster, kustomization: Kustomization) -> Iterator[Reference]:
    for item in kustomization.objects:
        entry = item.content.get("generatedBy")
        if isinstance(entry, Map) and is_filled_in(cluster, item):
            yield from _references_in_generated(cluster, item, entry)
    for item, keys, text, _ in texts_by_kustomization(cluster)[kustomization]:
        yield from _references_in_text(text, item, keys)


def _references_in_generated(cluster: Cluster, item: Object, entry: Map) -> Iterator[Reference]:
    """Yield the variables in the files that a generator reads, and in the values that it holds itself."""
    literals = entries(entry.get("literals"))
    for number, literal in enumerate(literals):
        place = Place(item.file.path, literals.lines[number])
        for reference in _references_in_text(str(literal), item, ()):
            yield reference._replace(place=place)
    for file in files_read_by(cluster, item, entry):
        yield from _references_in_text(file.text, item, (), file)


def _references_in_text(
    text: str, item: Object, keys: tuple[str | int, ...], file: RepositoryFile | None = None
) -> Iterator[Reference]:
    """Yield the variables of a text, which is a value of an object, or all of a file."""

    def place(start: int, written: str) -> Place:
        line = text.count("\n", 0, start)
        return Place(file.path, line + 1) if file else _place(item, keys, text, line, written)

    try:
        for variable in envsubst.variables(text):
            written = text[variable.start : variable.end]
            where = place(variable.start, written)
            is_comment = text[text.rfind("\n", 0, variable.start) + 1 : variable.start].lstrip().startswith("#")
            yield Reference(
                variable.name, written, variable.has_default, item, keys, where, "", variable.operation, is_comment
            )
    except envsubst.MalformedVariable as error:
        shown = WRITTEN.match(text, error.start)
        written = shown[0] if shown else ""
        yield Reference("", written, False, item, keys, place(error.start, written), str(error))


def _place(item: Object, keys: tuple[str | int, ...], text: str, line: int, written: str) -> Place:
    """Return the line of a reference, also within a text of many lines. A patch's text stands in another file."""
    place = item.at(*keys)
    lines = item.file.lines
    is_block = place.line <= len(lines) and BLOCK.search(lines[place.line - 1])
    start = place.line + line + bool(is_block)
    first_line = written.partition("\n")[0]
    for number in range(start, min(start + text.count("\n") + 1, len(lines)) + 1):
        if first_line in lines[number - 1]:
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
    _doubt(cluster)
    for kustomization, (values, are_all), reference in substituted_references(cluster):
        is_open = are_all and reference.name not in values and not reference.has_default and not reference.malformed
        # A namespace that kustomize writes over is not there any more when Flux fills in.
        is_gone = reference.keys == ("metadata", "namespace") and reference.item.namespace != reference.item.declared
        if is_open and not is_gone and not reference.is_commented_out:
            yield reference.place, _message(reference, kustomization, values), reference.name


@rule(
    "substitution-unlike-shell",
    Severity.WARNING,
    "Flux reads :? and :+ like :-, as a default: neither stops, nor depends on a variable that is set.",
    "Write :- for a default; to insist on a variable, write it alone, which the checks and a strict Flux refuse.",
)
def substitution_unlike_shell(cluster: Cluster) -> Violations:
    """Find `:?` of a variable without a value, and any `:+`, by which a shell does something else than Flux."""
    for kustomization, (values, are_all), reference in substituted_references(cluster):
        name, operation = reference.name, reference.operation
        if operation == ":+" or (operation == ":?" and are_all and name not in values):
            default = reference.text.partition(operation)[2].removesuffix("}")
            given = f"the value of {name}" if name in values else default or "nothing"
            yield reference.place, f"{kustomization} makes {given} of {reference.text}, unlike a shell"


@rule(
    "substitution-malformed",
    Severity.ERROR,
    "Flux can't parse everything that a shell can, and applies nothing of an object that holds such a variable.",
    "Write $${...} where a program is to read it.",
)
def substitution_malformed(cluster: Cluster) -> Violations:
    """Find what begins like a variable and is none in Flux's grammar."""
    for kustomization, _, reference in substituted_references(cluster):
        if reference.malformed:
            item, written = reference.item, reference.text
            yield (
                reference.place,
                f"{kustomization} can't substitute {written} in {item.kind} {item.name}"
                f" ({reference.malformed}): write ${written}",
            )


@rule(
    "substitution-breaks-yaml",
    Severity.ERROR,
    "Flux reads what it has filled in as YAML, in which a value can end a text or begin a list, and applies nothing.",
    QUOTES,
)
def substitution_breaks_yaml(cluster: Cluster) -> Violations:
    """Find values after which an object can't be read any more."""
    for kustomization, texts in texts_by_kustomization(cluster).items():
        variables = variables_in(cluster).of(kustomization)
        for item, keys, text, is_key in texts if variables.values else ():
            filled = None if is_key else filled_in(text, variables)
            if filled and filled.problem:
                what = f"{filled.text} of {text} in {item.kind} {item.name}"
                yield item.at(*keys), f"{kustomization} makes {what}, which is no YAML: {filled.problem}"


def _message(reference: Reference, kustomization: Kustomization, known: Iterable[str]) -> str:
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
            target = OfKind(source.kind)
            if (elsewhere and made_in(cluster).is_copied(target, source.name)) or (
                not elsewhere and _is_named(cluster, source.name)
            ):
                continue
            text = f"{kustomization} takes variables from "
            text += f"{source.kind} {kustomization.item.namespace}/{source.name}, which "
            text += f"is in {elsewhere[0] or 'default'}" if elsewhere else "nobody makes"
            cause = f"{source.kind} {source.name}"
            yield kustomization.item.at("spec", "postBuild", "substituteFrom", source.number), text, cause


def _is_named(cluster: Cluster, name: str) -> bool:
    """Return whether a file names it that does not itself take variables from it: a script, an ExternalSecret."""
    pattern = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")
    return any(
        name in file.text and "substituteFrom" not in file.text and pattern.search(file.text)
        for file in cluster.files.values()
    )


@rule(
    "substitution-unused",
    Severity.HINT,
    "A variable that nothing uses looks as if it did something.",
    "Remove it, or use it.",
)
def substitution_unused(cluster: Cluster) -> Violations:
    """Find a Kustomization's own variables that nothing uses; those that it shares with others are not judged."""
    for kustomization in cluster.kustomizations:
        original = cluster.as_written(kustomization.item)
        for name in _unused(cluster, kustomization):
            yield (
                original.at("spec", "postBuild", "substitute", name),
                f"nothing that {kustomization} applies uses {name}",
            )


@lru_cache(maxsize=512)
def _unused(cluster: Cluster, kustomization: Kustomization) -> tuple[str, ...]:
    """Return the names of a Kustomization's own variables that nothing which it applies uses."""
    own = cluster.as_written(kustomization.item).get("spec", "postBuild", "substitute")
    if not isinstance(own, dict) or not kustomization.objects:
        return ()
    texts = list(_texts_of(cluster, kustomization))
    patterns = {str(name): re.compile(rf"\$[{{]#?{re.escape(str(name))}(?!\w)") for name in own}
    return tuple(name for name, pattern in patterns.items() if not any(pattern.search(text) for text in texts))


def _texts_of(cluster: Cluster, kustomization: Kustomization) -> Iterator[str]:
    """Yield every text in which a Kustomization could substitute, patches that no object shows among them."""
    for item in kustomization.objects:
        entry = item.content.get("generatedBy")
        for file in files_read_by(cluster, item, entry) if isinstance(entry, Map) else []:
            yield file.text
        yield from _texts_in(item.content)
    yield from _texts_in(kustomization.spec.get("patches"))
    folders = set(cluster.folders_built(kustomization))
    for file in cluster.files.values():
        if file.folder in folders and file.is_yaml:
            try:
                yield from _texts_in(file.documents)
            except Unreadable:
                yield file.text


def _texts_in(value: Any) -> Iterator[str]:
    for keys, inner in walk(value):
        yield from (text for text in (keys[-1] if keys else None, inner) if isinstance(text, str) and "$" in text)


@rule(
    "substitution-off",
    Severity.ERROR,
    "Without postBuild a Kustomization fills nothing in: the variable itself ends up in the cluster.",
    "Give the Kustomization the postBuild of the others.",
)
def substitution_off(cluster: Cluster) -> Violations:
    """Find variables in what a Kustomization without any applies.

    Those that others define, and any where no program would read it: in hosts, names, and what Flux reads itself.
    """
    _doubt(cluster)
    known: set[str] = set()
    for kustomization in cluster.kustomizations:
        known |= variables_in(cluster).of(kustomization).values.keys()
    for kustomization in cluster.kustomizations:
        values, are_all = variables_in(cluster).of(kustomization)
        if values or not are_all:
            continue
        for reference in references_of(cluster, kustomization):
            name, item = reference.name, reference.item
            if not name.isupper() or reference.is_commented_out or _is_for_another(reference):
                continue
            if _is_of_no_use(cluster, reference):
                continue
            # The API server demands an interval: one without has it, and maybe more, from what the files don't show.
            is_whole = "interval" in kustomization.spec
            if name in known or (is_whole and _only_flux_would_read(reference)):
                missing = "" if name in known else ", which nothing defines"
                text = f"{kustomization} has no postBuild, so {item.kind} {item.name} keeps ${{{name}}}{missing}"
                yield reference.place, text, name


def _is_of_no_use(cluster: Cluster, reference: Reference) -> bool:
    """Return whether it stands in a variable of a Kustomization's own that nothing uses."""
    item, keys = reference.item, reference.keys
    if not item.is_a("Kustomization", FLUX) or keys[:3] != ("spec", "postBuild", "substitute") or len(keys) < 4:
        return False
    child = cluster.by_key.get((item.namespace, item.name))
    return child is not None and str(keys[3]) in _unused(cluster, child)


def _doubt(cluster: Cluster) -> None:
    """Note that Kustomizations can have variables that no file gives them."""
    cluster.doubts.update(f"{changer} gives Kustomizations variables" for changer in changers(cluster))


def _only_flux_would_read(reference: Reference) -> bool:
    """Return whether a variable stands where it is no text for a program, which could fill it in itself."""
    item, keys = reference.item, reference.keys
    if "generatedBy" in item.content or not PROGRAMS.isdisjoint(keys):
        return False
    if item.group.endswith(".fluxcd.io"):
        return not OF_OTHERS.intersection(keys) or not HOST_KEYS.isdisjoint(keys)
    return keys[:2] in (("metadata", "name"), ("metadata", "namespace")) or not HOST_KEYS.isdisjoint(keys)


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
