"""Which Kustomization brings what (custom resources, storage classes, ingress classes, Gateways), and who awaits it."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from talos_flux.manifests.elsewhere import CRDS, elsewhere
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.forks import forks
from talos_flux.manifests.objects import HELM, SOURCES, Object, walk
from talos_flux.manifests.releases import Release, chart_of, releases
from talos_flux.repository.files import List, Map, RepositoryFile, Unreadable

PROMETHEUS = ("prometheus-operator-crds", "kube-prometheus-stack", "prometheus-operator")
ENVOY = ("gateway-helm", "gateway-crds-helm", "envoy-gateway")
EXTERNAL_SECRETS = ("external-secrets", "external-secrets-crds")
CERT_MANAGER = ("cert-manager", "cert-manager-crds")
# The charts that bring the kinds of an API group. A group that is not listed is never judged.
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
# Parts of names of what may bring them too, or needs them, so that they come from somewhere: nobody waits for these.
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
# What values say instead of a class to have none.
NO_CLASS = {"-", "disabled", "none"}
# Where their values call the first of these otherwise.
CALLED: dict[str, tuple[str, ...]] = {
    "local-path-provisioner": ("storageClass", "name"),
    "localpv-provisioner": ("hostpathClass", "name"),
    "nfs-subdir-external-provisioner": ("storageClass", "name"),
    "openebs": ("localpv-provisioner", "hostpathClass", "name"),
}
# A chart with such a name may make classes of any name.
STORAGE_WORDS = (
    "csi", "storage", "provisioner", "ceph", "nfs", "smb", "linstor", "piraeus", "openebs", "mayastor", "zfs", "lvm",
    "localpv", "disk", "gluster", "juicefs", "seaweed",
)  # fmt: skip
MAY_STORE = re.compile("|".join(STORAGE_WORDS))
# Where charts of ingress controllers say their class, and the class when they say none; two fields for one chart.
INGRESS: dict[str, tuple[tuple[str, ...], str]] = {
    "nginx-ingress": (("controller", "ingressClass", "name"), "nginx"),
    "ingress-nginx": (("controller", "ingressClassResource", "name"), "nginx"),
    "traefik": (("ingressClass", "name"), "traefik"),
    "tailscale-operator": (("ingressClass", "name"), "tailscale"),
}
HELMFILE = re.compile(r"^releases:\s*(?:#.*)?\n(?:\s*(?:#.*)?\n)*\s*-\s+(?:name|chart):", re.MULTILINE)
Key = tuple[str, str]


@lru_cache(maxsize=4)
def providers(cluster: Cluster) -> "Providers":
    """Return who brings what in a cluster; computed once."""
    return Providers(cluster)


@dataclass(eq=False)
class Providers:
    """What a cluster's repository brings, and in which order."""

    cluster: Cluster

    # --- Order ---

    @cached_property
    def _children(self) -> dict[Key, list[Key]]:
        children: dict[Key, list[Key]] = defaultdict(list)
        for kustomization in self.cluster.kustomizations:
            if kustomization.parent:
                children[kustomization.parent.key].append(kustomization.key)
        return children

    @cached_property
    def _before(self) -> dict[Key, set[Key]]:
        return {}

    def before(self, kustomization: Kustomization) -> set[Key]:
        """Return what has been applied before a Kustomization: what it and those above it wait for."""
        if kustomization.key not in self._before:
            keys: set[Key] = set()
            waiting = list(self._waits(kustomization))
            while waiting:
                key = waiting.pop()
                if key in keys or key not in self.cluster.by_key:
                    continue
                keys.add(key)
                other = self.cluster.by_key[key]
                waiting += self._waits(other)
                # A Kustomization that waits for all that it applies is ready only when its children are.
                if other.spec.get("wait") or other.spec.get("healthChecks"):
                    waiting += self._children[key]
            self._before[kustomization.key] = keys | {above.key for above in _above(kustomization)}
        return self._before[kustomization.key]

    def _waits(self, kustomization: Kustomization) -> list[Key]:
        return [dependency.key for each in (kustomization, *_above(kustomization)) for dependency in each.dependencies]

    @cached_property
    def unclear(self) -> set[Key]:
        """Return Kustomizations whose order can't be judged, since another rule has a finding about it.

        They wait for what is not there, or apply another app's files.
        """
        folders = Counter(kustomization.folder for kustomization in self.cluster.kustomizations)
        return {
            kustomization.key
            for kustomization in self.cluster.kustomizations
            if any(dependency.key not in self.cluster.by_key for dependency in kustomization.dependencies)
            or (
                folders[kustomization.folder] > 1
                and not f"{kustomization.folder}/".startswith(f"{kustomization.item.file.folder}/")
            )
        }

    @cached_property
    def _releases_by_name(self) -> dict[Key, Release]:
        return {(release.item.namespace, release.item.name): release for release in releases(self.cluster)}

    def is_awaited(self, kustomization: Kustomization, item: Object, provider: Kustomization) -> bool:
        """Return whether an object is applied or installed only after another Kustomization, or by that one itself."""
        if (
            provider.key == kustomization.key
            or kustomization.key in self.unclear
            or provider.key in self.before(kustomization)
        ):
            return True
        return item.is_a("HelmRelease", HELM) and provider.key in self._before_release(item)

    def _before_release(self, item: Object) -> set[Key]:
        """Return the Kustomizations of the releases that a HelmRelease waits for."""
        seen: set[Key] = set()
        owners: set[Key] = set()
        waiting = [item]
        while waiting:
            current = waiting.pop()
            listed = current.spec.get("dependsOn")
            for entry in listed if isinstance(listed, list) else []:
                if isinstance(entry, dict):
                    key = str(entry.get("namespace") or current.namespace), str(entry.get("name", ""))
                    if key not in seen and key in self._releases_by_name:
                        seen.add(key)
                        owners.add(self._releases_by_name[key].kustomization.key)
                        waiting.append(self._releases_by_name[key].item)
        return owners

    # --- Charts ---

    @cached_property
    def remotes(self) -> list[tuple[Kustomization | None, set[str]]]:
        """Return what kustomization.yaml files take from elsewhere: who applies it, and the words of its address."""
        homes = {
            kustomization.folder: kustomization
            for kustomization in self.cluster.kustomizations
            if self.cluster.is_here(kustomization)
        }
        remotes = []
        for file in self.cluster.manifests:
            if file.name.lower().startswith("kustomization"):
                content = self.cluster.content_of(file)
                for entry in [*_texts(content.get("resources")), *_inflated(content)]:
                    if "://" in entry or "github.com" in entry or entry in _inflated(content):
                        remotes.append((_home(homes, file.folder), _words(entry)))
        return remotes

    @cached_property
    def builds_remote(self) -> set[Key]:
        """Return the Kustomizations that take workloads from elsewhere, as far as an address tells: not CRDs alone."""
        return {
            kustomization.key
            for kustomization, words in self.remotes
            if kustomization and not any(CRDS.search(word) for word in words)
        }

    @cached_property
    def names(self) -> set[str]:
        """Return every name that a chart, a source of charts or an address in the repository has."""
        names: set[str] = set()
        for item in self.cluster.objects:
            if item.is_a("HelmRelease", HELM):
                names |= {item.name, chart_of(self.cluster, item)}
            elif item.group == SOURCES:
                names |= {item.name, *_words(str(item.spec.get("url", ""))), *_words(str(item.spec.get("chart", "")))}
        return names.union(*(words for _, words in self.remotes))

    @cached_property
    def bootstrapped(self) -> set[str]:
        """Return the words of what is installed before Flux.

        They come from releases of helmfiles, entries of lists and lines of scripts.
        """
        words: set[str] = set()
        for file in self.cluster.files.values():
            if is_of_bootstrap(file):
                words |= _installed_by(file)
        return words

    @cached_property
    def _of_talos(self) -> set[str]:
        """Return the words of the manifests that Talos applies by itself."""
        files = [file for file in self.cluster.files.values() if file.is_yaml and file.path.startswith("talos/")]
        return set().union(*(_installed_by(file) for file in files if "anifests" in file.text))

    def is_bootstrapped(self, *names: str) -> bool:
        """Return whether one of these is there before Flux: a chart by its name, an API group as a part of a word."""
        return any(any(name in word for word in self._early) if "." in name else name in self._early for name in names)

    @cached_property
    def _early(self) -> set[str]:
        return self.bootstrapped | self._of_talos

    # --- Custom resources ---

    @cached_property
    def defined(self) -> dict[str, list[Kustomization]]:
        """Return who applies CustomResourceDefinitions, by their group."""
        by_group: dict[str, list[Kustomization]] = defaultdict(list)
        for kustomization in self.cluster.kustomizations:
            for item in kustomization.objects:
                if item.kind == "CustomResourceDefinition":
                    by_group[str(item.spec.get("group"))].append(kustomization)
        return by_group

    @cached_property
    def _of_chart(self) -> dict[str, list[Kustomization]]:
        """Return who applies a chart, by its name, or takes what is called so from elsewhere."""
        by_name: dict[str, list[Kustomization]] = defaultdict(list)
        for release in releases(self.cluster):
            by_name[release.chart].append(release.kustomization)
        for kustomization, words in self.remotes:
            for word in words:
                if kustomization:
                    by_name[word].append(kustomization)
        return by_name

    def of_group(self, group: str) -> list[Kustomization]:
        """Return who brings the kinds of a group, the likeliest first."""
        fork = self.fork_of(group)
        return [
            *self.defined.get(group, ()),
            *(kustomization for name in BRINGS[group] for kustomization in self._of_chart.get(name, ())),
            *([fork.kustomization] if fork else ()),
        ]

    @cached_property
    def _forks(self) -> dict[str, Release]:
        names = {name for charts in BRINGS.values() for name in charts}
        return forks(self.cluster, names, (words for _, words in self.remotes))

    def fork_of(self, group: str) -> Release | None:
        """Return the release of a fork that brings the kinds of a group; None where upstream's chart does."""
        return next((self._forks[name] for name in BRINGS.get(group, ()) if name in self._forks), None)

    def is_missing(self, group: str) -> bool:
        """Return whether nothing in the repository can bring the kinds of a group."""
        names = (*BRINGS[group], *MAY_BRING.get(group, ()))
        if self.is_bootstrapped(group, *names):
            return False
        if any(item.spec.get("group") == group for item in self.cluster.objects if _is_definition(item)):
            return False
        if any(name in word for name in names for word in self.names):
            return False
        # Only a group that the repository uses is worth a doubt.
        is_used = any(item.group == group for item in self.cluster.applied)
        return is_used and not elsewhere(self.cluster).may_define(group, *names)

    # --- Storage ---

    @cached_property
    def storage(self) -> dict[str, list[Kustomization]]:
        """Return who makes a storage class, by its name."""
        by_class: dict[str, list[Kustomization]] = defaultdict(list)
        for kustomization in self.cluster.kustomizations:
            for item in kustomization.objects:
                if item.is_a("StorageClass", "storage.k8s.io"):
                    by_class[item.name].append(kustomization)
        for release in releases(self.cluster):
            for name in (*_classes_of(release), *_classes_in(release.item)):
                by_class[name].append(release.kustomization)
        for name, classes in STORAGE.items():
            for home, words in self.remotes:
                for each in classes:
                    if home and name in words:
                        by_class[each].append(home)
        return by_class

    @cached_property
    def storage_is_known(self) -> bool:
        """Return whether every class that the files' charts make is known."""
        storing = [release for release in releases(self.cluster) if may_store(release.chart)]
        plain = {word for _, words in self.remotes if not words & STORAGE.keys() for word in words}
        return (
            bool(self.storage)
            and not any(release.chart not in STORAGE or release.item.spec.get("valuesFrom") for release in storing)
            and not any(MAY_STORE.search(word) for word in plain)
        )

    def may_store_elsewhere(self, name: str) -> bool:
        """Return whether a class can come from elsewhere; without a name, the default one."""
        return elsewhere(self.cluster).may_hold("StorageClass", "", name or "default-class", *STORAGE_WORDS)

    @cached_property
    def static(self) -> set[str]:
        """Return the classes that PersistentVolumes name: they need no StorageClass."""
        volumes = [item for item in self.cluster.objects if item.kind == "PersistentVolume"]
        return {str(item.spec.get("storageClassName")) for item in volumes}

    # --- What serves requests ---

    @cached_property
    def ingress(self) -> dict[str, list[Kustomization]]:
        """Return who serves an ingress class, by its name."""
        by_class: dict[str, list[Kustomization]] = defaultdict(list)
        for kustomization in self.cluster.kustomizations:
            for item in kustomization.objects:
                if item.kind == "IngressClass":
                    by_class[item.name].append(kustomization)
        for release in releases(self.cluster):
            if release.chart in INGRESS:
                keys, default = INGRESS[release.chart]
                class_name = release.item.get("spec", "values", *keys)
                hidden = not class_name and release.item.spec.get("valuesFrom")
                if not hidden:
                    by_class[str(class_name or default)].append(release.kustomization)
        return by_class

    @cached_property
    def gateways(self) -> dict[Key, list[Kustomization]]:
        """Return who applies a Gateway, by its namespace and name."""
        return self._applying("Gateway", "gateway.networking.k8s.io")

    @cached_property
    def gateway_classes(self) -> dict[Key, list[Kustomization]]:
        """Return who applies a GatewayClass, by an empty namespace and its name."""
        return self._applying("GatewayClass", "gateway.networking.k8s.io")

    def _applying(self, kind: str, group: str) -> dict[Key, list[Kustomization]]:
        by_key: dict[Key, list[Kustomization]] = defaultdict(list)
        for kustomization in self.cluster.kustomizations:
            for item in kustomization.objects:
                if item.is_a(kind, group):
                    by_key["" if kind == "GatewayClass" else item.namespace, item.name].append(kustomization)
        return by_key


def may_store(chart: str) -> bool:
    """Return whether a chart makes storage classes, as far as its name tells."""
    return chart in STORAGE or MAY_STORE.search(chart) is not None


def _above(kustomization: Kustomization) -> Iterator[Kustomization]:
    while kustomization.parent:
        kustomization = kustomization.parent
        yield kustomization


def _home(homes: dict[str, Kustomization], folder: str) -> Kustomization | None:
    """Return the Kustomization that applies a folder, or the nearest folder around it."""
    while folder:
        if folder in homes:
            return homes[folder]
        folder = folder.rpartition("/")[0]
    return None


def _is_definition(item: Object) -> bool:
    return item.kind == "CustomResourceDefinition"


def _classes_of(release: Release) -> Iterator[str]:
    """Yield the storage classes that a chart makes of its own accord, with the name that its values give the first."""
    classes = STORAGE.get(release.chart, ())
    called = release.get(*CALLED[release.chart]) if release.chart in CALLED else None
    yield from (str(called), *classes[1:]) if called else classes


def _classes_in(item: Object) -> Iterator[str]:
    """Yield the storage classes that a chart's values describe: with a name and more, not just by a name."""
    for keys, value in walk(item.get("spec", "values")):
        key = str(keys[-1]).lower() if keys else ""
        entries = value if isinstance(value, List) else [value]
        if key in ("storageclass", "storageclasses"):
            yield from (str(each["name"]) for each in entries if isinstance(each, Map) and each.get("name"))
            if key == "storageclasses" and isinstance(value, Map):
                yield from map(str, value)


def is_helmfile(file: RepositoryFile) -> bool:
    """Return whether a file lists releases for helmfile, which installs what is needed before Flux."""
    return file.name.endswith((".yaml", ".yml", ".gotmpl")) and bool(HELMFILE.search(file.text))


def is_of_bootstrap(file: RepositoryFile) -> bool:
    """Return whether a file says what is installed before Flux."""
    *folders, name = file.path.split("/")
    if is_helmfile(file):
        return True
    # Terraform makes the machines, and installs what they need to be a cluster.
    is_terraform = name.endswith((".tf", ".tofu")) and "helm" in file.text
    return is_terraform or (not name.endswith(".md") and ("bootstrap" in folders or name.startswith("bootstrap")))


def _installed_by(file: RepositoryFile) -> set[str]:
    """Return the words of a file that can name what it installs; of a script every word outside comments."""
    try:
        documents = file.documents if file.is_yaml else None
    except Unreadable:
        documents = None
    if documents is None:
        return _words("\n".join(re.sub(r"(^|\s)#.*", "", line) for line in file.lines))
    texts: list[str] = []
    for keys, value in walk(documents):
        if isinstance(value, str) and keys:
            in_release = len(keys) > 1 and "releases" in keys and keys[-1] in ("name", "chart", "namespace")
            if isinstance(keys[-1], int) or in_release or keys[-1] in ("contents", "cmd"):
                texts.append(value)
    return _words("\n".join(texts))


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w.-]+", text))


def _texts(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _inflated(content: Map) -> list[str]:
    """Return the charts that kustomize renders itself."""
    charts = content.get("helmCharts")
    return [str(entry.get("name")) for entry in charts if isinstance(entry, Map)] if isinstance(charts, List) else []
