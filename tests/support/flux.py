"""What Flux would apply, by Flux' own library: see tests/tools/go/quick/flux.go."""

import copy
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support import tools
from tests.support.repository import Object, Repository

LOOKS_LIKE_A_NUMBER = "00512e34"
SETTINGS = "cluster-settings"
_built: dict[str, dict[str, list[Object]]] = {}


def reconcile(repository: Repository, roots: Sequence[Object] = ()) -> dict[str, list[Object]]:
    """Everything that ends up in the cluster, by the name of the Flux Kustomization that applies it.

    `roots` are given where they are not applied as they stand in the repository. Equal repositories are built once.
    ValueError with the words of Flux for the first Kustomization that can't be built.
    """
    kustomizations = list(roots or repository.documents("kubernetes/flux/cluster/ks.yaml"))
    folder = repository.root / "kubernetes"
    request = {
        "kustomizations": kustomizations,
        "configMaps": {SETTINGS: repository.settings},
        "secrets": _values_of_secrets(repository),
    }
    key = hashlib.sha256(json.dumps([_digest(folder), request], sort_keys=True).encode()).hexdigest()
    if key not in _built:
        with tempfile.TemporaryDirectory(prefix="flux-") as scratch:
            shutil.copytree(folder, Path(scratch) / "kubernetes")
            _built[key] = build(Path(scratch), request)
    return copy.deepcopy(_built[key])


def build(root: Path, request: Mapping[str, Any]) -> dict[str, list[Object]]:
    """Build what each Kustomization applies in a writable folder; raise ValueError as `reconcile` does."""
    applied: dict[str, list[Object]] = {}
    specs = {item["metadata"]["name"]: item["spec"] for item in request["kustomizations"]}
    for line in tools.run("flux-build", root, stdin=json.dumps(request)).splitlines():
        result = json.loads(line)
        name, objects = result["name"], result.get("objects", [])
        if "error" in result:
            raise ValueError(f"Kustomization {name}: {result['error']}")
        specs |= {item["metadata"]["name"]: item["spec"] for item in objects if item["kind"] == "Kustomization"}
        for item in objects:
            if "sops" in item and "decryption" not in specs[name]:
                raise ValueError(f"Kustomization {name}: {item['kind']} is encrypted, and nothing decrypts it")
            for field, values in specs[name].get("commonMetadata", {}).items():
                item["metadata"].setdefault(field, {}).update(values)
        applied[name] = objects
    return applied


def substitute(text: str, variables: dict[str, str]) -> str:
    """Return a text after Flux filled its variables in; raise ValueError with the words of Flux where it refuses."""
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "text"}, "data": {"text": text}}
    spec = {"path": "./all", "postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": SETTINGS}]}}
    kustomization = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "all", "namespace": "flux-system"},
        "spec": spec,
    }
    with tempfile.TemporaryDirectory(prefix="flux-") as scratch:
        (Path(scratch) / "all").mkdir()
        (Path(scratch) / "all/text.yaml").write_text(json.dumps(item))
        [built] = build(Path(scratch), {"kustomizations": [kustomization], "configMaps": {SETTINGS: variables}})["all"]
    found: str = built["data"]["text"]
    return found


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes() + b"\0")
    return whole.hexdigest()


def _values_of_secrets(repository: Repository) -> dict[str, dict[str, str]]:
    """Return a value for each key of the Secrets beside Flux: one that YAML would take for a number."""
    return {
        entry["name"]: {key["name"]: LOOKS_LIKE_A_NUMBER for key in entry["keys"]}
        for entry in repository.documents("bootstrap/secrets.yaml")[0]["secrets"]
        if entry.get("namespace") == "flux-system"
    }
