"""The CustomResourceDefinitions of everything a cluster may run, each from the module of its authors."""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tests.support import modules
from tests.support.render import PROJECT
from tests.support.repository import Object, is_kind, parse
from tests.tools.locks import cache_dir, locked


@dataclass(frozen=True)
class Source:
    """Files of a Go module (`path@version`) that hold CRDs, among other objects maybe."""

    module: str
    files: tuple[str, ...]


SOURCES = (
    Source("github.com/fluxcd/source-controller@v1.9.5", ("config/crd/bases/*.yaml",)),
    Source("github.com/fluxcd/kustomize-controller@v1.9.5", ("config/crd/bases/*.yaml",)),
    Source("github.com/fluxcd/helm-controller@v1.6.4", ("config/crd/bases/*.yaml",)),
    Source(
        "github.com/controlplaneio-fluxcd/flux-operator@v0.59.0",
        ("config/crd/bases/*.yaml", "config/data/flux/v2.9.4/notification-controller.yaml"),
    ),
    Source("github.com/cert-manager/cert-manager@v1.21.2", ("deploy/crds/*.yaml",)),
    Source("github.com/external-secrets/external-secrets@v1.3.2", ("deploy/crds/bundle.yaml",)),
    Source("github.com/1Password/onepassword-operator@v1.12.0", ("config/crd/bases/*.yaml",)),
    Source("github.com/cilium/cilium@v1.20.2", ("pkg/k8s/apis/cilium.io/client/crds/*/*.yaml",)),
    Source("sigs.k8s.io/gateway-api@v1.6.1", ("config/crd/standard/*.yaml",)),
    Source("github.com/envoyproxy/gateway@v1.9.1", ("charts/gateway-helm/charts/crds/crds/generated/*.yaml",)),
    Source("sigs.k8s.io/external-dns@v0.23.0", ("config/crd/standard/*.yaml",)),
    Source("github.com/prometheus-operator/prometheus-operator@v0.93.0", ("example/prometheus-operator-crd/*.yaml",)),
    Source("github.com/cloudnative-pg/cloudnative-pg@v1.29.0", ("config/crd/bases/*.yaml",)),
    Source("github.com/backube/volsync@v0.16.0", ("config/crd/bases/*.yaml",)),
)
# CRDs that no Go module carries: names and types of the fields the template uses.
FIXTURES = PROJECT / "tests" / "crds"

# Who brings the objects of an API group: what carries them waits for that app.
PROVIDERS = {
    "cert-manager.io": "cert-manager",
    "cilium.io": "cilium",
    "external-secrets.io": "external-secrets",
    "externaldns.k8s.io": "external-dns",
    "gateway.envoyproxy.io": "envoy-gateway",
    "gateway.networking.k8s.io": "envoy-gateway",
    "kubeai.org": "kubeai",
    "monitoring.coreos.com": "prometheus-operator-crds",
    "onepassword.com": "onepassword-connect",
    "postgresql.cnpg.io": "cloudnative-pg",
    "volsync.backube": "volsync",
}


@lru_cache(maxsize=1)
def definitions() -> list[Object]:
    """Every CRD, once each; ValueError when a module has none where this table says so.

    Read from the modules once on a machine: their YAML takes seconds, and a later run needs no module.
    """
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in [Path(__file__), *_fixtures()])).hexdigest()
    kept = cache_dir().parent / f"crds-{digest[:16]}.json"
    with locked(kept):
        if not kept.exists():
            draft = kept.with_suffix(".draft")
            draft.write_text(json.dumps(_read()))
            draft.replace(kept)
    found: list[Object] = json.loads(kept.read_text())
    return found


def _read() -> list[Object]:
    found: dict[str, Object] = {}
    for source in SOURCES:
        for pattern in source.files:
            files = sorted(modules.folder(source.module).glob(pattern))
            if not files:
                raise ValueError(f"{source.module} has no {pattern}")
            documents = [document for file in files for document in parse(file.read_text())]
            found |= {d["metadata"]["name"]: d for d in documents if is_kind(d, "CustomResourceDefinition")}
    for file in _fixtures():
        found |= {document["metadata"]["name"]: document for document in parse(file.read_text())}
    return list(found.values())


def _fixtures() -> list[Path]:
    return sorted(FIXTURES.glob("*.yaml"))
