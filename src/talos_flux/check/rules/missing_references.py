"""Rules about objects that others name: what is nowhere in the files, and what is there under a similar name."""

from collections.abc import Iterator

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.maker_table import HELD_WHOLE
from talos_flux.manifests.makers import ReferenceVerdict, unresolved
from talos_flux.manifests.object_references import ObjectReference
from talos_flux.manifests.objects import Place
from talos_flux.manifests.reference_table import SERVICE, OfKind

Unresolved = tuple[ObjectReference, ReferenceVerdict]
# Other rules have findings about these.
OF_OTHER_RULES: set[OfKind] = {SERVICE}


def unjudged(cluster: Cluster) -> Iterator[tuple[Place, str]]:
    """Yield every reference that no rule judges, with the reason."""
    for reference, verdict in unresolved(cluster):
        if verdict.unjudged and not verdict.is_close:
            yield reference.place, f"{reference}: {verdict.unjudged}"


@rule(
    "reference-unknown",
    Severity.ERROR,
    "Whoever waits for an object that nobody makes waits for ever.",
    "Write the name, and the namespace, of one that is there; or add it.",
    unjudged,
)
def reference_unknown(cluster: Cluster) -> Violations:
    """Find references to what is not there, of kinds that charts and operators make none of."""
    yield from _said([pair for pair in _of_rules(cluster) if _is_held(pair[0]) and not pair[1].unjudged])


@rule(
    "reference-doubtful",
    Severity.WARNING,
    "A pod whose Secret, ConfigMap or claim is not there never starts; this one is made by nothing in the files.",
    "Correct the name, or add the object; where it is made by hand, say so: # allow reference-doubtful: <by whom>.",
    unjudged,
)
def reference_doubtful(cluster: Cluster) -> Violations:
    """Find references to what is probably not there.

    Nothing in the files makes it or may make it, or something is called so similarly that it must be meant.
    """
    yield from _said([pair for pair in _of_rules(cluster) if _is_doubtful(*pair)])


def _of_rules(cluster: Cluster) -> Iterator[Unresolved]:
    return (pair for pair in unresolved(cluster) if pair[0].target not in OF_OTHER_RULES)


def _is_held(reference: ObjectReference) -> bool:
    """Return whether the repository holds every object of a kind that is needed."""
    return reference.is_vital and reference.target.group in HELD_WHOLE


def _is_doubtful(reference: ObjectReference, verdict: ReferenceVerdict) -> bool:
    return verdict.is_close if verdict.unjudged else not _is_held(reference)


def _said(unresolved_: list[Unresolved]) -> Violations:
    """Find one violation for each place: a component is built into many apps."""
    by_place: dict[Place, dict[str, Unresolved]] = {}
    for reference, verdict in unresolved_:
        by_place.setdefault(reference.place, {}).setdefault(str(reference), (reference, verdict))
    for place, named in by_place.items():
        reference, verdict = next(iter(named.values()))
        others = f" (and {len(named) - 1} more that are not there)" if len(named) > 1 else ""
        text = f"{reference.item} names {reference}{others}, which nothing here makes"
        yield place, f"{text}: {verdict.hint}" if verdict.hint else text
