"""How long the lists of the Gateway API may be: maxItems in its CustomResourceDefinitions, as of 1.4."""

from collections.abc import Iterator, Mapping
from typing import Any

from talos_flux.manifests.exposure import GATEWAYS
from talos_flux.manifests.objects import Object
from talos_flux.manifests.releases import Keys, mapping, sequence

OF_ROUTES: Mapping[Keys, int] = {("hostnames",): 16, ("parentRefs",): 32, ("rules",): 16}
OF_RULES = {"backendRefs": 16, "filters": 16, "matches": 64}
LIMITS: Mapping[str, Mapping[Keys, int]] = {
    "Gateway": {("addresses",): 16, ("listeners",): 64},
    "GRPCRoute": OF_ROUTES,
    "HTTPRoute": OF_ROUTES,
    "ReferenceGrant": {("from",): 16, ("to",): 16},
    "TLSRoute": OF_ROUTES,
}


def too_long(item: Object) -> Iterator[tuple[Keys, int, int]]:
    """Yield the lists of an object that are too long, with their length and the most that is allowed."""
    if item.group != GATEWAYS:
        return
    for keys, most in LIMITS.get(item.kind, {}).items():
        yield from _over(item, ("spec", *keys), most)
    for number, rule in enumerate(map(mapping, sequence(item.spec.get("rules")))):
        for name, most in OF_RULES.items() if item.kind in ("GRPCRoute", "HTTPRoute") else ():
            if name in rule:
                yield from _over(item, ("spec", "rules", number, name), most)


def _over(item: Object, keys: Keys, most: int) -> Iterator[tuple[Keys, int, int]]:
    value: Any = item.get(*keys)
    if len(sequence(value)) > most:
        yield keys, len(value), most
