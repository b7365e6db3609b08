"""Rules about where Ingresses and routes lead: Services and their ports, Gateways' listeners."""

from collections.abc import Iterator, Mapping
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.backends import backends, ports
from talos_flux.manifests.exposure import GATEWAYS, Route, parents, routes
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.maker_table import ALWAYS_THERE
from talos_flux.manifests.makers import made_in
from talos_flux.manifests.objects import Object
from talos_flux.manifests.post_build import variables_in
from talos_flux.manifests.reference_table import NAMESPACE
from talos_flux.manifests.releases import mapping, sequence


@rule(
    "service-unknown",
    Severity.ERROR,
    "An Ingress or a route to a Service that is not there answers with an error.",
    "Write the name of a Service of the app.",
)
def service_unknown(cluster: Cluster) -> Violations:
    """Find Services that requests are sent to, and that nothing in the files makes or may make."""
    made = made_in(cluster)
    for reference in (backend.reference for backend in backends(cluster)):
        if "#" in reference.name:
            continue
        verdict = made.judge(reference)
        # One of another namespace may be that of a chart all the same; one with a letter wrong is not.
        is_meant = verdict.is_close and verdict.hint.startswith("did you mean")
        if verdict.is_there or (verdict.unjudged and not is_meant):
            continue
        text = f"{reference.item} leads to {reference}, which is not there"
        if not made.has(NAMESPACE, "", reference.namespace) and reference.namespace not in ALWAYS_THERE:
            text += f": nobody makes the namespace {reference.namespace}"
        elif verdict.hint:
            text += f": {verdict.hint}"
        yield reference.place, text, str(reference)


@rule(
    "service-port-unknown",
    Severity.ERROR,
    "An Ingress or a route to a port that its Service does not have answers with an error.",
    "Write a port of the Service: `port`, not `targetPort`; or its name.",
)
def service_port_unknown(cluster: Cluster) -> Violations:
    """Find ports that a Service in the files does not have."""
    known = ports(cluster)
    for backend in backends(cluster):
        reference, port = backend.reference, backend.port
        present = known.get((reference.namespace, reference.name))
        if present and port and port not in present and "$" not in port and "{{" not in port:
            name = reference.name.rpartition("#")[2]
            text = f"{reference.item} leads to port {port} of Service {name}, which has {', '.join(sorted(present))}"
            yield reference.item.at(*backend.port_keys), text


@rule(
    "listener-unknown",
    Severity.ERROR,
    "A route that no listener of its Gateway takes is reached by nobody.",
    "Write the name of a listener that takes routes of this namespace, or none for all of them.",
)
def listener_unknown(cluster: Cluster) -> Violations:
    """Find routes to listeners that their Gateway does not have, or that take none of their namespace."""
    variables = variables_in(cluster)
    gateways: dict[tuple[str, str], list[Object]] = {}
    for item in cluster.applied:
        if item.is_a("Gateway", GATEWAYS):
            # Several clusters in one repository have Gateways of one name.
            gateways.setdefault((item.namespace, item.name), []).append(item)
    labels = {item.name: item.labels for item in cluster.applied if item.is_a("Namespace", "")}
    for route in routes(cluster):
        for parent in parents(route, variables):
            named = gateways.get(parent.key, [])
            listeners = [listener for each in named for listener in _listeners(each)]
            section, _, port = parent.listener.rpartition(":")
            if not listeners or "$" in parent.listener:
                continue
            keys = (*parent.keys, "sectionName" if section else "port" if port else "name")
            for wanted, field, what in ((section, "name", "listener"), (port, "port", "listener on port")):
                chosen = [each for each in listeners if not wanted or str(each.get(field)) == wanted]
                if not chosen:
                    there = ", ".join(str(each.get(field)) for each in listeners)
                    yield (
                        route.item.at(*keys),
                        f"{named[0]} has no {what} {wanted}, which {route} names: it has {there}",
                    )
                    break
                listeners = chosen
            else:
                if not any(_takes(each, route, parent.key[0], labels) for each in listeners):
                    names = " and ".join(str(each.get("name")) for each in listeners)
                    text = f"{names} of {named[0]} takes no routes of {route.namespace}, where {route} is"
                    yield route.item.at(*keys), text


def _listeners(gateway: Object) -> list[Mapping[str, Any]]:
    return [mapping(entry) for entry in sequence(gateway.spec.get("listeners"))]


def _takes(listener: Mapping[str, Any], route: Route, home: str, labels: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether a listener takes routes of a namespace, by default those of its Gateway's own alone."""
    allowed = mapping(mapping(listener.get("allowedRoutes")).get("namespaces"))
    sources = str(allowed.get("from") or "Same")
    if sources == "Selector":
        return _selects(mapping(allowed.get("selector")), route.namespace, labels)
    return sources == "All" or "$" in sources or (sources == "Same" and route.namespace in ("", home))


def _selects(selector: Mapping[str, Any], namespace: str, labels: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether a selector may be about a namespace; one that no file makes can have any labels."""
    if namespace not in labels or selector.get("matchExpressions"):
        return True
    present = {**labels[namespace], "kubernetes.io/metadata.name": namespace}
    wanted: Iterator[tuple[str, Any]] = iter(mapping(selector.get("matchLabels")).items())
    return all("$" in str(value) or str(present.get(key)) == str(value) for key, value in wanted)
