"""The kinds that are read, each in the version that this cluster's charts and Kubernetes serve."""

from functools import cache
from typing import Any, NamedTuple

from lightkube import ALL_NS
from lightkube.generic_resource import create_global_resource, create_namespaced_resource


class Kind(NamedTuple):
    """A kind of object. One `of_cluster` has no namespace; `only` are the field selectors of those that are read."""

    name: str
    group: str
    version: str
    plural: str
    of_cluster: bool = False
    only: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.name

    @property
    def resource(self) -> Any:
        """Return lightkube's class for the kind."""
        return _resource(self)

    @property
    def scope(self) -> dict[str, Any]:
        """Return the arguments by which lightkube lists all objects of the kind."""
        arguments = {} if self.of_cluster else {"namespace": ALL_NS}
        return arguments | ({"fields": dict(self.only)} if self.only else {})


@cache
def _resource(kind: Kind) -> Any:
    create = create_global_resource if kind.of_cluster else create_namespaced_resource
    return create(kind.group, kind.version, kind.name, kind.plural)


NODE = Kind("Node", "", "v1", "nodes", of_cluster=True)
NAMESPACE = Kind("Namespace", "", "v1", "namespaces", of_cluster=True)
POD = Kind("Pod", "", "v1", "pods")
SERVICE = Kind("Service", "", "v1", "services")
CLAIM = Kind("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims")
WARNING = Kind("Event", "", "v1", "events", only=(("type", "Warning"),))
DEPLOYMENT = Kind("Deployment", "apps", "v1", "deployments")
STATEFUL_SET = Kind("StatefulSet", "apps", "v1", "statefulsets")
DAEMON_SET = Kind("DaemonSet", "apps", "v1", "daemonsets")
JOB = Kind("Job", "batch", "v1", "jobs")
STORAGE_CLASS = Kind("StorageClass", "storage.k8s.io", "v1", "storageclasses", of_cluster=True)
INGRESS = Kind("Ingress", "networking.k8s.io", "v1", "ingresses")

GATEWAY = Kind("Gateway", "gateway.networking.k8s.io", "v1", "gateways")
HTTP_ROUTE = Kind("HTTPRoute", "gateway.networking.k8s.io", "v1", "httproutes")
CERTIFICATE = Kind("Certificate", "cert-manager.io", "v1", "certificates")
SECRET_STORE = Kind("ClusterSecretStore", "external-secrets.io", "v1", "clustersecretstores", of_cluster=True)
EXTERNAL_SECRET = Kind("ExternalSecret", "external-secrets.io", "v1", "externalsecrets")
ONEPASSWORD_ITEM = Kind("OnePasswordItem", "onepassword.com", "v1", "onepassworditems")

GIT_REPOSITORY = Kind("GitRepository", "source.toolkit.fluxcd.io", "v1", "gitrepositories")
OCI_REPOSITORY = Kind("OCIRepository", "source.toolkit.fluxcd.io", "v1", "ocirepositories")
HELM_REPOSITORY = Kind("HelmRepository", "source.toolkit.fluxcd.io", "v1", "helmrepositories")
HELM_CHART = Kind("HelmChart", "source.toolkit.fluxcd.io", "v1", "helmcharts")
KUSTOMIZATION = Kind("Kustomization", "kustomize.toolkit.fluxcd.io", "v1", "kustomizations")
HELM_RELEASE = Kind("HelmRelease", "helm.toolkit.fluxcd.io", "v2", "helmreleases")
VOLUME = Kind("PersistentVolume", "", "v1", "persistentvolumes", of_cluster=True)
LONGHORN_REPLICA = Kind("Replica", "longhorn.io", "v1beta2", "replicas")
LONGHORN_VOLUME = Kind("Volume", "longhorn.io", "v1beta2", "volumes")

CORE = (
    NODE, NAMESPACE, POD, SERVICE, CLAIM, DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, STORAGE_CLASS, INGRESS,
)  # fmt: skip
BROUGHT = (GATEWAY, HTTP_ROUTE, CERTIFICATE, SECRET_STORE, EXTERNAL_SECRET, ONEPASSWORD_ITEM)
SOURCES = (GIT_REPOSITORY, OCI_REPOSITORY, HELM_REPOSITORY, HELM_CHART)
FLUX = (*SOURCES, KUSTOMIZATION, HELM_RELEASE)
