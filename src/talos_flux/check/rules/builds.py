"""Rules about what kustomize refuses to build, of which Flux then applies nothing."""

import posixpath
from collections import Counter
from collections.abc import Iterator

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.errors import did_you_mean
from talos_flux.manifests.flux_tree import KUSTOMIZATION_FILES, Cluster
from talos_flux.manifests.objects import Place
from talos_flux.manifests.post_build import entries
from talos_flux.manifests.values import generated_files
from talos_flux.repository.files import List, Map, RepositoryFile, Unreadable

API = "kustomize.config.k8s.io"
VERSIONS = {"Kustomization": f"{API}/v1beta1", "Component": f"{API}/v1alpha1"}
# The fields of types.Kustomization, sigs.k8s.io/kustomize/api v0.21; those that hold lists come first.
LISTS = (
    "patchesStrategicMerge", "patchesJson6902", "patches", "images", "imageTags", "replacements", "replicas", "vars",
    "resources", "components", "crds", "bases", "configMapGenerator", "secretGenerator", "helmCharts",
    "helmChartInflationGenerator", "configurations", "generators", "transformers", "validators", "buildMetadata",
    "labels",
)  # fmt: skip
FIELDS = (
    *LISTS, "apiVersion", "kind", "metadata", "openapi", "namePrefix", "nameSuffix", "namespace", "commonLabels",
    "commonAnnotations", "sortOptions", "helmGlobals", "generatorOptions",
)  # fmt: skip
# What Flux itself writes into the kustomization.yaml that it builds, which then is not empty.
WRITTEN_BY_FLUX = ("targetNamespace", "namePrefix", "nameSuffix", "patches", "components", "images")


@rule(
    "build-refused",
    Severity.ERROR,
    "Kustomize builds all that a kustomization.yaml lists or nothing, and so Flux applies nothing of it.",
    "Correct what the message names; `kustomize build` on the folder ends with the same.",
)
def build_refused(cluster: Cluster) -> Violations:
    """Find what kustomize refuses in the kustomization.yaml files that take part in what Flux builds."""
    filled = {
        kustomization.folder
        for kustomization in cluster.kustomizations
        if any(kustomization.spec.get(field) for field in WRITTEN_BY_FLUX)
    }
    for file in built_files(cluster):
        content = cluster.content_of(file)
        if not any(value is not None for key, value in content.items() if key not in ("apiVersion", "kind")):
            if (file.folder or ".") not in filled:
                yield Place(file.path, content.line), f"{file.path} is empty, which kustomize refuses"
            continue
        for line, problem in (
            *_wrong_form(content),
            *_wrong_listings(cluster, file, content),
            *_wrong_generators(file, content),
        ):
            yield Place(file.path, line), problem
    yield from cluster.refusals.items()


@rule(
    "key-twice",
    Severity.ERROR,
    "Kustomize refuses a mapping that has a key twice, and another reader takes one of the two.",
    "Remove one of them, or merge them.",
)
def key_twice(cluster: Cluster) -> Violations:
    """Find keys that a mapping has twice, in the manifests that Flux builds."""
    paths = {item.file.path for item in (*cluster.roots, *cluster.applied)} | {f.path for f in built_files(cluster)}
    for path in sorted(paths & cluster.files.keys()):
        for key, line, first in cluster.files[path].repeated_keys:
            yield Place(path, line), f"{key} stands here for the second time, after line {first}"


def built_files(cluster: Cluster) -> list[RepositoryFile]:
    """Return the kustomization.yaml files that can be read and that Flux builds with, each once."""
    folders = {
        folder
        for kustomization in cluster.kustomizations
        if cluster.is_here(kustomization)
        for folder in cluster.folders_built(kustomization)
    }
    unreadable = {place.path for place, _ in cluster.unreadable}
    files = [file for folder in sorted(folders) if (file := cluster.kustomize_file(folder))]
    return [file for file in files if file.path not in unreadable]


Problems = Iterator[tuple[int, str]]


def _wrong_form(content: Map) -> Problems:
    kind, version = str(content.get("kind") or "Kustomization"), content.get("apiVersion")
    if kind not in VERSIONS:
        yield content.lines["kind"], f"kind is {kind}, and has to be Kustomization or Component"
    elif version and version != VERSIONS[kind]:
        yield content.lines["apiVersion"], f"the apiVersion of a {kind} has to be {VERSIONS[kind]}, and is {version}"
    known = {field.lower() for field in FIELDS}
    for key, value in content.items():
        if str(key).lower() not in known:
            yield content.lines[key], f"a kustomization.yaml has no field {key}{did_you_mean(str(key), FIELDS)}"
        elif key in LISTS and value is not None and not isinstance(value, List):
            yield content.lines[key], f"{key} has to be a list"
    patches = entries(content.get("patches"))
    for number, patch in enumerate(patches):
        given = [field for field in ("patch", "path") if isinstance(patch, Map) and patch.get(field)]
        if len(given) != 1:
            yield patches.lines[number], "an entry of patches needs patch or path, and not both"


def _wrong_listings(cluster: Cluster, file: RepositoryFile, content: Map) -> Problems:
    for field, wanted in (("resources", "Kustomization"), ("components", "Component")):
        listed = entries(content.get(field))
        for number, entry in enumerate(listed):
            if not isinstance(entry, str) or "://" in entry:
                continue
            path = posixpath.normpath(f"{file.folder}/{entry}")
            if path in cluster.files:
                problem = _of_a_file(cluster.files[path], field)
            elif path in cluster.folders:
                problem = _of_a_folder(cluster, path, wanted)
                if file.folder in cluster.folders_of(path):
                    problem = "lists this folder again, and kustomize would never end"
            else:
                continue  # That is resource-missing.
            if problem:
                yield listed.lines[number], f"{entry} {problem}"


def _of_a_folder(cluster: Cluster, folder: str, wanted: str) -> str:
    """Return what is wrong with a folder that a field lists, which wants it to be of a kind."""
    listing = cluster.kustomize_file(folder)
    if not listing:
        return "has no kustomization.yaml, and kustomize builds no other folder"
    kind = str(cluster.content_of(listing).get("kind") or "Kustomization")
    if kind == wanted or kind not in VERSIONS:
        return ""
    return (
        "is a Component: list it in components" if kind == "Component"
        else "is no Component: list it in resources, or make it one"
    )  # fmt: skip


def _of_a_file(file: RepositoryFile, field: str) -> str:
    """Return what is wrong with a file that a field lists."""
    if field == "components":
        return "is a file, and a Component is a folder"
    if file.name in KUSTOMIZATION_FILES:
        return "is a kustomization.yaml: list its folder"
    try:
        documents = file.documents
    except Unreadable:
        return ""
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, Map) or not document.get("kind"):
            return "holds something without a kind, which is no object"
        metadata = document.get("metadata")
        has_name = isinstance(metadata, Map) and metadata.get("name")
        if not has_name and not str(document["kind"]).endswith("List"):
            return f"holds a {document['kind']} without a name"
    return ""


def _wrong_generators(file: RepositoryFile, content: Map) -> Problems:
    for field in ("configMapGenerator", "secretGenerator"):
        for entry in (entry for entry in entries(content.get(field)) if isinstance(entry, Map)):
            if not entry.get("name"):
                yield entry.line, f"an entry of {field} has no name"
            keys = [key for key, _ in generated_files(entry)]
            literals = entries(entry.get("literals"))
            for number, literal in enumerate(literals):
                key, sign, _ = str(literal).partition("=")
                if not key or not sign:
                    yield literals.lines[number], f"the literal {literal} of {file.path} is not KEY=VALUE"
                keys.append(key)
            for key, count in Counter(keys).items():
                if count > 1:
                    yield entry.line, f"{entry.get('name')} gets the key {key} twice"
