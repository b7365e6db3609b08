"""How apps are reached from outside: Ingresses and routes, in manifests and in values of releases."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import Object, Place
from talos_flux.manifests.post_build import Variables
from talos_flux.manifests.releases import VALUES, Keys, Release, enabled_values, mapping, releases, sequence

INGRESSES = "networking.k8s.io"
GATEWAYS = "gateway.networking.k8s.io"
CLASS_ANNOTATION = "kubernetes.io/ingress.class"


class Host(NamedTuple):
    """A host name that is served, under a path, and where that is said."""

    name: str
    path: str
    keys: Keys


class Parent(NamedTuple):
    """A Gateway that a route names, with its listener, and where that is said."""

    key: tuple[str, str]
    listener: str
    keys: Keys


@dataclass(frozen=True)
class Route:
    """An Ingress or a route: an object's own, or what values tell a chart to make.

    `content` is what says it, at `keys` of the object; `is_sure` when it is there whatever the chart's defaults are.
    """

    kustomization: Kustomization
    item: Object
    kind: str
    namespace: str
    content: Mapping[str, Any]
    keys: Keys
    is_sure: bool = True
    release: Release | None = None

    @property
    def annotations(self) -> Mapping[str, Any]:
        """Return the annotations."""
        return self.item.annotations if self.release is None else mapping(self.content.get("annotations"))

    def at(self, *keys: str | int) -> Place:
        """Return where a part of it stands."""
        return self.item.at(*self.keys, *keys)

    def at_annotation(self, name: str = "") -> Place:
        """Return where an annotation stands, or where it would."""
        keys: Keys = ("metadata", "annotations") if self.release is None else (*self.keys, "annotations")
        return self.item.at(*keys, name)

    def __str__(self) -> str:
        if self.release is None:
            return str(self.item)
        return f"{self.kind} of HelmRelease {self.item.name}"


# --- What variables stand for ---


def resolve_in_route(variables: Variables, text: Any, route: Route) -> str:
    """Return a text of an Ingress or a route with its variables replaced.

    So are the two names of a release that templates use, .Release.Name and .Release.Namespace.
    """
    resolved = variables.resolve(text, route.kustomization, route.item)
    if route.release is None:
        return resolved
    for name, given in (("Name", route.release.name), ("Namespace", route.release.namespace)):
        resolved = re.sub(r"\{\{-?\s*\.Release\." + name + r"\s*-?\}\}", given, resolved)
    return resolved


def is_open(text: str) -> bool:
    """Return whether a text holds a variable or a template, whose value is unknown."""
    return "$" in text or "{{" in text


# --- Ingresses ---


def ingresses(cluster: Cluster) -> Iterator[Route]:
    """Yield every Ingress."""
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.is_a("Ingress", INGRESSES):
                yield Route(kustomization, item, "Ingress", item.namespace, item.spec, ("spec",))
    for release in releases(cluster):
        yield from _of_app_template(release, "ingress") if release.is_app_template else _of_chart(release)


def _of_app_template(release: Release, key: str) -> Iterator[Route]:
    for name, content in mapping(release.get(key)).items():
        if isinstance(content, dict) and content.get("enabled") is not False:
            kind = "Ingress" if key == "ingress" else str(content.get("kind") or "HTTPRoute")
            keys = (*VALUES, key, name)
            yield Route(release.kustomization, release.item, kind, release.namespace, content, keys, True, release)


def _of_chart(release: Release) -> Iterator[Route]:
    """Yield what stands under a key `ingress` and says a class."""
    switched_on: set[Keys] = set()
    for keys, value in enabled_values(release):
        if not isinstance(value, dict) or "ingress" not in keys:
            continue
        if value.get("enabled") is True or keys[:-1] in switched_on:
            switched_on.add(keys)
        if any(isinstance(value.get(key), str) for key in ("className", "ingressClassName")):
            is_sure = keys in switched_on
            yield Route(
                release.kustomization, release.item, "Ingress", release.namespace, value, keys, is_sure, release
            )


def class_of(route: Route) -> tuple[str, Place]:
    """Return an Ingress's class and where it is said; empty where it says none."""
    for key in ("ingressClassName", "className"):
        if isinstance(route.content.get(key), str):
            return route.content[key], route.at(key)
    return str(route.annotations.get(CLASS_ANNOTATION) or ""), route.at_annotation(CLASS_ANNOTATION)


def ingress_hosts(route: Route) -> Iterator[Host]:
    """Yield the hosts of an Ingress, each with each of its paths."""
    if route.release is None:
        for number, rule in enumerate(map(mapping, sequence(route.content.get("rules")))):
            for path in sequence(mapping(rule.get("http")).get("paths")) or [{}]:
                yield Host(str(rule.get("host") or ""), _path(path), (*route.keys, "rules", number, "host"))
        return
    for number, host in enumerate(sequence(route.content.get("hosts"))):
        keys: Keys = (*route.keys, "hosts", number)
        if isinstance(host, str):
            yield Host(host, "/", keys)
        name = mapping(host).get("host") or mapping(host).get("name")
        for path in (sequence(mapping(host).get("paths")) or [{}]) if name else []:
            yield Host(str(name), _path(path), (*keys, "host"))


def _path(path: Any) -> str:
    if isinstance(path, str):
        return path
    exactly = "=" if mapping(path).get("pathType") == "Exact" else ""
    return exactly + str(mapping(path).get("path") or "/")


# --- Routes ---


def routes(cluster: Cluster) -> Iterator[Route]:
    """Yield every route to a Gateway."""
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.group == GATEWAYS and item.kind.endswith("Route"):
                yield Route(kustomization, item, item.kind, item.namespace, item.spec, ("spec",))
    for release in releases(cluster):
        if release.is_app_template:
            yield from _of_app_template(release, "route")
        else:
            for keys, value in enabled_values(release):
                if isinstance(value, dict) and isinstance(value.get("parentRefs"), list):
                    is_sure = value.get("enabled") is True
                    kind = str(value.get("kind") or "HTTPRoute")
                    yield Route(
                        release.kustomization, release.item, kind, release.namespace, value, keys, is_sure, release
                    )


def parents(route: Route, variables: Variables) -> Iterator[Parent]:
    """Yield the Gateways that a route names, without other kinds of parents and names with unknown variables."""
    for number, entry in enumerate(map(mapping, sequence(route.content.get("parentRefs")))):
        name = resolve_in_route(variables, entry.get("name", ""), route)
        namespace = resolve_in_route(variables, entry.get("namespace") or route.namespace, route)
        if (entry.get("kind") or "Gateway") == "Gateway" and (entry.get("group") or GATEWAYS) == GATEWAYS:
            if name and not is_open(name + namespace):
                listener = f"{entry.get('sectionName', '')}:{entry.get('port', '')}"
                yield Parent((namespace, name), listener, (*route.keys, "parentRefs", number))


def route_hosts(route: Route) -> Iterator[Host]:
    """Yield the hostnames of a route, each with each of its matches."""
    rules = [mapping(rule) for rule in sequence(route.content.get("rules"))] or [{}]
    matches = [match for rule in rules for match in sequence(rule.get("matches")) or [{}]]
    for number, name in enumerate(sequence(route.content.get("hostnames"))):
        for match in matches:
            yield Host(str(name), _match(mapping(match)), (*route.keys, "hostnames", number))


def _match(match: Mapping[str, Any]) -> str:
    """Return a match as text: the path, and whatever else tells requests apart."""
    path = mapping(match.get("path"))
    path_value = str(path.get("value") or "/")
    rest = {key: value for key, value in match.items() if key != "path"}
    exactly = "" if path.get("type", "PathPrefix") == "PathPrefix" else f"{path['type']} "
    return f"{exactly}{path_value}{rest or ''}"
