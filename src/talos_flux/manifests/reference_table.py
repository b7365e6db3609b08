"""What refers to what: for each way to name an object, where it stands and of which kind the object is.

It is data for references.py. Where a reference says its kind itself (issuerRef, targetRefs, …), this has the default.
"""

from dataclasses import dataclass
from typing import NamedTuple


class OfKind(NamedTuple):
    """A kind, and the API group that it is of; empty for the core."""

    kind: str
    group: str = ""


SECRET, CONFIG_MAP, CLAIM = OfKind("Secret"), OfKind("ConfigMap"), OfKind("PersistentVolumeClaim")
SERVICE, SERVICE_ACCOUNT, NAMESPACE = OfKind("Service"), OfKind("ServiceAccount"), OfKind("Namespace")
GATEWAY = OfKind("Gateway", "gateway.networking.k8s.io")
CERT_MANAGER, EXTERNAL_SECRETS, CNPG = "cert-manager.io", "external-secrets.io", "postgresql.cnpg.io"
RBAC = "rbac.authorization.k8s.io"
ISSUER, CLUSTER_ISSUER = OfKind("Issuer", CERT_MANAGER), OfKind("ClusterIssuer", CERT_MANAGER)
NETWORK = OfKind("NetworkAttachmentDefinition", "k8s.cni.cncf.io")
# Kinds of custom resources that are in no namespace; objects.py has those of Kubernetes.
CLUSTER_WIDE = {
    "CiliumBGPAdvertisement", "CiliumBGPClusterConfig", "CiliumBGPNodeConfig", "CiliumBGPNodeConfigOverride",
    "CiliumBGPPeerConfig", "CiliumCIDRGroup", "CiliumClusterwideEnvoyConfig", "CiliumClusterwideNetworkPolicy",
    "CiliumEgressGatewayPolicy", "CiliumIdentity", "CiliumL2AnnouncementPolicy", "CiliumLoadBalancerIPPool",
    "CiliumNode", "CiliumPodIPPool", "ClusterExternalSecret", "ClusterGenerator", "ClusterImageCatalog",
    "ClusterIssuer", "ClusterPolicy", "ClusterPushSecret", "ClusterSecretStore", "VolumeGroupSnapshotClass",
    "VolumeGroupSnapshotContent", "VolumeSnapshotClass", "VolumeSnapshotContent",
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A way to name an object: under `key`, by the value itself or by its field `name`; a list names several.

    `holders` are the kinds in which it counts, any where there are none, and `under` a key that has to be around it.
    `part` is the field that says a key of a Secret or ConfigMap, `of_charts` whether charts' values use it as pods do;
    `is_vital` unless the object works without its target, as a claim does that has its volume already.
    """

    key: str
    target: OfKind
    name: str = "name"
    holders: tuple[str, ...] = ()
    under: str = ""
    part: str = ""
    of_charts: bool = False
    is_vital: bool = True


ROUTE_POLICIES = ("BackendTLSPolicy", "BackendTrafficPolicy", "ClientTrafficPolicy", "EnvoyExtensionPolicy",
                  "EnvoyPatchPolicy", "SecurityPolicy")  # fmt: skip
VOLSYNC = ("ReplicationDestination", "ReplicationSource")
OF_CNPG = ("Backup", "Database", "Pooler", "Publication", "ScheduledBackup", "Subscription")

ROWS: tuple[Field, ...] = (
    # Pods, wherever they are described
    Field("secretRef", SECRET, of_charts=True, under="envFrom"),
    Field("configMapRef", CONFIG_MAP, of_charts=True, under="envFrom"),
    Field("secretKeyRef", SECRET, part="key", of_charts=True),
    Field("configMapKeyRef", CONFIG_MAP, part="key", of_charts=True),
    Field("secret", SECRET, under="sources"),
    Field("configMap", CONFIG_MAP, under="sources"),
    Field("secret", SECRET, name="secretName", under="volumes"),
    Field("configMap", CONFIG_MAP, under="volumes"),
    Field("persistentVolumeClaim", CLAIM, name="claimName"),
    Field("serviceAccountName", SERVICE_ACCOUNT),
    Field("imagePullSecrets", SECRET),
    Field("priorityClassName", OfKind("PriorityClass", "scheduling.k8s.io")),
    Field("runtimeClassName", OfKind("RuntimeClass", "node.k8s.io")),
    # Values of charts that name what is there already
    Field("existingSecret", SECRET, of_charts=True),
    Field("existingSecretName", SECRET, of_charts=True),
    Field("existingSecretRef", SECRET, of_charts=True),
    Field("existingPasswordSecret", SECRET, of_charts=True),
    Field("passwordSecretName", SECRET, of_charts=True),
    Field("envFromSecret", SECRET, of_charts=True),
    Field("authExistingSecret", SECRET, of_charts=True),
    Field("existingSecretPassword", SECRET, of_charts=True),
    Field("existingServiceAccount", SERVICE_ACCOUNT, of_charts=True),
    Field("existingClaim", CLAIM, of_charts=True),
    Field("existingConfigMap", CONFIG_MAP, of_charts=True),
    Field("existingConfigmap", CONFIG_MAP, of_charts=True),
    Field("existingConfigMapName", CONFIG_MAP, of_charts=True),
    # Flux
    Field("secretRef", SECRET, holders=("Alert", "Bucket", "GitRepository", "HelmRepository", "ImageRepository",
                                      "OCIRepository", "Provider", "Receiver")),
    Field("certSecretRef", SECRET,
          holders=("Bucket", "HelmRepository", "ImageRepository", "OCIRepository", "Provider")),
    Field("proxySecretRef", SECRET,
          holders=("Bucket", "GitRepository", "ImageRepository", "OCIRepository", "Provider")),
    Field("providerRef", OfKind("Provider", "notification.toolkit.fluxcd.io"), holders=("Alert",)),
    Field("imageRepositoryRef", OfKind("ImageRepository", "image.toolkit.fluxcd.io"), holders=("ImagePolicy",)),
    Field("eventSources", OfKind("Kustomization", "kustomize.toolkit.fluxcd.io"), holders=("Alert",)),
    Field("resources", OfKind("GitRepository", "source.toolkit.fluxcd.io"), holders=("Receiver",)),
    # cert-manager
    Field("issuerRef", ISSUER),
    Field("cert-manager.io/cluster-issuer", CLUSTER_ISSUER, under="annotations", of_charts=True),
    Field("cert-manager.io/issuer", ISSUER, under="annotations", of_charts=True),
    Field("apiTokenSecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Field("apiKeySecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Field("secretAccessKeySecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Field("accessKeyIDSecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Field("serviceAccountSecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Field("tsigSecretSecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Field("ca", SECRET, name="secretName", holders=("ClusterIssuer", "Issuer")),
    # External Secrets
    Field("secretStoreRef", OfKind("SecretStore", EXTERNAL_SECRETS)),
    Field("secretStoreRefs", OfKind("SecretStore", EXTERNAL_SECRETS), holders=("ClusterPushSecret", "PushSecret")),
    Field("generatorRef", OfKind("Password", "generators.external-secrets.io")),
    Field("connectTokenSecretRef", SECRET, part="key", holders=("ClusterSecretStore", "SecretStore")),
    Field("serviceAccountSecretRef", SECRET, part="key", holders=("ClusterSecretStore", "SecretStore")),
    Field("templateFrom", CONFIG_MAP, name="configMap"),
    # Storage and backup
    Field("sourcePVC", CLAIM, holders=VOLSYNC),
    Field("destinationPVC", CLAIM, holders=VOLSYNC),
    Field("repository", SECRET, holders=VOLSYNC),
    Field("volumeSnapshotClassName", OfKind("VolumeSnapshotClass", "snapshot.storage.k8s.io"), of_charts=True),
    Field("persistentVolumeClaimName", CLAIM, holders=("VolumeSnapshot",)),
    Field("dataSource", CLAIM, holders=("PersistentVolumeClaim",), is_vital=False),
    Field("dataSourceRef", CLAIM, holders=("PersistentVolumeClaim",), is_vital=False),
    # Databases
    Field("cluster", OfKind("Cluster", CNPG), holders=OF_CNPG),
    Field("superuserSecret", SECRET, holders=("Cluster",)),
    Field("passwordSecret", SECRET, holders=("Cluster",)),
    Field("clientCASecret", SECRET, holders=("Cluster",), under="certificates"),
    Field("replicationTLSSecret", SECRET, holders=("Cluster",), under="certificates"),
    Field("serverCASecret", SECRET, holders=("Cluster",), under="certificates"),
    Field("serverTLSSecret", SECRET, holders=("Cluster",), under="certificates"),
    Field("secret", SECRET, holders=("Cluster",), under="bootstrap"),
    Field("accessKeyId", SECRET, part="key", holders=("Cluster", "ObjectStore")),
    Field("secretAccessKey", SECRET, part="key", holders=("Cluster", "ObjectStore")),
    Field("barmanObjectName", OfKind("ObjectStore", "barmancloud.cnpg.io"), holders=("Cluster", "ScheduledBackup")),
    Field("passwordFromSecret", SECRET, part="key", holders=("Dragonfly",)),
    # How apps are reached
    Field("certificateRefs", SECRET),
    Field("caCertificateRefs", CONFIG_MAP, holders=("BackendTLSPolicy", "ClientTrafficPolicy")),
    Field("gatewayClassName", OfKind("GatewayClass", "gateway.networking.k8s.io"), holders=("Gateway",)),
    Field("parametersRef", OfKind("EnvoyProxy", "gateway.envoyproxy.io"), holders=("Gateway", "GatewayClass")),
    Field("targetRef", GATEWAY, holders=ROUTE_POLICIES),
    Field("targetRefs", GATEWAY, holders=ROUTE_POLICIES),
    Field("extensionRef", OfKind("HTTPRouteFilter", "gateway.envoyproxy.io"), holders=("GRPCRoute", "HTTPRoute")),
    Field("clientSecret", SECRET, holders=("SecurityPolicy",)),
    Field("users", SECRET, holders=("SecurityPolicy",), under="basicAuth"),
    Field("credentialRefs", SECRET, holders=("SecurityPolicy",)),
    Field("tls", SECRET, name="secretName", holders=("Ingress", "IngressRoute")),
    Field("middlewares", OfKind("Middleware", "traefik.io"), holders=("IngressRoute",)),
    Field("k8s.v1.cni.cncf.io/networks", NETWORK, under="annotations"),
    # Cilium's BGP
    Field("peerConfigRef", OfKind("CiliumBGPPeerConfig", "cilium.io"), holders=("CiliumBGPClusterConfig",)),
    Field("authSecretRef", SECRET, holders=("CiliumBGPPeerConfig",)),
    # Scaling and rights
    Field("scaleTargetRef", OfKind("Deployment", "apps"), holders=("HorizontalPodAutoscaler", "ScaledObject")),
    Field("targetRef", OfKind("Deployment", "apps"), holders=("VerticalPodAutoscaler",)),
    Field("roleRef", OfKind("Role", RBAC), holders=("ClusterRoleBinding", "RoleBinding")),
    Field("subjects", SERVICE_ACCOUNT, holders=("ClusterRoleBinding", "RoleBinding")),
    # Namespaces in selectors
    Field("kubernetes.io/metadata.name", NAMESPACE, under="matchLabels"),
    Field("k8s:io.kubernetes.pod.namespace", NAMESPACE, under="matchLabels"),
    Field("io.kubernetes.pod.namespace", NAMESPACE, under="matchLabels"),
    Field("matchNames", NAMESPACE, under="namespaceSelector"),
)  # fmt: skip

BY_KEY: dict[str, tuple[Field, ...]] = {row.key: tuple(each for each in ROWS if each.key == row.key) for row in ROWS}

# The groups of kinds that a reference names without one, or with one that is none, such as core.
GROUPS: dict[str, str] = {
    "Alertmanager": "monitoring.coreos.com", "BackendTLSPolicy": "gateway.networking.k8s.io",
    "Bucket": "source.toolkit.fluxcd.io", "Certificate": CERT_MANAGER, "Cluster": CNPG,
    "ClusterGenerator": "generators.external-secrets.io", "ClusterIssuer": CERT_MANAGER,
    "ClusterSecretStore": EXTERNAL_SECRETS, "CronJob": "batch", "DaemonSet": "apps", "Deployment": "apps",
    "GitRepository": "source.toolkit.fluxcd.io", "HelmChart": "source.toolkit.fluxcd.io",
    "HelmRelease": "helm.toolkit.fluxcd.io", "HelmRepository": "source.toolkit.fluxcd.io",
    "ImagePolicy": "image.toolkit.fluxcd.io", "ImageRepository": "image.toolkit.fluxcd.io",
    "ImageUpdateAutomation": "image.toolkit.fluxcd.io", "Issuer": CERT_MANAGER, "Job": "batch",
    "Kustomization": "kustomize.toolkit.fluxcd.io", "OCIRepository": "source.toolkit.fluxcd.io",
    "SecretStore": EXTERNAL_SECRETS, "StatefulSet": "apps",
}  # fmt: skip
