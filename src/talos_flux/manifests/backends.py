"""The Services that Ingresses, routes and policies send requests to, with their ports."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from talos_flux.manifests import app_template
from talos_flux.manifests.chart_table import services_of
from talos_flux.manifests.exposure import INGRESSES
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.object_references import ObjectReference, filled
from talos_flux.manifests.objects import Object, walk
from talos_flux.manifests.post_build import Variables, variables_in
from talos_flux.manifests.reference_table import SERVICE
from talos_flux.manifests.releases import VALUES, Keys, Release, mapping, releases, sequence

# Groups whose objects name Services under backendRefs or backendRef.
OF_GATEWAYS = {"gateway.envoyproxy.io", "gateway.networking.k8s.io"}
Names = Mapping[tuple[str, str], set[str] | None]


class Backend(NamedTuple):
    """A Service that something leads to, and a port of it, by number or name; empty for none."""

    reference: ObjectReference
    port: str
    port_keys: Keys


@lru_cache(maxsize=4)
def backends(cluster: Cluster) -> tuple[Backend, ...]:
    """Return every Service that requests are sent to; computed once."""
    variables = variables_in(cluster)
    return tuple([*_of_objects(cluster, variables), *_of_releases(cluster, variables)])


def _of_objects(cluster: Cluster, variables: Variables) -> Iterator[Backend]:
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.is_a("Ingress", INGRESSES):
                found = _of_ingress(item)
            elif item.group in OF_GATEWAYS:
                found = _of_gateways(item)
            elif item.kind.startswith("IngressRoute") and item.group.startswith("traefik."):
                found = _of_traefik(item)
            else:
                continue
            for keys, entry, port, port_keys in found:
                namespace = str(entry.get("namespace") or item.namespace)
                name = variables.resolve(entry["name"], kustomization, item)
                reference = ObjectReference(kustomization, item, (*keys, "name"), SERVICE, namespace, name)
                yield Backend(reference, variables.resolve(port, kustomization, item), port_keys)


Found = Iterator[tuple[Keys, Mapping[str, Any], str, Keys]]


def _of_ingress(item: Object) -> Found:
    for keys, value in walk(item.spec, ("spec",)):
        if keys[-1] == "service" and keys[-2] in ("backend", "defaultBackend") and mapping(value).get("name"):
            port = mapping(value.get("port"))
            field = "number" if "number" in port else "name"
            yield keys, value, str(port.get(field) or ""), (*keys, "port", field)


def _of_gateways(item: Object) -> Found:
    for keys, value in walk(item.spec, ("spec",)):
        if keys[-1] in ("backendRefs", "backendRef"):
            listed = (
                [(keys, value)] if isinstance(value, dict) else [((*keys, n), e) for n, e in enumerate(sequence(value))]
            )
            for where, entry in listed:
                if _is_service(mapping(entry)):
                    yield where, entry, str(entry.get("port") or ""), (*where, "port")


def _is_service(entry: Mapping[str, Any]) -> bool:
    return bool(entry.get("name")) and (entry.get("kind") or "Service") == "Service" and not entry.get("group")


def _of_traefik(item: Object) -> Found:
    for keys, value in walk(item.spec, ("spec",)):
        if keys[-1] == "services":
            for number, entry in enumerate(map(mapping, sequence(value))):
                if _is_service(entry) and "@" not in str(entry["name"]):
                    yield (*keys, number), entry, str(entry.get("port") or ""), (*keys, number, "port")


def _of_releases(cluster: Cluster, variables: Variables) -> Iterator[Backend]:
    """Yield the Services that Ingresses and routes of app-template lead to; an identifier is one of its own."""
    for release in releases(cluster):
        if not release.is_app_template:
            continue
        for keys, entry in _of_app_template(release):
            name, port = entry.get("name"), str(entry.get("port") or "")
            if _is_identifier(release, keys, name):
                text, namespace = f"{release.name}#{name}", release.namespace
            elif name and _is_service(entry):
                text = filled(variables.resolve(name, release.kustomization, release.item), release)
                namespace = str(entry.get("namespace") or release.namespace)
            elif entry.get("identifier"):
                # As ports_of() calls it, whatever its name is.
                text, namespace = f"{release.name}#{entry['identifier']}", release.namespace
            else:
                continue
            where = (*keys, "name" if name else "identifier")
            reference = ObjectReference(release.kustomization, release.item, where, SERVICE, namespace, text)
            yield Backend(reference, variables.resolve(port, release.kustomization, release.item), (*keys, "port"))


def _is_identifier(release: Release, keys: Keys, name: Any) -> bool:
    """Return whether the chart takes a name for the key of one of its services, if it has it.

    It did in ingresses until 3.0, and in routes until 4.0: classes/_ingress.tpl and _route.tpl of its library.
    """
    until = {"ingress": 3, "route": 4}.get(str(keys[len(VALUES)]), 0)
    return name in mapping(release.get("service")) and (release.major is None or release.major < until)


def identifiers(release: Release) -> Iterator[tuple[Keys, Any]]:
    """Yield where ingresses and routes of app-template's values name a service of the same values."""
    for keys, entry in _of_app_template(release):
        if entry.get("identifier") and not entry.get("name"):
            yield (*keys, "identifier"), entry["identifier"]


def _of_app_template(release: Release) -> Iterator[tuple[Keys, Mapping[str, Any]]]:
    for name, ingress in mapping(release.get("ingress")).items():
        if mapping(ingress).get("enabled") is False:
            continue
        for number, host in enumerate(map(mapping, sequence(mapping(ingress).get("hosts")))):
            for position, path in enumerate(map(mapping, sequence(host.get("paths")))):
                keys: Keys = (*VALUES, "ingress", name, "hosts", number, "paths", position, "service")
                yield keys, mapping(path.get("service"))
    for name, route in mapping(release.get("route")).items():
        if mapping(route).get("enabled") is False:
            continue
        for number, rule in enumerate(map(mapping, sequence(mapping(route).get("rules")))):
            for position, entry in enumerate(map(mapping, sequence(rule.get("backendRefs")))):
                yield (*VALUES, "route", name, "rules", number, "backendRefs", position), entry


@lru_cache(maxsize=4)
def ports(cluster: Cluster) -> Names:
    """Return the ports of the Services that are known, by number and name; None where they can't be told."""
    known: dict[tuple[str, str], set[str] | None] = {}
    variables = variables_in(cluster)
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.is_a("Service", ""):
                known[item.namespace, variables.resolve(item.name, kustomization, item)] = _ports_of(
                    kustomization, item, variables
                )
    several: dict[tuple[str, str], list[set[str] | None]] = defaultdict(list)
    for release in releases(cluster):
        if release.is_app_template and release.is_whole:
            for names, given in app_template.ports_of(release):
                for name in names:
                    key = f"{release.name}{name}" if name.startswith("#") else name
                    several[release.namespace, key].append(given)
        for made in services_of(release):
            several[release.namespace, made.name].append(set(made.ports) if made.ports else None)
    for service, sets in several.items():
        known[service] = None if None in sets else set().union(*(each for each in sets if each))
    return known


def _ports_of(kustomization: Kustomization, item: Object, variables: Variables) -> set[str] | None:
    found: set[str] = set()
    for entry in map(mapping, sequence(item.spec.get("ports"))):
        found |= {variables.resolve(entry[key], kustomization, item) for key in ("port", "name") if entry.get(key)}
    is_open = item.spec.get("type") == "ExternalName" or any("$" in port for port in found)
    return None if is_open or not found else found
