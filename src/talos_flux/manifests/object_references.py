"""Every reference from one object to another that reference_table.py knows, in manifests and in values of releases."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import CLUSTER_SCOPED, HELM, Object, Place
from talos_flux.manifests.post_build import Variables, variables_in
from talos_flux.manifests.reference_table import (
    BY_KEY,
    CLUSTER_WIDE,
    CONFIG_MAP,
    GATEWAY,
    GROUPS,
    SECRET,
    Field,
    OfKind,
)
from talos_flux.manifests.releases import Keys, Release, mapping, releases, sequence

# Objects without references, some of them large.
WITHOUT = {"ConfigMap", "CustomResourceDefinition", "GrafanaDashboard", "Namespace", "PrometheusRule", "Secret"}
# Fields in which a reference says its kind, and whose rows have only the default.
SAYS_KIND = {
    "caCertificateRefs", "certificateRefs", "dataSource", "dataSourceRef", "eventSources", "extensionRef",
    "generatorRef", "issuerRef", "parametersRef", "resources", "scaleTargetRef", "secretStoreRef", "secretStoreRefs",
    "roleRef", "subjects", "targetRef", "targetRefs",
}  # fmt: skip
NESTED = (dict, list)
SUFFIXES = ("ConfigMapKeyRef", "SecretKeyRef", "SecretRef")
TEMPLATE = re.compile(r"\{\{-?\s*\.Release\.(Name|Namespace)\s*-?\}\}")


@dataclass(frozen=True, eq=False)
class ObjectReference:
    """An object that names another one: where it says so, and what it names.

    `part` is the key of a Secret or ConfigMap that it asks for, at `part_keys`; empty for none.
    """

    kustomization: Kustomization
    item: Object
    keys: Keys
    target: OfKind
    namespace: str
    name: str
    is_optional: bool = False
    part: str = ""
    part_keys: Keys = ()
    is_vital: bool = True

    @property
    def place(self) -> Place:
        """Return where it says so."""
        return self.item.at(*self.keys)

    @property
    def is_open(self) -> bool:
        """Return whether it has a variable or a template whose value is unknown."""
        return any(sign in f"{self.target.kind}{self.namespace}{self.name}" for sign in ("$", "{{", "<<"))

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.target.kind} {where}{self.name}"


@lru_cache(maxsize=4)
def references(cluster: Cluster) -> tuple[ObjectReference, ...]:
    """Return every reference of what Flux applies; computed once."""
    return tuple(_Reader(cluster).read())


class _Reader:
    """Reads the objects of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.variables: Variables = variables_in(cluster)
        self.release_of = {id(release.item): release for release in releases(cluster)}
        issuers = next((each.namespace for each in releases(cluster) if each.chart == "cert-manager"), "cert-manager")
        # Where operators look for the Secrets of objects that are in no namespace.
        self.homes = {"ClusterIssuer": issuers, "CiliumBGPPeerConfig": "kube-system"}

    def read(self) -> Iterator[ObjectReference]:
        for kustomization in self.cluster.kustomizations:
            for item in kustomization.objects:
                if item.kind in WITHOUT:
                    continue
                release = self.release_of.get(id(item)) if item.is_a("HelmRelease", HELM) else None
                if release:
                    yield from self._of_release(kustomization, item, release)
                else:
                    yield from self._inside(kustomization, item, None, item.content, ())

    def _of_release(self, kustomization: Kustomization, item: Object, release: Release) -> Iterator[ObjectReference]:
        for number, entry in enumerate(map(mapping, sequence(item.spec.get("valuesFrom")))):
            target = {"Secret": SECRET, "ConfigMap": CONFIG_MAP}.get(str(entry.get("kind")))
            if target and entry.get("name"):
                keys: Keys = ("spec", "valuesFrom", number)
                part = str(entry.get("valuesKey") or "values.yaml")
                optional = bool(entry.get("optional"))
                name = self._text(kustomization, item, None, entry["name"])
                yield ObjectReference(kustomization, item, keys, target, item.namespace, name, optional, part, keys)
        yield from self._inside(kustomization, item, release, release.values, ("spec", "values"))
        if release.is_app_template:
            yield from self._of_app_template(kustomization, item, release)

    def _of_app_template(
        self, kustomization: Kustomization, item: Object, release: Release
    ) -> Iterator[ObjectReference]:
        """Yield what persistence of bjw-s' chart names: ConfigMaps, Secrets, and the keys that are mounted alone."""
        for key, entry in mapping(release.get("persistence")).items():
            if not isinstance(entry, dict) or entry.get("enabled") is False or not entry.get("name"):
                continue
            target = {"configMap": CONFIG_MAP, "secret": SECRET}.get(str(entry.get("type")))
            if not target:
                continue
            keys: Keys = ("spec", "values", "persistence", key)
            name = self._text(kustomization, item, release, entry["name"])
            yield ObjectReference(kustomization, item, (*keys, "name"), target, release.namespace, name)
            for part, where in _parts_of_volume(entry, keys):
                yield ObjectReference(
                    kustomization, item, (*keys, "name"), target, release.namespace, name, False, part, where
                )

    def _inside(
        self, kustomization: Kustomization, item: Object, release: Release | None, content: Any, above: Keys
    ) -> Iterator[ObjectReference]:
        """Yield the references inside a value; what values switch off is left out."""
        waiting: list[tuple[Keys, Any]] = [(above, content)]
        while waiting:
            keys, value = waiting.pop()
            if isinstance(value, list):
                # The first entry is the next one.
                inner = [((*keys, number), entry) for number, entry in enumerate(value) if isinstance(entry, NESTED)]
                waiting += reversed(inner)
                continue
            if release and value.get("enabled") is False:
                continue
            for key, entry in value.items():
                if key in BY_KEY or (isinstance(key, str) and key[-3:] == "Ref" and key.endswith(SUFFIXES)):
                    yield from self._by_rows(kustomization, item, release, key, entry, (*keys, key))
            waiting += [((*keys, key), entry) for key, entry in reversed(value.items()) if isinstance(entry, NESTED)]
            if "volumes" in value and "containers" in value:
                yield from self._mounted_keys(kustomization, item, value, keys)

    def _by_rows(
        self, kustomization: Kustomization, item: Object, release: Release | None, key: str, value: Any, keys: Keys
    ) -> Iterator[ObjectReference]:
        for row in (*BY_KEY.get(key, ()), *_by_suffix(key, value)):
            if row.holders and item.kind not in row.holders:
                continue
            if row.under and row.under not in keys:
                continue
            if release and not release.is_app_template and not row.of_charts:
                continue
            yield from self._named(kustomization, item, release, row, value, keys)
            return

    def _named(
        self,
        kustomization: Kustomization,
        item: Object,
        release: Release | None,
        row: Field,
        value: Any,
        keys: Keys,
    ) -> Iterator[ObjectReference]:
        if isinstance(value, list):
            for number, entry in enumerate(value):
                yield from self._named(kustomization, item, release, row, entry, (*keys, number))
            return
        entry = mapping(value)
        text = entry.get(row.name) if isinstance(value, dict) else value
        if isinstance(text, dict):
            # A field that holds the reference itself, as configMap does in templateFrom.
            yield from self._named(kustomization, item, release, Field(row.name, row.target), text, (*keys, row.name))
            return
        if not isinstance(text, str) or not text or "*" in text:
            return
        if row.key == "k8s.v1.cni.cncf.io/networks":
            yield from self._networks(kustomization, item, release, text, keys)
            return
        said = str(entry.get("kind") or row.target.kind)
        target = _target_of(row, entry, self._text(kustomization, item, release, said))
        if row.key == "subjects" and target.kind != "ServiceAccount":
            return
        namespace = self._namespace(item, release, target, entry)
        if namespace is None:
            return
        name = self._text(kustomization, item, release, text)
        part = str(entry.get(row.part) or "") if row.part else ""
        name_keys = (*keys, row.name) if isinstance(value, dict) else keys
        is_optional = bool(entry.get("optional")) or _is_made_here(item, entry, keys)
        part_keys = (*keys, row.part) if part else ()
        yield ObjectReference(kustomization, item, name_keys, target, namespace, name, is_optional, part, part_keys,
                        row.is_vital)  # fmt: skip
        for number, each in enumerate(sequence(entry.get("items"))):
            if wanted := mapping(each).get("key"):
                where = (*keys, "items", number)
                yield ObjectReference(
                    kustomization, item, name_keys, target, namespace, name, is_optional, str(wanted), where
                )

    def _networks(
        self, kustomization: Kustomization, item: Object, release: Release | None, text: str, keys: Keys
    ) -> Iterator[ObjectReference]:
        """Yield the networks that Multus adds to a pod: names with commas between them, or JSON."""
        own = release.namespace if release else item.namespace
        text = self._text(kustomization, item, release, text).strip()
        if text.startswith("["):
            try:
                named = [(str(e.get("namespace") or own), str(e.get("name"))) for e in json.loads(text)]
            except (ValueError, AttributeError):
                return
        else:
            named = []
            for entry in text.split(","):
                namespace, _, name = entry.strip().partition("@")[0].rpartition("/")
                named.append((namespace or own, name))
        for namespace, name in named:
            yield ObjectReference(
                kustomization, item, keys, OfKind("NetworkAttachmentDefinition", "k8s.cni.cncf.io"), namespace, name
            )

    def _mounted_keys(
        self, kustomization: Kustomization, item: Object, pod: Mapping[str, Any], keys: Keys
    ) -> Iterator[ObjectReference]:
        """Yield the keys of Secrets and ConfigMaps that containers mount alone, by subPath."""
        volumes = {str(v.get("name")): v for v in map(mapping, sequence(pod.get("volumes")))}
        for group in ("initContainers", "containers"):
            for number, container in enumerate(map(mapping, sequence(pod.get(group)))):
                for position, mount in enumerate(map(mapping, sequence(container.get("volumeMounts")))):
                    volume = volumes.get(str(mount.get("name")), {})
                    for key, target, field in (("configMap", CONFIG_MAP, "name"), ("secret", SECRET, "secretName")):
                        source = mapping(volume.get(key))
                        if (
                            not mount.get("subPath")
                            or not source.get(field)
                            or source.get("items")
                            or source.get("optional")
                        ):
                            continue
                        where = (*keys, group, number, "volumeMounts", position, "subPath")
                        name = self._text(kustomization, item, None, source[field])
                        part = str(mount["subPath"]).partition("/")[0]
                        yield ObjectReference(
                            kustomization, item, where, target, item.namespace, name, False, part, where
                        )

    def _namespace(self, item: Object, release: Release | None, target: OfKind, entry: Mapping[str, Any]) -> str | None:
        """Return the namespace of a target, empty where its kind is in none; None where it can't be told."""
        if target.kind in CLUSTER_WIDE or target.kind in CLUSTER_SCOPED:
            return ""
        if said := entry.get("namespace"):
            return str(said)
        if item.kind in self.homes:
            return self.homes[item.kind]
        if item.kind in CLUSTER_WIDE or item.kind in CLUSTER_SCOPED:
            return None
        return (release.namespace if release else item.namespace) or None

    def _text(self, kustomization: Kustomization, item: Object, release: Release | None, text: Any) -> str:
        resolved = self.variables.resolve(text, kustomization, item)
        return filled(resolved, release) if release else resolved


def filled(text: str, release: Release) -> str:
    """Return a text of a release with its name and its namespace in the place of what templates call them."""
    names = {"Name": release.name, "Namespace": release.namespace}
    return TEMPLATE.sub(lambda match: names[match[1]], text) if "{{" in text else text


def _by_suffix(key: str, value: Any) -> tuple[Field, ...]:
    """Return the row of a field that names a Secret's or a ConfigMap's key, as its own name says."""
    if not isinstance(value, dict) or "key" not in value or key == "privateKeySecretRef":
        return ()
    return (Field(key, CONFIG_MAP if "onfigMap" in key else SECRET, part="key", is_vital=False),)


def _target_of(row: Field, entry: Mapping[str, Any], kind: str) -> OfKind:
    """Return what a reference names: of the kind that it says, or of its row's."""
    if row.key not in SAYS_KIND:
        return row.target
    if "apiVersion" in entry:
        return OfKind(kind, str(entry["apiVersion"]).rpartition("/")[0])
    group = entry.get("group", entry.get("apiGroup"))
    if group is not None and group != "core":
        return OfKind(kind, str(group))
    return row.target if kind == row.target.kind else OfKind(kind, GROUPS.get(kind, _group_beside(row, kind)))


def _group_beside(row: Field, kind: str) -> str:
    """Return the group of a kind that a reference names without one."""
    return (
        ""
        if kind in ("Secret", "ConfigMap", "Service", "PersistentVolumeClaim", "ServiceAccount")
        else row.target.group
    )


def _is_made_here(item: Object, entry: Mapping[str, Any], keys: Keys) -> bool:
    """Return whether a reference says where to write, as to operators of databases and to cert-manager's shim."""
    if entry.get("generate") is True:
        return True
    if item.kind == "Ingress" and keys[:2] == ("spec", "tls"):
        return any(str(name).startswith(("cert-manager.io/", "kubernetes.io/tls-acme")) for name in item.annotations)
    return item.is_a("Gateway", GATEWAY.group) and any(str(n).startswith("cert-manager.io/") for n in item.annotations)


def _parts_of_volume(entry: Mapping[str, Any], keys: Keys) -> Iterator[tuple[str, Keys]]:
    """Yield the keys that a volume of app-template takes: its items, or the subPath of its mounts."""
    listed = sequence(entry.get("items"))
    for number, each in enumerate(listed):
        if wanted := mapping(each).get("key"):
            yield str(wanted), (*keys, "items", number)
    if listed:
        return
    for where, mounts in _mounts(entry, keys):
        for number, mount in enumerate(map(mapping, mounts)):
            if mount.get("subPath"):
                yield str(mount["subPath"]).partition("/")[0], (*where, number, "subPath")


def _mounts(entry: Mapping[str, Any], keys: Keys) -> Iterator[tuple[Keys, list[Any]]]:
    yield (*keys, "globalMounts"), sequence(entry.get("globalMounts"))
    for controller, containers in mapping(entry.get("advancedMounts")).items():
        for container, mounts in mapping(containers).items():
            yield (*keys, "advancedMounts", controller, container), sequence(mounts)
