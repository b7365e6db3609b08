"""Rule about routes of app-template that lead nowhere."""

from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.releases import VALUES, Release, mapping, releases, sequence


@rule(
    "route-without-backend",
    Severity.ERROR,
    "app-template leads a route by itself to its Service only where the values have exactly one.",
    "Write rules with backendRefs: the identifier of the service, and its port.",
)
def route_without_backend(cluster: Cluster) -> Violations:
    """Find routes without a backend in releases with several services, or none: lib/routes/_autoDetectService.tpl."""
    for release in releases(cluster):
        if not release.is_app_template or not release.is_whole:
            continue
        services = _enabled(release, "service")
        if len(services) == 1:
            continue
        for name, route in _enabled(release, "route").items():
            rules = [mapping(one) for one in sequence(route.get("rules"))]
            if any(one.get("filters") or _names_one(one) for one in rules):
                continue
            there = f"which of {', '.join(services)}" if services else "of which there is none"
            yield release.item.at(*VALUES, "route", name), f"route {name} of {release.item} names no service, {there}"


def _names_one(rule_: Any) -> bool:
    entries = map(mapping, sequence(rule_.get("backendRefs")))
    return any(entry.get("name") or entry.get("identifier") for entry in entries)


def _enabled(release: Release, section: str) -> dict[str, Any]:
    """Return what a section enables, as the chart does: what is no mapping is not there."""
    entries = mapping(release.get(section)).items()
    return {str(key): one for key, one in entries if isinstance(one, dict) and one.get("enabled") is not False}
