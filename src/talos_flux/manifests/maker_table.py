"""What operators and charts make of the objects in the files, under which names. It is data for makers.py."""

from dataclasses import dataclass

from talos_flux.manifests.reference_table import (
    CERT_MANAGER,
    CLAIM,
    CNPG,
    CONFIG_MAP,
    EXTERNAL_SECRETS,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    OfKind,
)


@dataclass(frozen=True)
class Makes:
    """What an operator makes of a kind: `target` with the name behind `path`, or else after a pattern, {} its own name.

    Without a pattern there is nothing where the path leads to nothing.
    """

    kind: str
    group: str
    target: OfKind
    path: tuple[str, ...] = ()
    pattern: str = ""


MAKES: tuple[Makes, ...] = (
    Makes("ExternalSecret", EXTERNAL_SECRETS, SECRET, ("spec", "target", "name"), "{}"),
    Makes("OnePasswordItem", "onepassword.com", SECRET, pattern="{}"),
    Makes("SealedSecret", "bitnami.com", SECRET, ("spec", "template", "metadata", "name"), "{}"),
    Makes("SopsSecret", "isindir.github.com", SECRET, pattern="{}"),
    Makes("InfisicalSecret", "secrets.infisical.com", SECRET, ("spec", "managedSecretReference", "secretName")),
    Makes("DopplerSecret", "secrets.doppler.com", SECRET, ("spec", "managedSecret", "name")),
    Makes("VaultStaticSecret", "secrets.hashicorp.com", SECRET, ("spec", "destination", "name")),
    Makes("VaultDynamicSecret", "secrets.hashicorp.com", SECRET, ("spec", "destination", "name")),
    Makes("BitwardenSecret", "k8s.bitwarden.com", SECRET, ("spec", "secretName")),
    Makes("Certificate", CERT_MANAGER, SECRET, ("spec", "secretName")),
    Makes("Issuer", CERT_MANAGER, SECRET, ("spec", "acme", "privateKeySecretRef", "name")),
    Makes("Cluster", CNPG, SECRET, pattern="{}-app"),
    Makes("Cluster", CNPG, SECRET, pattern="{}-superuser"),
    Makes("Cluster", CNPG, SECRET, pattern="{}-ca"),
    Makes("Cluster", CNPG, SECRET, pattern="{}-server"),
    Makes("Cluster", CNPG, SECRET, pattern="{}-replication"),
    Makes("Cluster", CNPG, SERVICE, pattern="{}-rw"),
    Makes("Cluster", CNPG, SERVICE, pattern="{}-ro"),
    Makes("Cluster", CNPG, SERVICE, pattern="{}-r"),
    Makes("Cluster", CNPG, SERVICE_ACCOUNT, pattern="{}"),
    Makes("Pooler", CNPG, SERVICE, pattern="{}"),
    Makes("Dragonfly", "dragonflydb.io", SERVICE, pattern="{}"),
    Makes("MariaDB", "k8s.mariadb.com", SERVICE, pattern="{}"),
    Makes("Grafana", "grafana.integreatly.org", SERVICE, pattern="{}-service"),
    Makes("Grafana", "grafana.integreatly.org", SECRET, pattern="{}-admin-credentials"),
    Makes("Grafana", "grafana.integreatly.org", SERVICE_ACCOUNT, pattern="{}-sa"),
    Makes("ObjectBucketClaim", "objectbucket.io", SECRET, pattern="{}"),
    Makes("ObjectBucketClaim", "objectbucket.io", CONFIG_MAP, pattern="{}"),
    Makes("ReplicationDestination", "volsync.backube", CLAIM, pattern="volsync-{}-dest"),
    Makes("ReplicationSource", "volsync.backube", CLAIM, pattern="volsync-{}-src"),
    Makes("StatefulSet", "apps", CLAIM, pattern=""),
)  # fmt: skip

# Groups whose kinds make nothing that others name, or only what stands above or what their own text names.
MAKES_NO_MORE = {
    "", "apiextensions.k8s.io", "apps", "autoscaling", "barmancloud.cnpg.io", "batch", CERT_MANAGER, "cilium.io", CNPG,
    EXTERNAL_SECRETS, "externaldns.k8s.io", "gateway.envoyproxy.io", "gateway.networking.k8s.io",
    "generators.external-secrets.io", "helm.toolkit.fluxcd.io", "image.toolkit.fluxcd.io", "k8s.cni.cncf.io", "keda.sh",
    "kustomize.toolkit.fluxcd.io", "metallb.io", "networking.k8s.io", "notification.toolkit.fluxcd.io",
    "onepassword.com", "policy", "rbac.authorization.k8s.io", "scheduling.k8s.io", "snapshot.storage.k8s.io",
    "source.toolkit.fluxcd.io", "storage.k8s.io", "upgrade.cattle.io", "volsync.backube",
}  # fmt: skip

# What is in every cluster, or in every namespace.
ALWAYS = {
    (CONFIG_MAP, "kube-root-ca.crt"), (SERVICE, "kubernetes"), (SERVICE, "kube-dns"), (SERVICE_ACCOUNT, "default"),
    (OfKind("PriorityClass", "scheduling.k8s.io"), "system-cluster-critical"),
    (OfKind("PriorityClass", "scheduling.k8s.io"), "system-node-critical"),
    # Flux itself.
    (SERVICE, "notification-controller"), (SERVICE, "source-controller"), (SERVICE, "webhook-receiver"),
}  # fmt: skip
# Roles that Kubernetes and Flux bring, beside system:*.
ROLES = {
    "admin", "cluster-admin", "crd-controller-flux-system", "edit", "flux-edit-flux-system", "flux-view-flux-system",
    "view",
}  # fmt: skip
ALWAYS_THERE = {"default", "flux-system", "kube-node-lease", "kube-public", "kube-system"}

# Groups of which a repository holds every object: operators and charts make none unless values name it.
HELD_WHOLE = {
    "barmancloud.cnpg.io", CERT_MANAGER, "cilium.io", CNPG, EXTERNAL_SECRETS, "gateway.envoyproxy.io",
    "generators.external-secrets.io", "helm.toolkit.fluxcd.io", "image.toolkit.fluxcd.io", "k8s.cni.cncf.io",
    "kustomize.toolkit.fluxcd.io", "notification.toolkit.fluxcd.io", "snapshot.storage.k8s.io",
    "source.toolkit.fluxcd.io", "traefik.io", "volsync.backube",
}  # fmt: skip
# Charts that make kinds of those groups of their own accord, by a part of their names.
CHARTS_MAKE: dict[str, tuple[str, ...]] = {
    "VolumeSnapshotClass": ("csi", "snapshot", "ceph", "openebs", "longhorn", "storage", "zfs", "topolvm", "piraeus"),
    "NetworkAttachmentDefinition": ("multus", "cni", "kubevirt"),
    "Cluster": ("cluster",),
    "ObjectStore": ("cluster", "barman"),
    "Middleware": ("traefik", "authentik", "authelia"),
    "Issuer": ("webhook", "trust-manager", "operator", "linstor", "piraeus"),
    "ClusterIssuer": ("issuer", "step"),
    "CiliumBGPPeerConfig": (),
    "GitRepository": ("flux",),
    "OCIRepository": ("flux",),
    "Kustomization": ("flux",),
    "Provider": ("flux",),
}
# Charts whose objects are called otherwise than their release.
NAMES_OF_CHARTS: dict[str, tuple[str, ...]] = {
    "cilium": ("cilium", "hubble", "clustermesh"),
    "kube-prometheus-stack": ("prometheus", "alertmanager", "thanos", "grafana", "kube"),
    "rook-ceph": ("rook", "ceph", "csi"),
    "rook-ceph-cluster": ("rook", "ceph"),
    "victoria-metrics-k8s-stack": ("vm", "vmsingle", "vmagent", "vmalert", "vmalertmanager", "grafana"),
    "flux-instance": ("flux", "notification", "source", "kustomize", "helm"),
    "longhorn": ("longhorn", "csi"),
    "gateway-helm": ("envoy",),
    "connect": ("onepassword", "op"),
    # Its proxies run as Deployments and Services called ak-outpost-<name>, which it makes itself.
    "authentik": ("authentik", "outpost"),
}
# Namespaces that charts make beside their own: templates/cilium-secrets-namespace.yaml of cilium's.
NAMESPACES_OF_CHARTS: dict[str, tuple[str, ...]] = {"cilium": ("cilium-secrets", "cilium-spire")}
