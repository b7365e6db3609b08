"""Who brings what (custom resources, storage classes, ingress classes, Gateways), and what is waited for until then."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from lib.checks.charts import Release, chart_of, releases
from lib.checks.files import File, List, Map, Unreadable
from lib.checks.flux import Cluster, Kustomization
from lib.checks.objects import HELM, SOURCES, Object, walk

PROMETHEUS = ("prometheus-operator-crds", "kube-prometheus-stack", "prometheus-operator")
ENVOY = ("gateway-helm", "gateway-crds-helm", "envoy-gateway")
EXTERNAL_SECRETS = ("external-secrets", "external-secrets-crds")
CERT_MANAGER = ("cert-manager", "cert-manager-crds")
# What brings the kinds of an API group: names of charts. A group that is not here is never judged.
BRINGS: dict[str, tuple[str, ...]] = {
    "acme.cert-manager.io": CERT_MANAGER,
    "actions.github.com": ("gha-runner-scale-set-controller",),
    "barmancloud.cnpg.io": ("plugin-barman-cloud",),
    "ceph.rook.io": ("rook-ceph",),
    "cert-manager.io": CERT_MANAGER,
    "cilium.io": ("cilium",),
    "dragonflydb.io": ("dragonfly-operator",),
    "external-secrets.io": EXTERNAL_SECRETS,
    "externaldns.k8s.io": ("external-dns",),
    "gateway.envoyproxy.io": ENVOY,
    "gateway.networking.k8s.io": ("gateway-api", "gateway-api-crds", *ENVOY),
    "generators.external-secrets.io": EXTERNAL_SECRETS,
    "grafana.integreatly.org": ("grafana-operator",),
    "groupsnapshot.storage.k8s.io": ("snapshot-controller",),
    "k8s.cni.cncf.io": ("multus", "multus-cni"),
    "k8s.mariadb.com": ("mariadb-operator-crds", "mariadb-operator"),
    "k8s.nginx.org": ("nginx-ingress", "nginx-ingress-crds"),
    "keda.sh": ("keda",),
    "kubeai.org": ("kubeai",),
    "longhorn.io": ("longhorn",),
    "metallb.io": ("metallb",),
    "monitoring.coreos.com": PROMETHEUS,
    "onepassword.com": ("connect", "onepassword-connect", "onepassword-operator"),
    "operator.victoriametrics.com": (
        "victoria-metrics-operator-crds",
        "victoria-metrics-operator",
        "victoria-metrics-k8s-stack",
    ),
    "postgresql.cnpg.io": ("cloudnative-pg",),
    "snapshot.storage.k8s.io": ("snapshot-controller",),
    "tailscale.com": ("tailscale-operator",),
    "traefik.io": ("traefik-crds", "traefik"),
    "trust.cert-manager.io": ("trust-manager",),
    "upgrade.cattle.io": ("system-upgrade-controller",),
    "volsync.backube": ("volsync",),
}
# What may bring them too, or needs them so that somebody has seen to it: nobody waits for these.
MAY_BRING: dict[str, tuple[str, ...]] = {
    "gateway.networking.k8s.io": ("cilium", "gateway-helm", "istio", "kgateway", "nginx-gateway-fabric", "traefik"),
    "k8s.cni.cncf.io": ("cni",),
    "monitoring.coreos.com": ("prometheus", "victoria-metrics"),
    "groupsnapshot.storage.k8s.io": ("snapshot", "openebs", "csi"),
    "snapshot.storage.k8s.io": ("snapshot", "openebs", "csi", "piraeus"),
    "k8s.mariadb.com": ("mariadb",),
}
# The classes that a chart makes when its values say nothing else.
STORAGE: dict[str, tuple[str, ...]] = {
    "democratic-csi": (),
    "local-path-provisioner": ("local-path",),
    "localpv-provisioner": ("openebs-hostpath", "openebs-device"),
    "longhorn": ("longhorn", "longhorn-static"),
    "nfs-subdir-external-provisioner": ("nfs-client",),
    "openebs": ("openebs-hostpath", "openebs-single-replica", "openebs-loki-localpv", "openebs-minio-localpv"),
    "rook-ceph": (),
    "rook-ceph-cluster": ("ceph-block", "ceph-filesystem", "ceph-bucket"),
    "topolvm": ("topolvm-provisioner",),
}
# A chart called so may make classes of any name.
MAY_STORE = re.compile(
    r"csi|storage|provisioner|ceph|nfs|smb|linstor|piraeus|openebs|mayastor|zfs|lvm|localpv|disk|gluster|juicefs|seaweed"
)
# Where charts of ingress controllers say their class, and the class when they say none; two fields for one chart.
INGRESS: dict[str, tuple[tuple[str, ...], str]] = {
    "nginx-ingress": (("controller", "ingressClass", "name"), "nginx"),
    "ingress-nginx": (("controller", "ingressClassResource", "name"), "nginx"),
    "traefik": (("ingressClass", "name"), "traefik"),
    "tailscale-operator": (("ingressClass", "name"), "tailscale"),
}
# Addresses of definitions alone.
CRDS = re.compile(r"crd|customresourcedefinition|gateway-api", re.IGNORECASE)
Key = tuple[str, str]


@lru_cache(maxsize=4)
def providers(cluster: Cluster) -> "Providers":
    """Who brings what in a cluster; found out once."""
    return Providers(cluster)


@dataclass(eq=False)
class Providers:
    """What a cluster's repository brings, and in which order."""

    cluster: Cluster

    # --- Order ---

    @cached_property
    def _children(self) -> dict[Key, list[Key]]:
        found: dict[Key, list[Key]] = defaultdict(list)
        for one in self.cluster.kustomizations:
            if one.parent:
                found[one.parent.key].append(one.key)
        return found

    @cached_property
    def _before(self) -> dict[Key, set[Key]]:
        return {}

    def before(self, one: Kustomization) -> set[Key]:
        """What has been applied before a Kustomization is: what it waits for, and what those above it wait for."""
        if one.key not in self._before:
            found: set[Key] = set()
            waiting = list(self._waits(one))
            while waiting:
                key = waiting.pop()
                if key in found or key not in self.cluster.by_key:
                    continue
                found.add(key)
                other = self.cluster.by_key[key]
                waiting += self._waits(other)
                # One that waits for all that it applies is ready when its children are.
                if other.spec.get("wait") or other.spec.get("healthChecks"):
                    waiting += self._children[key]
            self._before[one.key] = found | {above.key for above in _above(one)}
        return self._before[one.key]

    def _waits(self, one: Kustomization) -> list[Key]:
        return [dependency.key for each in (one, *_above(one)) for dependency in each.dependencies]

    @cached_property
    def unclear(self) -> set[Key]:
        """Kustomizations of which another rule already says that they wait for nobody, or apply another app's files."""
        folders = Counter(one.folder for one in self.cluster.kustomizations)
        return {
            one.key
            for one in self.cluster.kustomizations
            if any(dependency.key not in self.cluster.by_key for dependency in one.dependencies)
            or (folders[one.folder] > 1 and not f"{one.folder}/".startswith(f"{one.item.file.folder}/"))
        }

    @cached_property
    def _releases_by_name(self) -> dict[Key, Release]:
        return {(release.item.namespace, release.item.name): release for release in releases(self.cluster)}

    def is_awaited(self, one: Kustomization, item: Object, provider: Kustomization) -> bool:
        """Whether an object is applied or installed only after another Kustomization, or by that one itself."""
        if provider.key == one.key or one.key in self.unclear or provider.key in self.before(one):
            return True
        return item.is_a("HelmRelease", HELM) and provider.key in self._before_release(item)

    def _before_release(self, item: Object) -> set[Key]:
        """The Kustomizations of the releases that a HelmRelease waits for."""
        found: set[Key] = set()
        owners: set[Key] = set()
        waiting = [item]
        while waiting:
            current = waiting.pop()
            listed = current.spec.get("dependsOn")
            for entry in listed if isinstance(listed, list) else []:
                if isinstance(entry, dict):
                    key = str(entry.get("namespace") or current.namespace), str(entry.get("name", ""))
                    if key not in found and key in self._releases_by_name:
                        found.add(key)
                        owners.add(self._releases_by_name[key].one.key)
                        waiting.append(self._releases_by_name[key].item)
        return owners

    # --- Charts ---

    @cached_property
    def remotes(self) -> list[tuple[Kustomization | None, set[str]]]:
        """What kustomization.yaml files take from elsewhere: who applies it, and the words of its address."""
        homes = {one.folder: one for one in self.cluster.kustomizations if self.cluster.is_here(one)}
        found = []
        for file in self.cluster.manifests:
            if file.name.lower().startswith("kustomization"):
                content = self.cluster.content_of(file)
                for entry in [*_texts(content.get("resources")), *_inflated(content)]:
                    if "://" in entry or "github.com" in entry or entry in _inflated(content):
                        found.append((_home(homes, file.folder), _words(entry)))
        return found

    @cached_property
    def builds_remote(self) -> set[Key]:
        """The Kustomizations that take workloads from elsewhere, as far as an address tells: not CRDs alone."""
        return {one.key for one, words in self.remotes if one and not any(CRDS.search(word) for word in words)}

    @cached_property
    def names(self) -> set[str]:
        """Every name that a chart, a source of charts or an address in the repository has."""
        found: set[str] = set()
        for item in self.cluster.objects:
            if item.is_a("HelmRelease", HELM):
                found |= {item.name, chart_of(self.cluster, item)}
            elif item.group == SOURCES:
                found |= {item.name, *_words(str(item.spec.get("url", ""))), *_words(str(item.spec.get("chart", "")))}
        return found.union(*(words for _, words in self.remotes))

    @cached_property
    def bootstrapped(self) -> set[str]:
        """The words of what is installed before Flux: releases of helmfiles, entries of lists, lines of scripts."""
        found: set[str] = set()
        for file in self.cluster.files.values():
            if _is_of_bootstrap(file):
                found |= _installed_by(file)
        return found

    @cached_property
    def _of_talos(self) -> set[str]:
        """The words of the manifests that Talos applies by itself."""
        files = [file for file in self.cluster.files.values() if file.is_yaml and file.path.startswith("talos/")]
        return set().union(*(_installed_by(file) for file in files if "anifests" in file.text))

    def is_bootstrapped(self, *names: str) -> bool:
        """Whether one of these is there before Flux: a chart by its name, an API group as a part of a word."""
        return any(name in word if "." in name else name == word for name in names for word in self._early)

    @cached_property
    def _early(self) -> set[str]:
        return self.bootstrapped | self._of_talos

    # --- Custom resources ---

    @cached_property
    def defined(self) -> dict[str, list[Kustomization]]:
        """Who applies CustomResourceDefinitions, by their group."""
        found: dict[str, list[Kustomization]] = defaultdict(list)
        for one in self.cluster.kustomizations:
            for item in one.objects:
                if item.kind == "CustomResourceDefinition":
                    found[str(item.spec.get("group"))].append(one)
        return found

    @cached_property
    def _of_chart(self) -> dict[str, list[Kustomization]]:
        """Who applies a chart, by its name, or takes what is called so from elsewhere."""
        found: dict[str, list[Kustomization]] = defaultdict(list)
        for release in releases(self.cluster):
            found[release.chart].append(release.one)
        for one, words in self.remotes:
            for word in words:
                if one:
                    found[word].append(one)
        return found

    def of_group(self, group: str) -> list[Kustomization]:
        """Who brings the kinds of a group, the likeliest first."""
        return [*self.defined.get(group, ()), *(one for name in BRINGS[group] for one in self._of_chart.get(name, ()))]

    def is_missing(self, group: str) -> bool:
        """Whether nothing in the repository can bring the kinds of a group."""
        names = (*BRINGS[group], *MAY_BRING.get(group, ()))
        if not self.cluster.is_all_here or self.is_bootstrapped(group, *names):
            return False
        if any(item.spec.get("group") == group for item in self.cluster.objects if _is_definition(item)):
            return False
        return not any(name in word for name in names for word in self.names)

    # --- Storage ---

    @cached_property
    def storage(self) -> dict[str, list[Kustomization]]:
        """Who makes a storage class, by its name."""
        found: dict[str, list[Kustomization]] = defaultdict(list)
        for one in self.cluster.kustomizations:
            for item in one.objects:
                if item.is_a("StorageClass", "storage.k8s.io"):
                    found[item.name].append(one)
        for release in releases(self.cluster):
            for name in (*STORAGE.get(release.chart, ()), *_classes_in(release.item)):
                found[name].append(release.one)
        for name, classes in STORAGE.items():
            for home, words in self.remotes:
                for each in classes:
                    if home and name in words:
                        found[each].append(home)
        return found

    @cached_property
    def storage_is_known(self) -> bool:
        """Whether every class that there can be is in the files."""
        storing = [release for release in releases(self.cluster) if may_store(release.chart)]
        plain = {word for _, words in self.remotes if not words & STORAGE.keys() for word in words}
        return (
            bool(self.storage)
            and self.cluster.is_all_here
            and not any(release.chart not in STORAGE or release.item.spec.get("valuesFrom") for release in storing)
            and not any(MAY_STORE.search(word) for word in plain)
        )

    @cached_property
    def static(self) -> set[str]:
        """The classes that PersistentVolumes name: they need no StorageClass."""
        volumes = [item for item in self.cluster.objects if item.kind == "PersistentVolume"]
        return {str(item.spec.get("storageClassName")) for item in volumes}

    # --- What serves requests ---

    @cached_property
    def ingress(self) -> dict[str, list[Kustomization]]:
        """Who serves an ingress class, by its name."""
        found: dict[str, list[Kustomization]] = defaultdict(list)
        for one in self.cluster.kustomizations:
            for item in one.objects:
                if item.kind == "IngressClass":
                    found[item.name].append(one)
        for release in releases(self.cluster):
            if release.chart in INGRESS:
                keys, default = INGRESS[release.chart]
                said = release.item.get("spec", "values", *keys)
                hidden = not said and release.item.spec.get("valuesFrom")
                if not hidden:
                    found[str(said or default)].append(release.one)
        return found

    @cached_property
    def gateways(self) -> dict[Key, list[Kustomization]]:
        """Who applies a Gateway, by its namespace and name."""
        return self._applying("Gateway", "gateway.networking.k8s.io")

    @cached_property
    def gateway_classes(self) -> dict[Key, list[Kustomization]]:
        """Who applies a GatewayClass, by no namespace and its name."""
        return self._applying("GatewayClass", "gateway.networking.k8s.io")

    def _applying(self, kind: str, group: str) -> dict[Key, list[Kustomization]]:
        found: dict[Key, list[Kustomization]] = defaultdict(list)
        for one in self.cluster.kustomizations:
            for item in one.objects:
                if item.is_a(kind, group):
                    found["" if kind == "GatewayClass" else item.namespace, item.name].append(one)
        return found


def may_store(chart: str) -> bool:
    """Whether a chart makes storage classes, as far as its name tells."""
    return chart in STORAGE or MAY_STORE.search(chart) is not None


def _above(one: Kustomization) -> Iterator[Kustomization]:
    while one.parent:
        one = one.parent
        yield one


def _home(homes: dict[str, Kustomization], folder: str) -> Kustomization | None:
    """The Kustomization that applies a folder, or the nearest folder around it."""
    while folder:
        if folder in homes:
            return homes[folder]
        folder = folder.rpartition("/")[0]
    return None


def _is_definition(item: Object) -> bool:
    return item.kind == "CustomResourceDefinition"


def _classes_in(item: Object) -> Iterator[str]:
    """The storage classes that a chart's values describe: with a name and more, not just by a name."""
    for keys, value in walk(item.get("spec", "values")):
        key = str(keys[-1]).lower() if keys else ""
        entries = value if isinstance(value, List) else [value]
        if key in ("storageclass", "storageclasses"):
            yield from (str(each["name"]) for each in entries if isinstance(each, Map) and each.get("name"))
            if key == "storageclasses" and isinstance(value, Map):
                yield from map(str, value)


def _is_of_bootstrap(file: File) -> bool:
    *folders, name = file.path.split("/")
    return not name.endswith(".md") and ("bootstrap" in folders or name.startswith("bootstrap"))


def _installed_by(file: File) -> set[str]:
    """The words of a file that can name what it installs; of a script every word outside comments."""
    try:
        found = file.documents if file.is_yaml else None
    except Unreadable:
        found = None
    if found is None:
        return _words("\n".join(re.sub(r"(^|\s)#.*", "", line) for line in file.lines))
    texts: list[str] = []
    for keys, value in walk(found):
        if isinstance(value, str) and keys:
            in_release = len(keys) > 1 and "releases" in keys and keys[-1] in ("name", "chart")
            if isinstance(keys[-1], int) or in_release or keys[-1] in ("contents", "cmd"):
                texts.append(value)
    return _words("\n".join(texts))


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w.-]+", text))


def _texts(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _inflated(content: Map) -> list[str]:
    """The charts that kustomize renders itself."""
    charts = content.get("helmCharts")
    return [str(entry.get("name")) for entry in charts if isinstance(entry, Map)] if isinstance(charts, List) else []
