"""The CustomResourceDefinitions of everything a cluster may run, each from the module of its authors."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from tests.support import modules
from tests.support.render import PROJECT
from tests.support.repository import Object, is_kind, parse
from tests.tools.locks import cache_dir, locked
from tests.tools.records.component import CrdFiles, components

# Flux' own, of which flux-instance brings more than its record says.
OF_FLUX = (
    CrdFiles("github.com/fluxcd/source-controller@v1.9.5", ("config/crd/bases/*.yaml",)),
    CrdFiles("github.com/fluxcd/kustomize-controller@v1.9.5", ("config/crd/bases/*.yaml",)),
    CrdFiles("github.com/fluxcd/helm-controller@v1.6.4", ("config/crd/bases/*.yaml",)),
)
SOURCES = (*OF_FLUX, *(source for component in components() for source in component.brings.crds))
# CRDs that no Go module carries: names and types of the fields the template uses.
FIXTURES = PROJECT / "tests" / "crds"

# Who brings the objects of an API group: what carries them waits for that app.
PROVIDERS = {group: component.name for component in components() for group in component.brings.groups}


@lru_cache(maxsize=1)
def definitions() -> list[Object]:
    """Every CRD, once each; ValueError when a module has none where this table says so.

    Read from the modules once on a machine: their YAML takes seconds, and a later run needs no module.
    """
    digest = hashlib.sha256(repr(SOURCES).encode() + b"".join(file.read_bytes() for file in _fixtures())).hexdigest()
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
