"""Where Flux starts in a repository, and which folder each of its sources is: of this layout, and of others.

A repository can say it in four ways. Flux Kustomizations that apply others, and that nobody applies, are roots: those
of `flux bootstrap` in gotk-sync.yaml, too. A FluxInstance has spec.sync, from which flux-operator makes one
(internal/builder/templates.go, syncTmpl). An artifact may hold a folder of the repository alone, so that paths begin
there. An ArtifactGenerator makes such artifacts inside of the cluster.
"""

import json
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from talos_flux.manifests.objects import FLUX, Object, walk
from talos_flux.manifests.patches import moved_to, patched
from talos_flux.repository.files import List, Map, RepositoryFile, Unreadable, documents

SOURCE_KINDS = {"Bucket", "GitRepository", "OCIRepository"}
GENERATORS = "source.extensions.fluxcd.io"
CLUSTER = re.compile(r"(?:.+/)?clusters/[^/]+")
Source = tuple[str, str]


def synced(files: Iterable[RepositoryFile]) -> Iterator[Object]:
    """Yield the Flux Kustomizations that flux-operator makes of sync: in a FluxInstance, or in values of its chart."""
    for file in files:
        if not file.is_yaml or "sync:" not in file.text or not any(kind in file.text for kind in SOURCE_KINDS):
            continue
        try:
            read = file.documents
        except Unreadable:
            continue
        for document in read:
            for keys, value in walk(document):
                if keys and keys[-1] == "sync" and isinstance(value, Map) and _is_sync(value):
                    around: Any = document
                    for key in keys[:-1]:
                        around = around[key]
                    yield _kustomization(file, _namespace(document), value, around)


def _is_sync(value: Map) -> bool:
    return value.get("kind") in SOURCE_KINDS and isinstance(value.get("path"), str) and "url" in value


def _namespace(document: Any) -> str:
    metadata = document.get("metadata") if isinstance(document, Map) else None
    is_instance = isinstance(metadata, Map) and document.get("kind") == "FluxInstance"
    return str((metadata.get("namespace") if is_instance and isinstance(metadata, Map) else "") or "flux-system")


def _kustomization(file: RepositoryFile, namespace: str, sync: Map, around: Map) -> Object:
    """Return the Kustomization that is made of sync, after the patches beside it; it all stands on that line."""
    item = _made(file, sync.lines["path"], namespace, sync)
    kustomize = around.get("kustomize")
    listed = kustomize.get("patches") if isinstance(kustomize, Map) else None
    for patch in listed if isinstance(listed, List) else []:
        if isinstance(patch, Map):
            item = next(iter(patched([item], patch)), item)
    return item


def _made(file: RepositoryFile, line: int, namespace: str, sync: Mapping[str, Any]) -> Object:
    name = str(sync.get("name") or namespace)
    content = {
        "apiVersion": f"{FLUX}/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": namespace, "annotations": {"url": address(sync.get("url", ""))}},
        "spec": {
            "interval": "10m",
            "retryInterval": "5m",
            "timeout": "10m",
            "prune": True,
            "wait": False,
            "path": posixpath.normpath(sync["path"]),
            "sourceRef": {"kind": str(sync["kind"]), "name": name},
        },
    }
    return Object(file, moved_to(next(documents(json.dumps(content))), line), namespace)


def address(url: object) -> str:
    """Return an address as it is compared."""
    return str(url).removesuffix(".git").rstrip("/")


def of_cluster_folders(
    folders: Iterable[str], listing: Callable[[str], RepositoryFile | None], source: Source, base: str
) -> Iterator[Object]:
    """Yield a Kustomization for every folder clusters/<name> that has a kustomization.yaml, and is no base of others.

    That is the folder that `flux bootstrap` is told, where nothing in the files says so. Its path begins in `base`.
    """
    found = {folder: file for folder in sorted(folders) if CLUSTER.fullmatch(folder) and (file := listing(folder))}
    for folder, file in found.items():
        name = folder.rpartition("/")[2]
        if not any(f"../{name}" in other.text for other in found.values()):
            path = folder.removeprefix(f"{base}/")
            yield _made(file, 1, "flux-system", {"path": path, "kind": source[0], "name": source[1]})


def base_of(paths: Iterable[str], folders: set[str]) -> str:
    """Return the folder of the repository in which most of the paths begin; empty for the repository itself."""
    wanted = [path for path in paths if "$" not in path and path not in (".", "")]
    missing = [path for path in wanted if path not in folders]
    tops = Counter(
        top
        for top in folders
        if top != "." and "/" not in top
        for path in missing
        if f"{top}/{path.split('/')[0]}" in folders
    )
    best = tops.most_common(1)
    return best[0][0] if best and best[0][1] > len(wanted) - len(missing) else ""


def artifacts(generators: Iterable[Object]) -> Mapping[Source, str]:
    """Return the folder that each ExternalArtifact begins in, where it is one of this repository."""
    folders: dict[Source, str] = {}
    for generator in generators:
        listed = generator.spec.get("artifacts")
        for artifact in listed if isinstance(listed, List) else []:
            copies = artifact.get("copy") if isinstance(artifact, Map) else None
            bases = {_copied_from(copy) for copy in copies or [] if isinstance(copy, Map)}
            if len(bases) == 1 and (base := bases.pop()) is not None:
                folders["ExternalArtifact", str(artifact.get("name"))] = base
    return folders


def _copied_from(copy: Map) -> str | None:
    """Return the folder that becomes the artifact's own; None where it is put together in another way."""
    _, _, start = str(copy.get("from", "")).partition("/")
    folder = posixpath.normpath(start.removesuffix("/**").removesuffix("**") or ".")
    target = posixpath.normpath(str(copy.get("to", "")).removeprefix("@artifact").strip("/") or ".")
    if target == ".":
        return "" if folder == "." else folder
    return folder.removesuffix(target).rstrip("/") if f"/{folder}".endswith(f"/{target}") else None
