"""The objects of Kubernetes and Flux in the YAML of a repository, each with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from talos_flux.repository.files import Line, List, Map, RepositoryFile

FLUX = "kustomize.toolkit.fluxcd.io"
# An annotation or a label; with the value disabled, Flux substitutes nothing in an object.
SUBSTITUTE = f"{FLUX}/substitute"
HELM = "helm.toolkit.fluxcd.io"
SOURCES = "source.toolkit.fluxcd.io"
# Kinds that make pods, and are ready some time after they are applied.
WORKLOADS = {"CronJob", "DaemonSet", "Deployment", "HelmRelease", "Job", "StatefulSet"}
# Kustomize leaves the namespace of these alone, and takes kinds that it does not know for namespaced.
CLUSTER_SCOPED = {
    "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding",
    "ComponentStatus", "CustomResourceDefinition", "DeviceClass", "FlowSchema", "GatewayClass", "IngressClass",
    "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace", "Node",
    "PersistentVolume", "PodSecurityPolicy", "PriorityClass", "PriorityLevelConfiguration", "RuntimeClass",
    "SelfSubjectAccessReview", "StorageClass", "SubjectAccessReview", "TokenReview", "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    path: str
    line: int


@dataclass(frozen=True, eq=False)
class Object:
    """An object as it stands in a file, or as patches have made it. `namespace` is the one that it ends up in."""

    file: RepositoryFile
    content: Map
    namespace: str = ""

    @property
    def api_version(self) -> str:
        """Return group/version."""
        return str(self.content.get("apiVersion", ""))

    @property
    def group(self) -> str:
        """Return the API group; empty for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def kind(self) -> str:
        """Return its kind."""
        return str(self.content.get("kind", ""))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Return its metadata; empty where there are none."""
        metadata = self.content.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    @property
    def name(self) -> str:
        """Return its name."""
        return str(self.metadata.get("name", ""))

    @property
    def declared(self) -> str:
        """Return the namespace that the file says; empty where it says none."""
        return str(self.metadata.get("namespace") or "")

    @property
    def spec(self) -> Mapping[str, Any]:
        """Return its spec; empty where there is none."""
        spec = self.content.get("spec")
        return spec if isinstance(spec, dict) else {}

    @property
    def annotations(self) -> Mapping[str, Any]:
        """Return its annotations; empty where there are none."""
        annotations = self.metadata.get("annotations")
        return annotations if isinstance(annotations, dict) else {}

    @property
    def labels(self) -> Mapping[str, Any]:
        """Return its labels; empty where there are none."""
        labels = self.metadata.get("labels")
        return labels if isinstance(labels, dict) else {}

    def is_a(self, kind: str, group: str) -> bool:
        """Return whether it is of a kind, in any version of its API."""
        return self.kind == kind and self.group == group

    def get(self, *keys: str | int) -> Any:
        """Return the value behind keys and positions; None where one of them is not there."""
        value: Any = self.content
        for key in keys:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def at(self, *keys: str | int) -> Place:
        """Return where a value stands; where it does not, the nearest thing around it that does."""
        line = [self.content.line, *self._lines(keys)][-1]
        return Place(line.path if isinstance(line, Line) else self.file.path, line)

    def is_own(self, *keys: str | int) -> bool:
        """Return whether a value stands in the object itself, and not in what it takes values from."""
        return not any(isinstance(line, Line) for line in self._lines(keys))

    def _lines(self, keys: tuple[str | int, ...]) -> Iterator[int]:
        """Yield the lines of the keys that lead to a value, as far as they exist."""
        value: Any = self.content
        for key in keys:
            try:
                line = value.lines[key]
                value = value[key]
            except (KeyError, IndexError, TypeError, AttributeError):
                return
            yield line

    def moved_to(self, namespace: str) -> "Object":
        """Return the same object in another namespace."""
        return replace(self, namespace=namespace)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def objects_in(file: RepositoryFile) -> Iterator[Object]:
    """Yield the objects of a file, those of a List one by one; Unreadable."""
    for document in file.documents:
        # SOPS can encrypt what an object is, too; then nobody here knows.
        is_known = isinstance(document, Map) and not str(document.get("apiVersion")).startswith("ENC[")
        if is_known and document.get("kind") and document.get("apiVersion"):
            items = document.get("items")
            if str(document["kind"]).endswith("List") and isinstance(items, List):
                yield from (Object(file, item) for item in items if isinstance(item, Map))
            else:
                yield Object(file, document)


def walk(value: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield every value inside a value, with the keys that lead to it."""
    yield keys, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, (*keys, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from walk(inner, (*keys, number))
