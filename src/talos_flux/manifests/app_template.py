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
            yield from ((target, name) for name in names_of(release, section, key, entry))
    # Of old versions, and of those that make one unless told otherwise.
    yield SERVICE_ACCOUNT, str(mapping(release.get("serviceAccount")).get("name") or full_name(release))
    yield SERVICE_ACCOUNT, full_name(release)
    for key, entry in _entries(release, "persistence"):
        yield from ((CLAIM, name) for name in names_of(release, "persistence", key, entry))
    for key, entry in _entries(release, "controllers"):
        target = WORKLOADS.get(str(entry.get("type") or "deployment").lower(), WORKLOADS["deployment"])
        yield from ((target, name) for name in names_of(release, "controllers", key, entry))
        statefulset = mapping(entry.get("statefulset"))
        for claim in statefulset.get("volumeClaimTemplates") or ():
            name = mapping(claim).get("name")
            pods = names_of(release, "controllers", key, entry)
            yield from ((CLAIM, f"{name}-{each}-{n}") for each in pods for n in range(3))
    for key, entry in _entries(release, "route"):
        target = OfKind(str(entry.get("kind") or "HTTPRoute"), "gateway.networking.k8s.io")
        yield from ((target, name) for name in names_of(release, "route", key, entry))
    for key, entry in _entries(release, "rawResources"):
        target = OfKind(str(entry.get("kind")), str(entry.get("apiVersion") or "").rpartition("/")[0])
        yield from ((target, name) for name in names_of(release, "rawResources", key, entry))


def names_of(release: Release, section: str, key: str, entry: Mapping[str, Any]) -> set[str]:
    """Return every name that an object of a section can have: one since 4.0, and before what a version made of it."""
    if entry.get("forceRename"):
        return {_filled(release, entry["forceRename"])}
    base = full_name(release)
    if release.is_whole and (release.major or 0) >= 4 and "$" not in f"{key}{base}":
        return {_name_since_4(release, section, key, entry, base)}
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


def _name_since_4(release: Release, section: str, key: str, entry: Mapping[str, Any], name: str) -> str:
    prefix, suffix = (_filled(release, entry.get(field) or "") for field in ("prefix", "suffix"))
    if prefix and prefix != name:
        name = f"{prefix}-{name}"
    is_one_of_several = len(list(_entries(release, section))) > 1
    if is_one_of_several or mapping(release.get("global")).get("alwaysAppendIdentifierToResourceName"):
        name = name if name == key or name.endswith(f"-{key}") else f"{name}-{key}"
    if suffix and not name.endswith(f"-{suffix}"):
        name = f"{name}-{suffix}"
    return name.lower()


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
        yield {*names_of(release, "service", key, entry), f"#{key}"}, ports or None


def _entries(release: Release, section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what a section enables; of persistence the claims that the chart makes."""
    for key, entry in mapping(release.get(section)).items():
        if isinstance(entry, dict) and entry.get("enabled") is not False:
            if section != "persistence" or _is_a_claim(entry):
                yield str(key), entry


def _is_a_claim(entry: Mapping[str, Any]) -> bool:
    kind = entry.get("type") or "persistentVolumeClaim"
    return kind == "persistentVolumeClaim" and not entry.get("existingClaim")


def _filled(release: Release, text: Any) -> str:
    result = str(text)
    for name, value in (("Name", release.name), ("Namespace", release.namespace)):
        for form in (f"{{{{ .Release.{name} }}}}", f"{{{{.Release.{name}}}}}", f"{{{{- .Release.{name} -}}}}"):
            result = result.replace(form, value)
    return result
