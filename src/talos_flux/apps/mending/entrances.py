"""Mendings of how an app is reached: Gateways, ingress classes and the addresses of Services."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from talos_flux.apps.mending.equivalents import Equivalents
from talos_flux.apps.mending.places import mapping_of, value_set
from talos_flux.apps.mending.plan import Suggestion
from talos_flux.check.rule import Finding
from talos_flux.manifests.exposure import Route, class_of, ingresses, parents, routes
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.load_balancers import address_requests, blocks
from talos_flux.manifests.objects import Object
from talos_flux.manifests.post_build import variables_in
from talos_flux.manifests.releases import mapping, sequence
from talos_flux.repository import yaml_edits
from talos_flux.repository.yaml_edits import Edit

# What a rule of a route can say and an Ingress can't.
OF_ROUTES = ("filters", "timeouts", "retry", "sessionPersistence")


# --- Gateways ---


def gateway_unknown(known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest the Gateway here of the same side, or an Ingress where there are no Gateways."""
    variables = variables_in(cluster)
    for route in routes(cluster):
        for parent in parents(route, variables):
            if route.item.at(*parent.keys) == finding.place:
                wanted = _side(known, parent.key[1])
                home = (
                    "; what asks for a login there stays behind, so it is for the home alone"
                    if known.loses_login
                    else ""
                )
                if gateway := known.gateway(wanted):
                    edits = _to_gateway(cluster, route, int(parent.keys[-1]), gateway)
                    return Suggestion(
                        edits, f"{gateway.namespace}/{gateway.name} is the Gateway here for that side{home}"
                    )
                if class_name := known.ingress_class(wanted):
                    return _to_ingress(cluster, route, class_name, home)
    return None


def _side(known: Equivalents, name: str) -> str:
    """Return the name to find the side by: an app whose login stays behind is not for the internet."""
    return "" if known.loses_login else name


def _to_gateway(cluster: Cluster, route: Route, number: int, gateway: Object) -> dict[str, list[Edit]]:
    entry = yaml_edits.inner(mapping_of(cluster, route.item), *route.keys, "parentRefs", number)
    if not isinstance(entry, yaml.MappingNode):
        return {}
    text = cluster.files[route.item.file.path].text
    edits = [*yaml_edits.with_value(text, entry, "name", gateway.name)]
    if gateway.namespace != route.namespace or yaml_edits.inner(entry, "namespace"):
        edits += yaml_edits.with_value(text, entry, "namespace", gateway.namespace)
    section = yaml_edits.plain(yaml_edits.inner(entry, "sectionName"))
    listeners = [str(mapping(each).get("name")) for each in sequence(gateway.spec.get("listeners"))]
    if section and section not in listeners:
        secure = next((name for name in listeners if name.startswith("https")), "")
        edits += (
            yaml_edits.with_value(text, entry, "sectionName", secure)
            if secure
            else yaml_edits.without_key(text, entry, "sectionName")
        )
    if len(edits) > 1 and edits[0][:2] == edits[1][:2]:
        # Both come first in the entry.
        (start, end, name), (_, _, namespace), *rest = edits
        edits = [(start, end, name + namespace), *rest]
    return {route.item.file.path: edits}


# --- Ingresses of app-template ---


def _to_ingress(cluster: Cluster, route: Route, class_name: str, home: str) -> Suggestion | None:
    """Suggest an `ingress` for what app-template's values say under `route`."""
    document = mapping_of(cluster, route.item)
    if not route.release or not route.release.is_app_template or not document:
        return Suggestion({}, f"there is no Gateway here: write an Ingress of the class {class_name}")
    text = cluster.files[route.item.file.path].text
    values = yaml_edits.inner(document, "spec", "values")
    written = yaml_edits.inner(values, "route")
    if not isinstance(values, yaml.MappingNode) or not isinstance(written, yaml.MappingNode) or written.flow_style:
        return None
    key = next(name for name, _ in values.value if name.value == "route")
    start = key.start_mark.index
    [(_, end, _)] = [*yaml_edits.with_value(text, values, "route", "\0")]
    if "&" in text[start:end] or yaml_edits.inner(values, "ingress") or route.kind != "HTTPRoute":
        return Suggestion({}, f"there is no Gateway here: write an Ingress of the class {class_name}")
    indent, lost = " " * key.start_mark.column, set[str]()
    lines = [f"{indent}ingress:"]
    for name, entry in written.value:
        content = mapping(route.release.get("route", name.value))
        lines += [f"{indent}  {name.value}:", *_ingress(text, entry, content, route, class_name, f"{indent}    ")]
        lost |= {part for each in sequence(content.get("rules")) for part in OF_ROUTES if mapping(each).get(part)}
    new = "\n".join(lines)[len(indent) :]
    more = f", and has no {', '.join(sorted(lost))}" if lost else ""
    advice = f"an Ingress of the class {class_name} takes its place, since there is no Gateway here{more}{home}"
    return Suggestion({route.item.file.path: [(start, end, new)]}, advice)


def _ingress(
    text: str, entry: yaml.Node, content: Mapping[str, Any], route: Route, class_name: str, indent: str
) -> Iterator[str]:
    annotations = yaml_edits.inner(entry, "annotations")
    if isinstance(entry, yaml.MappingNode) and isinstance(annotations, yaml.MappingNode) and annotations.value:
        name = next(key for key, _ in entry.value if key.value == "annotations")
        [(_, end, _)] = [*yaml_edits.with_value(text, entry, "annotations", "\0")]
        # With the comment behind its last value.
        yield indent + text[name.start_mark.index : text.find("\n", end)]
    if content.get("enabled") is False:
        yield f"{indent}enabled: false"
    yield f"{indent}className: {class_name}"
    yield f"{indent}hosts:"
    hostnames = yaml_edits.inner(entry, "hostnames")
    for host in hostnames.value if isinstance(hostnames, yaml.SequenceNode) else []:
        raw = text[host.start_mark.index : host.end_mark.index].rstrip()
        # An alias stands where its anchor is.
        written = raw if yaml_edits.plain(host) in raw and not raw.startswith("&") else f'"{yaml_edits.plain(host)}"'
        yield f"{indent}  - host: {written}"
        yield f"{indent}    paths:"
        for path, kind, service in _paths(content, route):
            yield f"{indent}      - path: {path}"
            if kind == "Exact":
                yield f"{indent}        pathType: Exact"
            yield f"{indent}        service:"
            yield from (f"{indent}          {key}: {value}" for key, value in service.items())


def _paths(content: Mapping[str, Any], route: Route) -> list[tuple[str, str, dict[str, Any]]]:
    """Return each path of a route once, with its kind and the service behind it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for rule in [mapping(each) for each in sequence(content.get("rules"))] or [{}]:
        backend = mapping(next(iter(sequence(rule.get("backendRefs"))), {}))
        for match in sequence(rule.get("matches")) or [{}]:
            path = mapping(mapping(match).get("path"))
            kind = str(path.get("type") or "PathPrefix")
            found.setdefault((str(path.get("value") or "/"), kind), _service(route, backend))
    return [(path, kind, service) for (path, kind), service in found.items()]


def _service(route: Route, backend: Mapping[str, Any]) -> dict[str, Any]:
    """Return how app-template's ingress names a service: by its identifier, the name where it is none of its own."""
    services = mapping(route.release.get("service")) if route.release else {}
    enabled = [key for key, value in services.items() if mapping(value).get("enabled") is not False]
    first = next((key for key in enabled if mapping(services[key]).get("primary")), next(iter(enabled), "app"))
    name = str(backend.get("name") or "")
    is_own = route.release is not None and (name in ("", route.release.name, route.release.item.name) or "{{" in name)
    chosen = str(backend.get("identifier") or (name if name in services else first if is_own else ""))
    ports = mapping(mapping(services.get(chosen)).get("ports"))
    port = backend.get("port") or next((mapping(value).get("port") and key for key, value in ports.items()), "http")
    return {"identifier": chosen, "port": port} if chosen else {"name": name, "port": port}


# --- Classes and addresses ---


def class_unknown(known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest the ingress class here of the same side."""
    for route in ingresses(cluster):
        name, place = class_of(route)
        keys = next((key for key in ("ingressClassName", "className") if key in route.content), "")
        if place == finding.place and keys and (own := known.ingress_class(_side(known, name))):
            return Suggestion(value_set(cluster, route.kustomization, route.item, (*route.keys, keys), own),
                              f"{own} is the class here for that side")  # fmt: skip
    return None


def address_outside_pool(_known: Equivalents, cluster: Cluster, finding: Finding) -> Suggestion | None:
    """Suggest a free address of a pool that is not for chosen Services alone."""
    variables = variables_in(cluster)
    pools, _ = blocks(cluster, variables)
    requests = list(address_requests(cluster, variables))
    taken = {request.address for request in requests}
    for request in requests:
        text = f"{request.item} asks for {request.address},"
        if request.place == finding.place and finding.text.startswith(text):
            line = cluster.files[request.place.path].lines[request.place.line - 1]
            if line.count(str(request.address)) != 1:
                return None
            for pool in pools:
                if pool.pool.spec.get("serviceSelector") or pool.first.version != request.address.version:
                    continue
                free = (type(pool.first)(number) for number in range(int(pool.first), int(pool.last) + 1))
                if address := next((each for each in free if each not in taken), None):
                    start = sum(
                        len(each) + 1 for each in cluster.files[request.place.path].lines[: request.place.line - 1]
                    )
                    start += line.index(str(request.address))
                    edit = start, start + len(str(request.address)), str(address)
                    return Suggestion({request.place.path: [edit]}, f"{address} is free in {pool.pool.name}")
    return None
