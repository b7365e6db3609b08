"""What refers to what: for each way to name an object, where it stands and of which kind the object is.

It is data for references.py. Where a reference says its kind itself (issuerRef, targetRefs, …), this has the default.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Target(NamedTuple):
    """A kind, and the API group that it is of; empty for the core."""

    kind: str
    group: str = ""


SECRET, CONFIG_MAP, CLAIM = Target("Secret"), Target("ConfigMap"), Target("PersistentVolumeClaim")
SERVICE, SERVICE_ACCOUNT, NAMESPACE = Target("Service"), Target("ServiceAccount"), Target("Namespace")
GATEWAY = Target("Gateway", "gateway.networking.k8s.io")
CERT_MANAGER, EXTERNAL_SECRETS, CNPG = "cert-manager.io", "external-secrets.io", "postgresql.cnpg.io"
ISSUER, CLUSTER_ISSUER = Target("Issuer", CERT_MANAGER), Target("ClusterIssuer", CERT_MANAGER)
NETWORK = Target("NetworkAttachmentDefinition", "k8s.cni.cncf.io")
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
class Row:
    """A way to name an object: under `key`, by the value itself or by its field `name`; a list names several.

    `holders` are the kinds in which it counts, any where there are none, and `under` a key that has to be around it.
    `part` is the field that says a key of a Secret or ConfigMap, `of_charts` whether charts' values use it as pods do;
    `is_vital` unless the object works without its target, as a claim does that has its volume already.
    """

    key: str
    target: Target
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

ROWS: tuple[Row, ...] = (
    # Pods, wherever they are described
    Row("secretRef", SECRET, of_charts=True, under="envFrom"),
    Row("configMapRef", CONFIG_MAP, of_charts=True, under="envFrom"),
    Row("secretKeyRef", SECRET, part="key", of_charts=True),
    Row("configMapKeyRef", CONFIG_MAP, part="key", of_charts=True),
    Row("secret", SECRET, under="sources"),
    Row("configMap", CONFIG_MAP, under="sources"),
    Row("secret", SECRET, name="secretName", under="volumes"),
    Row("configMap", CONFIG_MAP, under="volumes"),
    Row("persistentVolumeClaim", CLAIM, name="claimName"),
    Row("serviceAccountName", SERVICE_ACCOUNT),
    Row("imagePullSecrets", SECRET),
    Row("priorityClassName", Target("PriorityClass", "scheduling.k8s.io")),
    Row("runtimeClassName", Target("RuntimeClass", "node.k8s.io")),
    # Values of charts that name what is there already
    Row("existingSecret", SECRET, of_charts=True),
    Row("existingSecretName", SECRET, of_charts=True),
    Row("existingClaim", CLAIM, of_charts=True),
    Row("existingConfigMap", CONFIG_MAP, of_charts=True),
    Row("existingConfigmap", CONFIG_MAP, of_charts=True),
    Row("existingConfigMapName", CONFIG_MAP, of_charts=True),
    # Flux
    Row("secretRef", SECRET, holders=("Alert", "Bucket", "GitRepository", "HelmRepository", "ImageRepository",
                                      "OCIRepository", "Provider", "Receiver")),
    Row("certSecretRef", SECRET, holders=("Bucket", "HelmRepository", "ImageRepository", "OCIRepository", "Provider")),
    Row("proxySecretRef", SECRET, holders=("Bucket", "GitRepository", "ImageRepository", "OCIRepository", "Provider")),
    Row("providerRef", Target("Provider", "notification.toolkit.fluxcd.io"), holders=("Alert",)),
    Row("imageRepositoryRef", Target("ImageRepository", "image.toolkit.fluxcd.io"), holders=("ImagePolicy",)),
    Row("eventSources", Target("Kustomization", "kustomize.toolkit.fluxcd.io"), holders=("Alert",)),
    Row("resources", Target("GitRepository", "source.toolkit.fluxcd.io"), holders=("Receiver",)),
    # cert-manager
    Row("issuerRef", ISSUER),
    Row("cert-manager.io/cluster-issuer", CLUSTER_ISSUER, under="annotations", of_charts=True),
    Row("cert-manager.io/issuer", ISSUER, under="annotations", of_charts=True),
    Row("apiTokenSecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Row("apiKeySecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Row("secretAccessKeySecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Row("accessKeyIDSecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Row("serviceAccountSecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Row("tsigSecretSecretRef", SECRET, part="key", holders=("ClusterIssuer", "Issuer")),
    Row("ca", SECRET, name="secretName", holders=("ClusterIssuer", "Issuer")),
    # External Secrets
    Row("secretStoreRef", Target("SecretStore", EXTERNAL_SECRETS)),
    Row("secretStoreRefs", Target("SecretStore", EXTERNAL_SECRETS), holders=("ClusterPushSecret", "PushSecret")),
    Row("generatorRef", Target("Password", "generators.external-secrets.io")),
    Row("connectTokenSecretRef", SECRET, part="key", holders=("ClusterSecretStore", "SecretStore")),
    Row("serviceAccountSecretRef", SECRET, part="key", holders=("ClusterSecretStore", "SecretStore")),
    Row("templateFrom", CONFIG_MAP, name="configMap"),
    # Storage and backup
    Row("sourcePVC", CLAIM, holders=VOLSYNC),
    Row("destinationPVC", CLAIM, holders=VOLSYNC),
    Row("repository", SECRET, holders=VOLSYNC),
    Row("volumeSnapshotClassName", Target("VolumeSnapshotClass", "snapshot.storage.k8s.io"), of_charts=True),
    Row("persistentVolumeClaimName", CLAIM, holders=("VolumeSnapshot",)),
    Row("dataSource", CLAIM, holders=("PersistentVolumeClaim",), is_vital=False),
    Row("dataSourceRef", CLAIM, holders=("PersistentVolumeClaim",), is_vital=False),
    # Databases
    Row("cluster", Target("Cluster", CNPG), holders=OF_CNPG),
    Row("superuserSecret", SECRET, holders=("Cluster",)),
    Row("passwordSecret", SECRET, holders=("Cluster",)),
    Row("secret", SECRET, holders=("Cluster",), under="bootstrap"),
    Row("accessKeyId", SECRET, part="key", holders=("Cluster", "ObjectStore")),
    Row("secretAccessKey", SECRET, part="key", holders=("Cluster", "ObjectStore")),
    Row("barmanObjectName", Target("ObjectStore", "barmancloud.cnpg.io"), holders=("Cluster", "ScheduledBackup")),
    Row("passwordFromSecret", SECRET, part="key", holders=("Dragonfly",)),
    # How apps are reached
    Row("certificateRefs", SECRET),
    Row("caCertificateRefs", CONFIG_MAP, holders=("BackendTLSPolicy", "ClientTrafficPolicy")),
    Row("gatewayClassName", Target("GatewayClass", "gateway.networking.k8s.io"), holders=("Gateway",)),
    Row("parametersRef", Target("EnvoyProxy", "gateway.envoyproxy.io"), holders=("Gateway", "GatewayClass")),
    Row("targetRef", GATEWAY, holders=ROUTE_POLICIES),
    Row("targetRefs", GATEWAY, holders=ROUTE_POLICIES),
    Row("extensionRef", Target("HTTPRouteFilter", "gateway.envoyproxy.io"), holders=("GRPCRoute", "HTTPRoute")),
    Row("clientSecret", SECRET, holders=("SecurityPolicy",)),
    Row("users", SECRET, holders=("SecurityPolicy",), under="basicAuth"),
    Row("credentialRefs", SECRET, holders=("SecurityPolicy",)),
    Row("tls", SECRET, name="secretName", holders=("Ingress", "IngressRoute")),
    Row("middlewares", Target("Middleware", "traefik.io"), holders=("IngressRoute",)),
    Row("k8s.v1.cni.cncf.io/networks", NETWORK, under="annotations"),
    # Cilium's BGP
    Row("peerConfigRef", Target("CiliumBGPPeerConfig", "cilium.io"), holders=("CiliumBGPClusterConfig",)),
    Row("authSecretRef", SECRET, holders=("CiliumBGPPeerConfig",)),
    # Scaling and rights
    Row("scaleTargetRef", Target("Deployment", "apps"), holders=("HorizontalPodAutoscaler", "ScaledObject")),
    Row("targetRef", Target("Deployment", "apps"), holders=("VerticalPodAutoscaler",)),
    Row("subjects", SERVICE_ACCOUNT, holders=("ClusterRoleBinding", "RoleBinding")),
    # Namespaces in selectors
    Row("kubernetes.io/metadata.name", NAMESPACE, under="matchLabels"),
    Row("k8s:io.kubernetes.pod.namespace", NAMESPACE, under="matchLabels"),
    Row("io.kubernetes.pod.namespace", NAMESPACE, under="matchLabels"),
    Row("matchNames", NAMESPACE, under="namespaceSelector"),
)  # fmt: skip

BY_KEY: dict[str, tuple[Row, ...]] = {row.key: tuple(each for each in ROWS if each.key == row.key) for row in ROWS}

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
