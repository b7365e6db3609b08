"""What a Kubernetes distribution brings by itself, where the files speak of one that is not Talos."""

import re
from functools import lru_cache

from talos_flux.manifests.flux_tree import Cluster

# What K3s deploys on its own: https://docs.k3s.io/networking/networking-services and https://docs.k3s.io/storage.
OF_K3S = {"IngressClass": {"traefik"}, "StorageClass": {"local-path"}}
# Where Talos' configuration is; who has moved to it still speaks of K3s here and there.
TALOS = re.compile(r"(^|/)(talos/|talconfig\.ya?ml$|talos\w*\.ya?ml)")
K3S = re.compile(r"\bk3s\b", re.IGNORECASE)


def is_of_distribution(cluster: Cluster, kind: str, name: str) -> bool:
    """Return whether an object may be the distribution's own. A yes is noted in the cluster's doubts."""
    if name in OF_K3S.get(kind, ()) and _speaks_of_k3s(cluster):
        cluster.doubts.add(f"the files speak of K3s, which brings the {kind} {name}")
        return True
    return False


@lru_cache(maxsize=4)
def _speaks_of_k3s(cluster: Cluster) -> bool:
    if any(TALOS.search(path) for path in cluster.files):
        return False
    return any(K3S.search(path) or K3S.search(file.text) for path, file in cluster.files.items())
