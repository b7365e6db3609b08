"""The namespaces, apps and chart sources of a repository, read from the files that Flux applies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from talos_flux import envsubst
from talos_flux.errors import UserError

# The C parser is ten times faster, and not available everywhere.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
HOST_KEYS = {"host", "hosts", "hostname", "hostnames", "dnsName"}
POD_SECURITY = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True)
class App:
    """A Flux Kustomization with a folder of its own, kubernetes/apps/<namespace>/<name>."""

    name: str
    namespace: str
    folder: Path
    depends_on: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class ChartSource:
    """A chart source, kubernetes/flux/meta/repos/<name>.yaml.

    `kind` is OCIRepository or HelmRepository, `version` an OCI tag.
    """

    name: str
    kind: str
    url: str
    version: str
    path: Path


@dataclass(frozen=True)
class Repository:
    """A cluster's repository; files are read once, so take a new one after a change."""

    root: Path
    _read: dict[Path, list[Any]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def around(cls, path: Path) -> "Repository":
        """Return the repository that a path lies in or will lie in; UserError when it is in none."""
        for folder in [path, *path.parents]:
            if (folder / "kubernetes/flux/cluster").is_dir() and (folder / "kubernetes/apps").is_dir():
                return cls(folder)
        raise UserError(f"{path} is not inside a cluster's repository: no folder above it has kubernetes/apps.")

    def short(self, path: Path) -> str:
        """Return a path relative to the repository."""
        return path.relative_to(self.root).as_posix()

    def documents(self, path: Path) -> list[Any]:
        """Return the YAML documents of a file; UserError when it can't be read or is no YAML."""
        if path not in self._read:
            try:
                self._read[path] = list(yaml.load_all(path.read_text(), Loader))
            except (yaml.YAMLError, UnicodeDecodeError) as error:
                raise UserError(f"{self.short(path)} is not YAML: {' '.join(str(error).split())}.") from None
            except OSError as error:
                raise UserError(f"{self.short(path)} can't be read: {error.strerror}.") from None
        return self._read[path]

    def yaml_files(self, folder: Path) -> list[Path]:
        """Return the YAML files below a folder, sorted, so that the order is the same everywhere."""
        return [path for path in sorted(folder.rglob("*.yaml")) if path.is_file()]

    @property
    def folder_of_apps(self) -> Path:
        """Return the folder of the namespaces."""
        return self.root / "kubernetes/apps"

    @cached_property
    def kustomizations(self) -> dict[str, tuple[Path, dict[str, Any]]]:
        """Return every Flux Kustomization by its name, with its file and its spec."""
        by_name = {}
        for path in self.yaml_files(self.root / "kubernetes"):
            # A ks.yaml is read by its name, so that one which a merge left unreadable is an error.
            if path.name == "ks.yaml" or "kustomize.toolkit.fluxcd.io/v1" in path.read_text(errors="replace"):
                for document in self.documents(path):
                    if is_kind(document, "Kustomization", "kustomize.toolkit.fluxcd.io"):
                        by_name[name_of(document)] = path, mapping(document.get("spec"))
        return by_name

    @cached_property
    def apps(self) -> dict[str, App]:
        """Return every app by its name."""
        by_name = {}
        for name, (path, spec) in self.kustomizations.items():
            parts = path.relative_to(self.root).parts
            if parts[:2] == ("kubernetes", "apps") and len(parts) == 5:
                by_name[name] = App(name, parts[2], path.parent, depends_on(spec))
        return by_name

    def app_in(self, folder: Path) -> App:
        """Return the app of a folder; UserError when there is none."""
        for app in self.apps.values():
            if app.folder == folder:
                return app
        raise UserError(f"there is no app in {self.short(folder)}.")

    def app_at(self, qualified_name: str, variable: str = "APP") -> App:
        """Return the app at <namespace>/<app>, as a variable of a task says it; UserError when there is none."""
        return self.app_in(self.folder_of_apps.joinpath(*namespace_and_name(qualified_name, variable)))

    def dependants(self, name: str) -> list[str]:
        """Return the names of the Kustomizations that wait for one."""
        return [other for other, (_, spec) in self.kustomizations.items() if name in depends_on(spec)]

    def pod_security(self, namespace: str) -> str:
        """Return the level that a namespace enforces; Talos' own, baseline, where it says nothing."""
        for path in sorted((self.folder_of_apps / namespace).glob("*.yaml")):
            for document in self.documents(path):
                if isinstance(document, dict) and (document.get("kind"), name_of(document)) == ("Namespace", namespace):
                    return str((document["metadata"].get("labels") or {}).get(POD_SECURITY, "baseline"))
        return "baseline"

    # --- Chart sources ---

    @property
    def folder_of_sources(self) -> Path:
        """Return the folder of the chart sources; a file there needs no registration."""
        return self.root / "kubernetes/flux/meta/repos"

    @cached_property
    def chart_sources(self) -> dict[str, ChartSource]:
        """Return every chart source by its name."""
        by_name = {}
        for path in sorted(self.folder_of_sources.glob("*.yaml")):
            for document in self.documents(path):
                if isinstance(document, dict) and document.get("kind") in ("OCIRepository", "HelmRepository"):
                    spec = document.get("spec") or {}
                    version = str((spec.get("ref") or {}).get("tag", ""))
                    name = name_of(document)
                    by_name[name] = ChartSource(name, document["kind"], str(spec.get("url")), version, path)
        return by_name

    def users_of(self, source: ChartSource) -> list[Path]:
        """Return the files with a HelmRelease that takes its chart from a source."""
        return [
            path
            for path, release in self.objects("HelmRelease")
            if (source.kind, source.name) in ((ref.get("kind"), ref.get("name")) for ref in references(release))
        ]

    # --- What apps hold ---

    def objects(self, *kinds: str, folder: Path | None = None) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield the objects of some kinds in a folder, all apps unless given, each with its file."""
        for path in self.yaml_files(folder or self.folder_of_apps):
            text = path.read_text(errors="replace")
            if any(f"kind: {kind}" in text for kind in kinds):
                for document in self.documents(path):
                    if isinstance(document, dict) and document.get("kind") in kinds:
                        yield path, document

    @cached_property
    def domain(self) -> str:
        """Return the domain that Flux substitutes for ${DOMAIN}."""
        path = self.root / "kubernetes/flux/meta/settings/cluster-settings.yaml"
        for document in self.documents(path) if path.is_file() else []:
            if domain := mapping(mapping(document).get("data")).get("DOMAIN"):
                return str(domain)
        raise UserError(f"{self.short(path)} has no data.DOMAIN, the domain of the apps.")

    def owner_of_host(self, host: str) -> Path | None:
        """Return the file that gives a host name to an app, however its domain is spelled; None when there is none."""
        wanted = self.spelled_out(host)
        label = wanted.removesuffix(self.domain.lower())
        for path in self.yaml_files(self.folder_of_apps):
            if label in path.read_text(errors="replace").lower():
                for document in self.documents(path):
                    if is_routed(document) and wanted in map(self.spelled_out, hosts(document)):
                        return path
        return None

    def spelled_out(self, host: str) -> str:
        """Return a host name as it will be in the cluster, where capitals make no difference."""
        return envsubst.substitute(host, {"DOMAIN": self.domain}, are_all=False).lower()


def namespace_and_name(qualified_name: str, variable: str) -> tuple[str, str]:
    """Return both parts of <namespace>/<app>, as a variable of a task says it; UserError for anything else."""
    if not qualified_name:
        raise UserError(f"{variable} is missing: {variable}=<namespace>/<app>.")
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", qualified_name):
        raise UserError(f"{variable} is <namespace>/<app>, not {qualified_name}.")
    namespace, _, name = qualified_name.partition("/")
    return namespace, name


def name_of(document: dict[str, Any]) -> str:
    """Return the name of an object; empty when it has none."""
    return str(mapping(document.get("metadata")).get("name", ""))


def mapping(value: Any) -> dict[str, Any]:
    """Return a part of an object; empty where it is no mapping."""
    return value if isinstance(value, dict) else {}


def depends_on(spec: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the Kustomizations that one waits for."""
    return tuple(str(entry.get("name")) for entry in spec.get("dependsOn") or [] if isinstance(entry, dict))


def is_kind(document: Any, kind: str, group: str) -> bool:
    """Return whether a document is an object of a kind, in any version."""
    if not isinstance(document, dict):
        return False
    return document.get("kind") == kind and str(document.get("apiVersion")).startswith(f"{group}/")


def is_routed(document: Any) -> bool:
    """Return whether an object can give an app a host name."""
    return isinstance(document, dict) and document.get("kind") in ("DNSEndpoint", "HelmRelease", "HTTPRoute", "Ingress")


def references(release: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the references from which a HelmRelease takes its chart."""
    spec = release.get("spec") or {}
    yield spec.get("chartRef") or {}
    yield (((spec.get("chart") or {}).get("spec")) or {}).get("sourceRef") or {}


def hosts(value: Any) -> Iterator[str]:
    """Yield the host names that stand anywhere in an object, under the keys that charts and routes use."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in HOST_KEYS:
                yield from (text for text in (inner if isinstance(inner, list) else [inner]) if isinstance(text, str))
            yield from hosts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from hosts(inner)
