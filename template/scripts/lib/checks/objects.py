"""What the YAML of a repository holds: objects of Kubernetes and Flux, each with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lib.checks.files import File, Line, List, Map

FLUX = "kustomize.toolkit.fluxcd.io"
# With the value disabled, Flux fills nothing into an object.
SUBSTITUTE = f"{FLUX}/substitute"
HELM = "helm.toolkit.fluxcd.io"
SOURCES = "source.toolkit.fluxcd.io"
# What makes pods, and is ready some time after it is applied.
WORKLOADS = {"CronJob", "DaemonSet", "Deployment", "HelmRelease", "Job", "StatefulSet"}
# Kustomize leaves their namespace alone. Other kinds that it does not know it takes for namespaced.
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
    """Where something stands."""

    path: str
    line: int


@dataclass(frozen=True, eq=False)
class Object:
    """An object as it stands in a file, or as patches have made it. `namespace` is the one that it ends up in."""

    file: File
    content: Map
    namespace: str = ""

    @property
    def api_version(self) -> str:
        """group/version."""
        return str(self.content.get("apiVersion", ""))

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.content.get("kind", ""))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its metadata; empty where there are none."""
        found = self.content.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.metadata.get("name", ""))

    @property
    def declared(self) -> str:
        """The namespace that the file says; empty where it says none."""
        return str(self.metadata.get("namespace") or "")

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its spec; empty where there is none."""
        found = self.content.get("spec")
        return found if isinstance(found, dict) else {}

    @property
    def annotations(self) -> Mapping[str, Any]:
        """Its annotations; empty where there are none."""
        found = self.metadata.get("annotations")
        return found if isinstance(found, dict) else {}

    @property
    def labels(self) -> Mapping[str, Any]:
        """Its labels; empty where there are none."""
        found = self.metadata.get("labels")
        return found if isinstance(found, dict) else {}

    def is_a(self, kind: str, group: str) -> bool:
        """Whether it is of a kind, in any version of its API."""
        return self.kind == kind and self.group == group

    def get(self, *keys: str | int) -> Any:
        """The value behind keys and positions; None where one of them is not there."""
        found: Any = self.content
        for key in keys:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def at(self, *keys: str | int) -> Place:
        """Where a value stands; where it does not, the nearest thing around it that does."""
        line = [self.content.line, *self._lines(keys)][-1]
        return Place(line.path if isinstance(line, Line) else self.file.path, line)

    def is_own(self, *keys: str | int) -> bool:
        """Whether a value stands in the object itself, and not in what it takes values from."""
        return not any(isinstance(line, Line) for line in self._lines(keys))

    def _lines(self, keys: tuple[str | int, ...]) -> Iterator[int]:
        """The lines on the way to a value, as far as that leads."""
        found: Any = self.content
        for key in keys:
            try:
                line = found.lines[key]
                found = found[key]
            except (KeyError, IndexError, TypeError, AttributeError):
                return
            yield line

    def moved_to(self, namespace: str) -> "Object":
        """The same in another namespace."""
        return replace(self, namespace=namespace)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def objects_in(file: File) -> Iterator[Object]:
    """The objects of a file, those of a List one by one; Unreadable."""
    for document in file.documents:
        if isinstance(document, Map) and document.get("kind") and document.get("apiVersion"):
            items = document.get("items")
            if str(document["kind"]).endswith("List") and isinstance(items, List):
                yield from (Object(file, item) for item in items if isinstance(item, Map))
            else:
                yield Object(file, document)


def walk(value: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value inside a value, with the keys that lead to it."""
    yield keys, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, (*keys, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from walk(inner, (*keys, number))
