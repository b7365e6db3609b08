"""Rules about the identifiers by which app-template's values refer to one another."""

from collections.abc import Iterator

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.backends import identifiers
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.releases import VALUES, Keys, Release, mapping, releases

# Until app-template 3.0 the chart's own values had one of each.
OF_THE_CHART = "main"


@rule(
    "identifier-unknown",
    Severity.ERROR,
    "Helm makes nothing of a release of app-template whose values refer to a controller or service they don't have.",
    "Write the key under controllers or service.",
)
def identifier_unknown(cluster: Cluster) -> Violations:
    """Find controllers of services and mounts, and services of ingresses and routes, that the values don't enable."""
    for release in releases(cluster):
        if not release.is_app_template or not release.is_whole:
            continue
        has_own = release.major in (None, 1, 2)
        for section, kind, keys, wanted in _named(release):
            known = [
                str(key)
                for key, entry in mapping(release.get(section)).items()
                if isinstance(entry, dict) and entry.get("enabled") is not False
            ]
            is_open = any(sign in name for name in (wanted, *known) for sign in ("$", "{{"))
            if wanted in known or is_open or (has_own and wanted == OF_THE_CHART):
                continue
            name = ".".join(map(str, keys[len(VALUES) :]))
            there = f"there is {', '.join(known)}" if known else "there is none"
            yield release.item.at(*keys), f"{name} of {release.item} names {kind} {wanted}, which is not there: {there}"


def _named(release: Release) -> Iterator[tuple[str, str, Keys, str]]:
    """Yield what is referred to: its section, its kind, and where it is named.

    The chart refuses each: templates/lib/service/_validate.tpl, lib/chart/_validate.tpl, classes/_ingress.tpl and
    _route.tpl of its library.
    """
    for key, entry in mapping(release.get("service")).items():
        service = mapping(entry)
        if service.get("controller") and service.get("enabled") is not False:
            yield "controllers", "controller", (*VALUES, "service", key, "controller"), str(service["controller"])
    for key, entry in mapping(release.get("persistence")).items():
        for name in mapping(mapping(entry).get("advancedMounts")):
            keys: Keys = (*VALUES, "persistence", key, "advancedMounts", name)
            yield "controllers", "controller", keys, str(name)
    # lib/pod/fields/_serviceAccountName.tpl of 4.0; 5.0 makes one for each controller.
    for key, entry in mapping(release.get("controllers")).items() if release.major == 4 else ():
        wanted = mapping(mapping(entry).get("serviceAccount")).get("identifier")
        if wanted and mapping(entry).get("enabled") is not False:
            keys = (*VALUES, "controllers", key, "serviceAccount", "identifier")
            yield "serviceAccount", "service account", keys, str(wanted)
    for keys, entry in identifiers(release):
        yield "service", "service", keys, str(entry)
