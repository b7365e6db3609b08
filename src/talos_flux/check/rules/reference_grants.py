"""Rule about routes and policies that lead into another namespace: it has to let them."""

from collections.abc import Iterator

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.backends import OF_GATEWAYS, backends
from talos_flux.manifests.exposure import GATEWAYS
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.makers import made_in
from talos_flux.manifests.object_references import ObjectReference, references
from talos_flux.manifests.objects import Object
from talos_flux.manifests.reference_table import SECRET, OfKind
from talos_flux.manifests.releases import VALUES, mapping, releases, sequence

GRANT = "ReferenceGrant"
# Kinds whose objects can make grants, of which their text speaks then.
MAKES_ANY = {"ClusterPolicy", "ResourceSet"}


@rule(
    "reference-not-granted",
    Severity.ERROR,
    "A Gateway sends nothing from a route to a Service of another namespace that does not grant it.",
    "Add a ReferenceGrant to the namespace of the target, or put the route beside it.",
)
def reference_not_granted(cluster: Cluster) -> Violations:
    """Find routes, policies and Gateways that name a Service or a Secret of a namespace without a grant for them."""
    grants = [item for item in cluster.applied if item.is_a(GRANT, GATEWAYS)]
    if any(item.kind in MAKES_ANY and GRANT in item.file.text for item in cluster.applied):
        cluster.doubts.add(f"a policy makes {GRANT}s")
        return
    open_namespaces = {release.namespace for release in releases(cluster) if "eferenceGrant" in str(release.values)}
    made = made_in(cluster)
    for reference, kind, home in _across(cluster):
        verdict = made.judge(reference)
        # What is not there is a finding of service-unknown.
        if reference.is_open or "$" in home or not (verdict.is_there or verdict.unjudged):
            continue
        is_granted = any(_grants(grant, kind, home, reference) for grant in grants)
        if not is_granted and reference.namespace not in open_namespaces:
            text = f"{reference.item} leads to {reference}, and no {GRANT} there lets a {kind.kind} of {home} do that"
            yield reference.place, text, f"{kind.kind} {home} {reference.namespace}"


def _across(cluster: Cluster) -> Iterator[tuple[ObjectReference, OfKind, str]]:
    """Yield references into another namespace, with the kind that needs a grant, and where it is."""
    release_of = {id(release.item): release for release in releases(cluster)}
    for reference in (backend.reference for backend in backends(cluster)):
        item, keys = reference.item, reference.keys
        release = release_of.get(id(item))
        if release and keys[len(VALUES)] == "route":
            kind = mapping(release.get("route", keys[len(VALUES) + 1])).get("kind") or "HTTPRoute"
            if reference.namespace != release.namespace:
                yield reference, OfKind(str(kind), GATEWAYS), release.namespace
        elif item.group in OF_GATEWAYS and item.namespace and reference.namespace != item.namespace:
            yield reference, OfKind(item.kind, item.group), item.namespace
    for reference in references(cluster):
        item = reference.item
        is_of_gateway = item.is_a("Gateway", GATEWAYS) and reference.target == SECRET
        if is_of_gateway and item.namespace and reference.namespace != item.namespace:
            yield reference, OfKind(item.kind, item.group), item.namespace


def _grants(grant: Object, kind: OfKind, home: str, reference: ObjectReference) -> bool:
    """Return whether a grant is about a reference; a variable in it can be anything."""
    if grant.namespace != reference.namespace:
        return False
    from_here = any(
        _is(entry.get("group"), kind.group) and _is(entry.get("kind"), kind.kind) and _is(entry.get("namespace"), home)
        for entry in map(mapping, sequence(grant.spec.get("from")))
    )
    return from_here and any(
        _is(entry.get("kind"), reference.target.kind)
        and (not entry.get("name") or _is(entry["name"], reference.name) or "#" in reference.name)
        for entry in map(mapping, sequence(grant.spec.get("to")))
    )


def _is(value: object, wanted: str) -> bool:
    return str(value or "") == wanted or "$" in str(value)
