"""Rule about what is meant to be a variable, and is none: of another name by a letter, or without its dollar sign."""

import re
from collections.abc import Iterator

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.check.rules.substitution import substituted_references
from talos_flux.errors import closest
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import Object, Place, walk
from talos_flux.manifests.post_build import is_filled_in, variables_in

# Not preceded by a dollar sign or another brace: {NAME} and {$NAME}.
BARE = re.compile(r"(?<![${\\])\{\$?([A-Z][A-Z0-9_]{2,})\}(?!\})")
# Programs read these, and have such placeholders of their own.
OF_PROGRAMS = {"args", "command", "data", "stringData", "config", "configMaps", "env", "annotations"}


@rule(
    "substitution-misspelt",
    Severity.WARNING,
    "What is not written as a variable, or with another letter, stays as it is or becomes nothing.",
    "Write it as ${NAME}, with the name that is defined.",
)
def substitution_misspelt(cluster: Cluster) -> Violations:
    """Find names in braces without their dollar sign, and names that differ from a defined one by a letter.

    Of those, substitution-undefined finds the ones of Kustomizations all of whose variables are in the files.
    """
    seen: set[tuple[Place, str]] = set()
    for place, text in (*_bare(cluster), *_near(cluster)):
        if (place, text) not in seen:
            seen.add((place, text))
            yield place, text


def _bare(cluster: Cluster) -> Iterator[tuple[Place, str]]:
    for kustomization in cluster.kustomizations:
        values = variables_in(cluster).of(kustomization).values
        for item in kustomization.objects if values else ():
            if not BARE.search(item.file.text):
                continue
            if item.kind in ("ConfigMap", "Secret") or not is_filled_in(cluster, item):
                continue
            yield from _in_object(kustomization, item, set(values))


def _in_object(kustomization: Kustomization, item: Object, known: set[str]) -> Iterator[tuple[Place, str]]:
    for keys, value in walk(item.content):
        if isinstance(value, str) and "{" in value and "\n" not in value and OF_PROGRAMS.isdisjoint(keys):
            for match in BARE.finditer(value):
                if match[1] in known and item.is_own(*keys):
                    yield item.at(*keys), f"{kustomization} leaves {match[0]} in {item} as it is: write ${{{match[1]}}}"


def _near(cluster: Cluster) -> Iterator[tuple[Place, str]]:
    for kustomization, (values, are_all), reference in substituted_references(cluster):
        name = reference.name
        if are_all or name in values or reference.has_default or reference.malformed or reference.is_commented_out:
            continue
        near = closest(name, sorted(values)) if len(name) > 6 and "_" in name else ""
        if near and _differ_by_a_letter(name, near):
            text = f"{kustomization} defines no {name} in the files: did you mean {near}?"
            yield reference.place, text


def _differ_by_a_letter(one: str, other: str) -> bool:
    """Return whether two names differ by one letter that is added, left out, changed or moved; digits count things."""
    if sorted(one) == sorted(other):
        return True
    short, long = sorted((one, other), key=len)
    start = next((n for n, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    changed = long[start]
    if not changed.isalpha() and changed != "_":
        return False
    if len(long) == len(short) + 1:
        return short[start:] == long[start + 1 :]
    return len(long) == len(short) and short[start].isalpha() and short[start + 1 :] == long[start + 1 :]
