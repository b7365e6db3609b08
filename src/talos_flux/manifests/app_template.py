"""What bjw-s' chart app-template makes: the names of its objects, and the ports of its Services.

The names follow its library, templates/lib/common/_determineResourceNameFromValues.tpl: the release's name, with the
identifier where there are several of a kind (since 4.0) or all but the first (before), a prefix and a suffix.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from talos_flux.manifests.reference_table import CLAIM, CONFIG_MAP, SECRET, SERVICE, SERVICE_ACCOUNT, OfKind
from talos_flux.manifests.releases import Release, mapping

# Variables, which Flux fills in before the chart makes a name lower case, and what stands beside them.
PARTS = re.compile(r"\$\{[^}]*\}|[^$]+|\$")
WORKLOADS = {
    "cronjob": OfKind("CronJob", "batch"), "daemonset": OfKind("DaemonSet", "apps"),
    "deployment": OfKind("Deployment", "apps"), "job": OfKind("Job", "batch"),
    "statefulset": OfKind("StatefulSet", "apps"),
}  # fmt: skip
SECTIONS = {
    "configMaps": CONFIG_MAP, "configMapsFromFolder": CONFIG_MAP, "ingress": OfKind("Ingress", "networking.k8s.io"),
    "secrets": SECRET, "service": SERVICE, "serviceAccount": SERVICE_ACCOUNT,
}  # fmt: skip


def made_by(release: Release) -> Iterator[tuple[OfKind, str]]:
    """Yield kind and name of what a release makes, with every name that one of the chart's versions gives it."""
    for section, target in SECTIONS.items():
        for key, entry in _entries(release, section):
            yield from ((target, name) for name in names_of(release, key, entry))
    # Of old versions, and of those that make one unless told otherwise.
    yield SERVICE_ACCOUNT, str(mapping(release.get("serviceAccount")).get("name") or full_name(release))
    yield SERVICE_ACCOUNT, full_name(release)
    for key, entry in _entries(release, "persistence"):
        if entry.get("type", "persistentVolumeClaim") == "persistentVolumeClaim" and not entry.get("existingClaim"):
            yield from ((CLAIM, name) for name in names_of(release, key, entry))
    for key, entry in _entries(release, "controllers"):
        target = WORKLOADS.get(str(entry.get("type") or "deployment").lower(), WORKLOADS["deployment"])
        yield from ((target, name) for name in names_of(release, key, entry))
        statefulset = mapping(entry.get("statefulset"))
        for claim in statefulset.get("volumeClaimTemplates") or ():
            name = mapping(claim).get("name")
            yield from ((CLAIM, f"{name}-{each}-{n}") for each in names_of(release, key, entry) for n in range(3))
    for key, entry in _entries(release, "route"):
        target = OfKind(str(entry.get("kind") or "HTTPRoute"), "gateway.networking.k8s.io")
        yield from ((target, name) for name in names_of(release, key, entry))
    for key, entry in _entries(release, "rawResources"):
        target = OfKind(str(entry.get("kind")), str(entry.get("apiVersion") or "").rpartition("/")[0])
        yield from ((target, name) for name in names_of(release, key, entry))


def names_of(release: Release, key: str, entry: Mapping[str, Any]) -> set[str]:
    """Return every name that an object can have."""
    if entry.get("forceRename"):
        return {_filled(release, entry["forceRename"])}
    base = full_name(release)
    names = {base, key if base == key else f"{base}-{key}"}
    if base.endswith(f"-{key}"):
        names.add(base)
    if override := entry.get("nameOverride"):
        names.add(f"{base}-{_filled(release, override)}")
    if prefix := entry.get("prefix"):
        names = {f"{_filled(release, prefix)}-{name}" for name in names}
    if suffix := entry.get("suffix"):
        names = {f"{name}-{_filled(release, suffix)}" for name in names}
    return {PARTS.sub(lambda part: part[0] if part[0].startswith("${") else part[0].lower(), name) for name in names}


def full_name(release: Release) -> str:
    """Return the name that its objects start with."""
    override = mapping(release.get("global")).get("fullnameOverride") or release.get("fullnameOverride")
    return _filled(release, override) if override else release.name


def ports_of(release: Release) -> Iterator[tuple[set[str], set[str] | None]]:
    """Yield the names of each Service with its ports, by number and by name; None where these can't be told."""
    for key, entry in _entries(release, "service"):
        ports: set[str] | None = set()
        for name, port in mapping(entry.get("ports")).items():
            if not isinstance(port, dict) or port.get("enabled") is False:
                continue
            number = str(port.get("port"))
            if ports is None or not number.isdigit():
                ports = None
                break
            ports |= {number, str(name)}
        yield {*names_of(release, key, entry), f"#{key}"}, ports or None


def _entries(release: Release, section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, entry in mapping(release.get(section)).items():
        if isinstance(entry, dict) and entry.get("enabled") is not False:
            yield str(key), entry


def _filled(release: Release, text: Any) -> str:
    result = str(text)
    for name, value in (("Name", release.name), ("Namespace", release.namespace)):
        for form in (f"{{{{ .Release.{name} }}}}", f"{{{{.Release.{name}}}}}", f"{{{{- .Release.{name} -}}}}"):
            result = result.replace(form, value)
    return result
