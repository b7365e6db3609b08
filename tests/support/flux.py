"""What Flux would apply: its Kustomizations built, patched, moved to their namespace and substituted, strictly.

The rules are those of kustomize-controller 1.9 (github.com/fluxcd/pkg/kustomize and .../envsubst).
"""

import copy
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.support import tools
from tests.support.repository import FLUX_KUSTOMIZATION, Object, Repository, is_kind, parse

VARIABLE = re.compile(r"\$\$|\$\{([^}]*)\}")
NAME = re.compile(r"[_A-Za-z][_A-Za-z0-9]*")
LOOKS_LIKE_A_NUMBER = "00512e34"
SUBSTITUTE = f"{FLUX_KUSTOMIZATION}/substitute"


def substitute(text: str, variables: dict[str, str]) -> str:
    """Replace ${NAME}, ${NAME:=default} and ${NAME#prefix}; `$$` becomes `$`.

    ValueError for an unknown name or another form.
    """

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name = NAME.match(match[1])
        rest = match[1][name.end() :] if name else match[1]
        if not name or (rest and not rest.startswith((":=", ":-", "#"))):
            raise ValueError(f"{match[0]} is no substitution that Flux accepts here; escape it as ${match[0]}")
        if name[0] not in variables and not rest.startswith(":"):
            raise ValueError(f"{match[0]}: variable not set (strict mode)")
        if rest.startswith("#"):
            return variables[name[0]].removeprefix(rest[1:])
        return variables.get(name[0]) or rest[2:]

    return VARIABLE.sub(value, text)


_built: dict[str, list[Object]] = {}


def build(folder: Path, spec: dict[str, Any]) -> list[Object]:
    """`kustomize build` of a folder with the patches and target namespace of a Flux Kustomization's spec.

    A folder without a kustomization.yaml gets one as Flux makes it. Equal folders are built once.
    """
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        **({"namespace": spec["targetNamespace"]} if "targetNamespace" in spec else {}),
        **({"patches": spec["patches"]} if "patches" in spec else {}),
    }
    key = json.dumps([_digest(folder), overlay], sort_keys=True)
    if key not in _built:
        with tempfile.TemporaryDirectory(prefix="overlay-") as scratch:
            # Flux writes its fields into the folder's own file; an overlay leaves the render as it is.
            resources = [folder] if (folder / "kustomization.yaml").exists() else _generated_resources(folder)
            here = Path(scratch).resolve()
            overlay |= {"resources": [os.path.relpath(path.resolve(), here) for path in resources]}
            (here / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
            _built[key] = parse(tools.run("kustomize", "build", "--load-restrictor=LoadRestrictionsNone", here))
    return copy.deepcopy(_built[key])


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes() + b"\0")
    return whole.hexdigest()


def _generated_resources(folder: Path) -> list[Path]:
    """Every YAML file below a folder, a subfolder with a kustomization.yaml standing for all in it."""
    resources: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            resources += [path] if (path / "kustomization.yaml").exists() else _generated_resources(path)
        elif path.suffix in (".yaml", ".yml"):
            resources.append(path)
    return resources


def apply(repository: Repository, kustomization: Object, settings: dict[str, str]) -> list[Object]:
    """The objects that one Flux Kustomization applies."""
    spec = kustomization["spec"]
    variables = dict(spec.get("postBuild", {}).get("substitute", {}))
    sources = spec.get("postBuild", {}).get("substituteFrom", [])
    if sources:
        variables = settings | _values_of_secrets(repository, sources) | variables
    objects = []
    for built in build(repository.root / spec["path"], spec):
        if "sops" in built and "decryption" not in spec:
            raise ValueError(f"{built['kind']}/{built['metadata']['name']} is SOPS encrypted, and nothing decrypts it")
        marks = {**built["metadata"].get("labels", {}), **built["metadata"].get("annotations", {})}
        item = built
        if variables and marks.get(SUBSTITUTE) != "disabled":
            item = parse(substitute(yaml.safe_dump(built, width=10**6), variables))[0]
        item = copy.deepcopy(item)
        for field, values in spec.get("commonMetadata", {}).items():
            item["metadata"].setdefault(field, {}).update(values)
        objects.append(item)
    return objects


def _values_of_secrets(repository: Repository, sources: list[Object]) -> dict[str, str]:
    """A value for each key of the Secrets that variables are taken from: one that YAML would take for a number."""
    names = {source["name"] for source in sources if source["kind"] == "Secret"}
    entries = repository.documents("bootstrap/secrets.yaml")[0]["secrets"] if names else []
    found = [entry for entry in entries if entry["name"] in names and entry.get("namespace") == "flux-system"]
    return {key["name"]: LOOKS_LIKE_A_NUMBER for entry in found for key in entry["keys"]}


def reconcile(repository: Repository, roots: Sequence[Object] = ()) -> dict[str, list[Object]]:
    """Everything that ends up in the cluster, by the name of the Flux Kustomization that applies it.

    `roots` are given where they are not applied as they stand in the repository.
    """
    waiting = list(roots or repository.documents("kubernetes/flux/cluster/ks.yaml"))
    applied: dict[str, list[Object]] = {}
    while waiting:
        kustomization = waiting.pop(0)
        name = kustomization["metadata"]["name"]
        if name in applied:
            raise ValueError(f"two Flux Kustomizations are named {name}")
        try:
            applied[name] = apply(repository, kustomization, repository.settings)
        except (ValueError, RuntimeError, yaml.YAMLError) as error:
            raise ValueError(f"Kustomization {name}: {error}") from error
        waiting += [found for found in applied[name] if is_kind(found, "Kustomization", FLUX_KUSTOMIZATION)]
    return applied
