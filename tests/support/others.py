"""Repositories that people have made by hand or from another template, written as texts."""

from collections.abc import Mapping
from pathlib import Path


def listing(*resources: str, namespace: str = "", components: str = "", kind: str = "Kustomization") -> str:
    """Return a kustomization.yaml."""
    version = "v1alpha1" if kind == "Component" else "v1beta1"
    lines = ["---", f"apiVersion: kustomize.config.k8s.io/{version}", f"kind: {kind}"]
    lines += [f"namespace: {namespace}"] if namespace else []
    lines += ["components:", f"  - {components}"] if components else []
    lines += ["resources:", *(f"  - ./{name}" for name in resources)] if resources else []
    return "\n".join([*lines, ""])


def write(root: Path, files: Mapping[str, str]) -> None:
    """Files by their path below a folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
