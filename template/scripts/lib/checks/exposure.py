"""How apps are reached from outside: Ingresses, routes and the addresses of Services, in manifests and in values."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from lib.checks.charts import VALUES, Keys, Release, enabled_values, mapping, releases, sequence
from lib.checks.flux import Cluster, Kustomization
from lib.checks.objects import SUBSTITUTE, Object, Place

INGRESSES = "networking.k8s.io"
GATEWAYS = "gateway.networking.k8s.io"
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
# How Flux's envsubst writes a variable, with a default or without.
VARIABLE = re.compile(r"(?<!\$)\$(?:\{(\w+)(?::?[-=]([^{}$]*))?\}|\{[^{}]*\})")


class Host(NamedTuple):
    """A name that is served, under a path, and where that is said."""

    name: str
    path: str
    keys: Keys


class Parent(NamedTuple):
    """A Gateway that a route names, with the listener of it, and where that is said."""

    key: tuple[str, str]
    listener: str
    keys: Keys


@dataclass(frozen=True)
class Way:
    """An Ingress or a route: an object's own, or what values tell a chart to make.

    `content` is what says it, at `keys` of the object; `is_sure` when it is there whatever the chart's defaults are.
    """

    one: Kustomization
    item: Object
    kind: str
    namespace: str
    content: Mapping[str, Any]
    keys: Keys
    is_sure: bool = True
    release: Release | None = None

    @property
    def annotations(self) -> Mapping[str, Any]:
        """Its annotations."""
        return self.item.annotations if self.release is None else mapping(self.content.get("annotations"))

    def at(self, *keys: str | int) -> Place:
        """Where a part of it stands."""
        return self.item.at(*self.keys, *keys)

    def at_annotation(self, name: str = "") -> Place:
        """Where an annotation stands, or where it would."""
        keys: Keys = ("metadata", "annotations") if self.release is None else (*self.keys, "annotations")
        return self.item.at(*keys, name)

    def __str__(self) -> str:
        if self.release is None:
            return str(self.item)
        return f"{self.kind} of HelmRelease {self.item.name}"


# --- What variables stand for ---


class Variables:
    """What Flux puts in place of ${VARIABLE} in what a Kustomization applies, as far as it is in the repository."""

    def __init__(self, cluster: Cluster) -> None:
        self.settings = {
            (item.namespace, item.name): mapping(item.get("data"))
            for item in cluster.applied
            if item.is_a("ConfigMap", "")
        }
        self.known: dict[tuple[str, str], Mapping[str, Any]] = {}

    def of(self, one: Kustomization) -> Mapping[str, Any]:
        """Names and values; what comes from Secrets is not among them."""
        if one.key not in self.known:
            said = mapping(one.spec.get("postBuild"))
            found: dict[str, Any] = {}
            for entry in map(mapping, sequence(said.get("substituteFrom"))):
                given = self.settings.get((one.item.namespace, str(entry.get("name"))))
                if entry.get("kind") == "ConfigMap":
                    found |= given or {}
            self.known[one.key] = found | dict(mapping(said.get("substitute")))
        return self.known[one.key]

    def has_unread(self, one: Kustomization) -> bool:
        """Whether a variable can have a value that is not in the repository."""
        entries = sequence(mapping(one.spec.get("postBuild")).get("substituteFrom"))
        return any(
            mapping(entry).get("kind") != "ConfigMap"
            or (one.item.namespace, str(mapping(entry).get("name"))) not in self.settings
            for entry in entries
        )

    def resolve(self, text: Any, one: Kustomization, item: Object) -> str:
        """A text with its variables replaced; those that nobody knows stay."""
        if "disabled" in (item.annotations.get(SUBSTITUTE), item.labels.get(SUBSTITUTE)):
            return str(text)
        known = self.of(one)

        def value(match: re.Match[str]) -> str:
            name, default = match[1], match[2]
            if name and name in known:
                return str(known[name])
            return default if default is not None and not self.has_unread(one) else match[0]

        return VARIABLE.sub(value, str(text))

    def of_way(self, text: Any, way: Way) -> str:
        """The same for what an Ingress or a route says, with the two names of a release that templates use."""
        found = self.resolve(text, way.one, way.item)
        if way.release is None:
            return found
        for name, given in (("Name", way.release.name), ("Namespace", way.release.namespace)):
            found = re.sub(r"\{\{-?\s*\.Release\." + name + r"\s*-?\}\}", given, found)
        return found


@lru_cache(maxsize=4)
def variables_in(cluster: Cluster) -> Variables:
    """What variables stand for in a cluster; found out once."""
    return Variables(cluster)


def is_open(text: str) -> bool:
    """Whether a text holds what nobody here knows."""
    return "$" in text or "{{" in text


# --- Ingresses ---


def ingresses(cluster: Cluster) -> Iterator[Way]:
    """Every Ingress."""
    for one in cluster.kustomizations:
        for item in one.objects:
            if item.is_a("Ingress", INGRESSES):
                yield Way(one, item, "Ingress", item.namespace, item.spec, ("spec",))
    for release in releases(cluster):
        yield from _of_app_template(release, "ingress") if release.is_app_template else _of_chart(release)


def _of_app_template(release: Release, key: str) -> Iterator[Way]:
    for name, content in mapping(release.get(key)).items():
        if isinstance(content, dict) and content.get("enabled") is not False:
            kind = "Ingress" if key == "ingress" else str(content.get("kind") or "HTTPRoute")
            keys = (*VALUES, key, name)
            yield Way(release.one, release.item, kind, release.namespace, content, keys, True, release)


def _of_chart(release: Release) -> Iterator[Way]:
    """What stands under a key `ingress` and says a class or hosts."""
    switched_on: set[Keys] = set()
    for keys, value in enabled_values(release):
        if not isinstance(value, dict) or "ingress" not in keys:
            continue
        if value.get("enabled") is True or keys[:-1] in switched_on:
            switched_on.add(keys)
        if any(isinstance(value.get(key), str) for key in ("className", "ingressClassName")):
            is_sure = keys in switched_on
            yield Way(release.one, release.item, "Ingress", release.namespace, value, keys, is_sure, release)


def class_of(way: Way) -> tuple[str, Place]:
    """An Ingress's class and where it is said; empty where it says none."""
    for key in ("ingressClassName", "className"):
        if isinstance(way.content.get(key), str):
            return way.content[key], way.at(key)
    return str(way.annotations.get(CLASS_ANNOTATION) or ""), way.at_annotation(CLASS_ANNOTATION)


def ingress_hosts(way: Way) -> Iterator[Host]:
    """The hosts of an Ingress, each with each of its paths."""
    if way.release is None:
        for number, rule in enumerate(map(mapping, sequence(way.content.get("rules")))):
            for path in sequence(mapping(rule.get("http")).get("paths")) or [{}]:
                yield Host(str(rule.get("host") or ""), _path(path), (*way.keys, "rules", number, "host"))
        return
    for number, host in enumerate(sequence(way.content.get("hosts"))):
        keys: Keys = (*way.keys, "hosts", number)
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


def routes(cluster: Cluster) -> Iterator[Way]:
    """Every route to a Gateway."""
    for one in cluster.kustomizations:
        for item in one.objects:
            if item.group == GATEWAYS and item.kind.endswith("Route"):
                yield Way(one, item, item.kind, item.namespace, item.spec, ("spec",))
    for release in releases(cluster):
        if release.is_app_template:
            yield from _of_app_template(release, "route")
        else:
            for keys, value in enabled_values(release):
                if isinstance(value, dict) and isinstance(value.get("parentRefs"), list):
                    is_sure = value.get("enabled") is True
                    kind = str(value.get("kind") or "HTTPRoute")
                    yield Way(release.one, release.item, kind, release.namespace, value, keys, is_sure, release)


def parents(way: Way, variables: Variables) -> Iterator[Parent]:
    """The Gateways that a route names; other kinds of parents, and names that nobody here knows, are left out."""
    for number, entry in enumerate(map(mapping, sequence(way.content.get("parentRefs")))):
        name = variables.of_way(entry.get("name", ""), way)
        namespace = variables.of_way(entry.get("namespace") or way.namespace, way)
        if (entry.get("kind") or "Gateway") == "Gateway" and (entry.get("group") or GATEWAYS) == GATEWAYS:
            if name and not is_open(name + namespace):
                listener = f"{entry.get('sectionName', '')}:{entry.get('port', '')}"
                yield Parent((namespace, name), listener, (*way.keys, "parentRefs", number))


def route_hosts(way: Way) -> Iterator[Host]:
    """The hostnames of a route, each with each of its matches."""
    rules = [mapping(rule) for rule in sequence(way.content.get("rules"))] or [{}]
    matches = [match for rule in rules for match in sequence(rule.get("matches")) or [{}]]
    for number, name in enumerate(sequence(way.content.get("hostnames"))):
        for match in matches:
            yield Host(str(name), _match(mapping(match)), (*way.keys, "hostnames", number))


def _match(match: Mapping[str, Any]) -> str:
    """A match as text: the path, and whatever else tells requests apart."""
    path = mapping(match.get("path"))
    found = str(path.get("value") or "/")
    rest = {key: value for key, value in match.items() if key != "path"}
    exactly = "" if path.get("type", "PathPrefix") == "PathPrefix" else f"{path['type']} "
    return f"{exactly}{found}{rest or ''}"
