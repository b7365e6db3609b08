"""A repository of a few files: a root Kustomization, and one below it that applies the folder kubernetes/apps."""

from collections.abc import Mapping
from pathlib import Path

from talos_flux.check.rule import Finding
from talos_flux.check.rules import findings
from talos_flux.manifests.flux_tree import Cluster

FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
  namespace: flux-system
spec:
  interval: 1h
  path: ./kubernetes/{name}
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
"""
LIST = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"


def config_map(name: str = "x", more: str = "") -> str:
    """Return the text of a ConfigMap."""
    return f'---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{more}data:\n  a: "1"\n'


def write(root: Path, files: Mapping[str, str], spec: str = "") -> Path:
    """Write a repository with these files in kubernetes/apps; `spec` is more of its Kustomization's. Return it."""
    own = {f"apps/{path}": text for path, text in files.items()}
    for path, text in {
        "flux.yaml": FLUX.format(name="root"),
        "root/apps.yaml": f"{FLUX.format(name='apps')}{spec}",
        **own,
    }.items():
        file = root / "kubernetes" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def found(root: Path, *rules: str) -> list[Finding]:
    """Return what these rules find there."""
    return findings(Cluster(root), rules)
