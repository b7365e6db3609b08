"""Which Pod Security Standard each namespace enforces."""

import re
from functools import lru_cache

from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.pod_security import BASELINE, LEVELS
from talos_flux.manifests.releases import mapping

ENFORCE = "pod-security.kubernetes.io/enforce"
# Kubernetes makes it, without a label.
DEFAULT = "default"
# It is exempt in the configuration that `talosctl gen config` writes, where everything else is baseline by default.
EXEMPT = "kube-system"
# Of repositories whose machine configuration comes from there. A whole one of somebody's own has what it says alone.
GENERATED = re.compile(r"(^|/)(talos/inventory\.yaml|talconfig\.ya?ml)$")
# Machine configuration that sets admission itself, in whatever it is written.
ADMISSION = re.compile(r"admissionControl|AdmissionControlConfig|PodSecurity(Configuration)?\b")
CONFIGURATION = (".yaml", ".yml", ".j2", ".jinja", ".json", ".tf", ".ts", ".sh")


@lru_cache(maxsize=4)
def enforced_levels(cluster: Cluster) -> "EnforcedLevels":
    """Return the levels of a cluster's namespaces; computed once."""
    return EnforcedLevels(cluster)


class EnforcedLevels:
    """The levels of a cluster's namespaces."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        # By the cluster's home and name; several where files differ.
        self.labels: dict[tuple[str, str], set[str]] = {}
        for kustomization in cluster.kustomizations:
            common = mapping(mapping(kustomization.spec.get("commonMetadata")).get("labels"))
            for item in kustomization.objects:
                if item.is_a("Namespace", ""):
                    key = (cluster.home_of(kustomization), item.name)
                    level = common.get(ENFORCE) or item.labels.get(ENFORCE) or ""
                    self.labels.setdefault(key, set()).add(str(level))

    def of(self, kustomization: Kustomization, namespace: str) -> str:
        """Return the level of a namespace; empty where the files don't tell."""
        if namespace == EXEMPT:
            return ""
        labels = self.labels.get((self.cluster.home_of(kustomization), namespace), set())
        if not labels and namespace == DEFAULT:
            labels = {""}
        if len(labels) != 1:
            return ""
        (level,) = labels
        return level if level in LEVELS else BASELINE if not level and _is_talos_default(self.cluster) else ""


@lru_cache(maxsize=4)
def _is_talos_default(cluster: Cluster) -> bool:
    """Return whether namespaces without a label have Talos' default, and nothing here gives them one on the way."""
    if not any(GENERATED.search(path) for path in cluster.files):
        return False
    others = set(cluster.files) - {item.file.path for item in cluster.of("Namespace", "")}
    return not any(
        ADMISSION.search(cluster.files[path].text) or _labels(cluster.files[path].text)
        for path in others
        if path.endswith(CONFIGURATION)
    )


def _labels(text: str) -> bool:
    """Return whether a kustomization.yaml gives the label to what it lists."""
    return ENFORCE in text and "kind: Kustomization" in text
