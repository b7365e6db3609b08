"""What is in the repository, and what Flux is told of it."""

import posixpath
import re
from collections import Counter

from lib.checks.files import File, List, Map
from lib.checks.flux import KUSTOMIZATION_FILES, Cluster
from lib.checks.objects import FLUX, Place
from lib.checks.patching import EARLY, LATE, patches_of
from lib.checks.rules import Found, Severity, rule
from lib.leftovers import leftovers

# An entry of a list in a comment.
COMMENTED_OUT = re.compile(r"^\s*#\s*-\s*(?:\./)?(\S+?)/?\s*(?:\s#.*)?$", re.MULTILINE)


@rule(
    "not-yaml",
    Severity.ERROR,
    "A file that can't be read stops everything that is applied with it.",
    "Correct the line.",
)
def not_yaml(cluster: Cluster) -> Found:
    """Manifests that can't be read; what a merge left in them is a finding of its own."""
    for place, reason in cluster.unreadable:
        if not any(leftovers(place.path, cluster.files[place.path].text)):
            yield place, reason


@rule(
    "app-not-listed",
    Severity.ERROR,
    "Flux never applies a Kustomization that no kustomization.yaml lists.",
    "List its file in the namespace's kustomization.yaml.",
)
def app_not_listed(cluster: Cluster) -> Found:
    """Flux Kustomizations that Flux does not reach; one that is commented out in a list is meant to be."""
    reached = {(one.item.file.path, one.item.content.line) for one in cluster.kustomizations}
    if not reached:
        return  # Flux starts nowhere, which is said once.
    for item in cluster.of("Kustomization", FLUX):
        if (item.file.path, item.content.line) not in reached and not is_commented_out(cluster, item.file.path):
            yield item.at(), f"Kustomization {item.name} is applied by nobody"


def is_commented_out(cluster: Cluster, path: str) -> bool:
    """Whether a list in a folder above names a file, a folder that it is in, or the app of one, in a comment."""
    folder = path.rpartition("/")[0]
    while folder:
        file = cluster.kustomize_file(folder)
        parts = path.removeprefix(f"{folder}/").split("/")
        inner = ["/".join(parts[:number]) for number in range(1, len(parts))]
        names = {"/".join(parts), *inner, *(f"{one}/ks.yaml" for one in inner)}
        if file and any(match[1] in names for match in COMMENTED_OUT.finditer(file.text)):
            return True
        folder = folder.rpartition("/")[0]
    return False


@rule(
    "resource-missing",
    Severity.ERROR,
    "A kustomization.yaml that lists what is not there can't be built, and nothing of it is applied.",
    "Correct the path, or remove the entry.",
)
def resource_missing(cluster: Cluster) -> Found:
    """Entries of kustomization.yaml files that lead nowhere; what is commented out in a list is meant to be off."""
    for file in cluster.manifests:
        if file.name in KUSTOMIZATION_FILES:
            found = list(_missing_in(cluster, file))
            if found and not is_commented_out(cluster, file.path):
                yield from found


def _missing_in(cluster: Cluster, file: File) -> Found:
    content = cluster.content_of(file)
    for key in ("resources", "components"):
        entries = content.get(key)
        if not isinstance(entries, List):
            continue
        for number, entry in enumerate(entries):
            if isinstance(entry, str) and "://" not in entry and not re.match(r"[\w.-]+\.\w+/|git@", entry):
                place = posixpath.normpath(f"{file.folder}/{entry}")
                if place not in cluster.files and place not in cluster.folders:
                    yield Place(file.path, entries.lines[number]), f"{entry} is listed, and not there"
    for field in (*EARLY, *LATE):
        for number, entry in patches_of(content, field):
            if isinstance(entry.get("path"), str):
                place = posixpath.normpath(f"{file.folder}/{entry['path']}")
                if place not in cluster.files:
                    line = entry.lines["path"] if isinstance(entry, Map) else content[field].lines[number]
                    yield Place(file.path, line), f"the patch {entry['path']} is not there"


@rule(
    "file-not-listed",
    Severity.WARNING,
    "A manifest that its kustomization.yaml does not list is never applied.",
    "List it in resources, or delete it.",
)
def file_not_listed(cluster: Cluster) -> Found:
    """Manifests beside a kustomization.yaml which does not name them, not even in a comment."""
    for path, items in cluster.by_file.items():
        folder, _, name = path.rpartition("/")
        listing = cluster.kustomize_file(folder)
        if not listing or listing.path == path or any(item.is_a("Kustomization", FLUX) for item in items):
            continue
        if not re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", listing.text):
            if not _is_named_elsewhere(cluster, path):
                yield (
                    items[0].at(),
                    f"{items[0].kind} {items[0].name} is in no list: {listing.path} does not name {name}",
                )


def _is_named_elsewhere(cluster: Cluster, path: str) -> bool:
    """Whether a kustomization.yaml of another folder lists a file."""
    name = path.rpartition("/")[2]
    for file in cluster.manifests:
        if file.name.startswith("kustomization") and name in file.text:
            for entry in re.findall(rf"[\w./-]*{re.escape(name)}", file.text):
                if posixpath.normpath(f"{file.folder}/{entry}") == path:
                    return True
    return False


@rule(
    "name-taken",
    Severity.ERROR,
    "Two Kustomizations of one name in one namespace overwrite each other: Flux deletes what one of them applied.",
    "Rename one of them.",
)
def name_taken(cluster: Cluster) -> Found:
    """Names of Flux Kustomizations, in the namespace that they end up in; another cluster has names of its own."""
    seen: dict[tuple[str, ...], str] = {}
    for one in cluster.kustomizations:
        path = f"{one.item.file.path}:{one.item.content.line}"
        if (other := seen.setdefault((cluster.home_of(one), *one.key), path)) != path:
            yield one.item.at("metadata", "name"), f"the name {one} is taken by {other.rpartition(':')[0]}"


@rule(
    "object-twice",
    Severity.ERROR,
    "Two Kustomizations that apply one object take it from each other with every reconciliation.",
    "Leave it to one of them.",
)
def object_twice(cluster: Cluster) -> Found:
    """Objects with one name, kind and namespace that two Kustomizations apply from different files."""
    seen: dict[tuple[str, ...], tuple[str, str]] = {}
    for one in cluster.kustomizations:
        for item in one.objects:
            if item.is_a("Kustomization", FLUX) or item.kind == "Namespace" or "$" in item.name:
                continue
            key = cluster.home_of(one), item.group, item.kind, item.namespace, item.name
            place = (item.file.path, str(one))
            other = seen.setdefault(key, place)
            if other[1] != place[1] and other[0] != place[0]:
                yield item.at("metadata", "name"), f"{item} is also in {other[0]}, which {other[1]} applies"


@rule(
    "path-unknown",
    Severity.ERROR,
    "A Kustomization whose path or component is not there applies nothing.",
    "Write the folder from the repository's root.",
)
def path_unknown(cluster: Cluster) -> Found:
    """spec.path and spec.components of Kustomizations that take their files from this repository."""
    for one in cluster.kustomizations:
        if cluster.is_here(one) and "$" not in one.folder and one.folder not in cluster.folders:
            yield one.item.at("spec", "path"), f"{one} applies {one.folder}, which is not there"
        listed = one.spec.get("components")
        for number, entry in enumerate(listed if isinstance(listed, list) else []):
            place = posixpath.normpath(f"{one.folder}/{entry}")
            if cluster.is_here(one) and "$" not in place and place not in cluster.folders:
                yield (
                    one.item.at("spec", "components", number),
                    f"{one} takes the component {place}, which is not there",
                )


@rule(
    "path-of-another",
    Severity.WARNING,
    "A Kustomization that applies another app's folder is nearly always a copy that was not finished.",
    "Write the path of its own folder.",
)
def path_of_another(cluster: Cluster) -> Found:
    """Kustomizations whose path is the folder of another Kustomization's file."""
    homes = {one.item.file.folder for one in cluster.kustomizations if one.parent}
    for one in cluster.kustomizations:
        own = one.item.file.folder
        if not one.parent or not cluster.is_here(one) or _is_in(one.folder, own):
            continue
        if any(home not in (own, ".") and _is_in(one.folder, home) for home in homes):
            yield one.item.at("spec", "path"), f"{one} is in {own}, and applies {one.folder}"


@rule(
    "name-unlike-folder",
    Severity.WARNING,
    "Whoever looks for an app by the name of its folder finds none.",
    "Call it as its folder is called, and say so wherever dependsOn names it.",
)
def name_unlike_folder(cluster: Cluster) -> Found:
    """Kustomizations that are alone in a folder and apply what is below it; several have names of their own."""
    children = [one for one in cluster.kustomizations if one.parent and cluster.is_here(one)]
    beside, taken = Counter(one.item.file.folder for one in children), Counter(one.key for one in children)
    for one in children:
        own = one.item.file.folder
        folder = own.rpartition("/")[2]
        is_own = folder in one.name or one.name in folder or taken[one.key] > 1
        if beside[own] == 1 and _is_in(one.folder, own) and not is_own:
            yield one.item.at("metadata", "name"), f"{one} is in the folder {folder}"


def _is_in(folder: str, other: str) -> bool:
    return folder == other or folder.startswith(f"{other}/")


@rule(
    "namespace-not-built",
    Severity.ERROR,
    "Flux applies a namespace's folder without kustomization.yaml as it lies, with all its apps and in no namespace.",
    "Add a kustomization.yaml that lists namespace.yaml and each app's ks.yaml.",
)
def namespace_not_built(cluster: Cluster) -> Found:
    """Folders right below what a root applies, with apps and without kustomization.yaml."""
    for one in cluster.kustomizations:
        if cluster.kustomize_file(one.folder):
            continue
        found: dict[str, Place] = {}
        for child in (child for child in cluster.kustomizations if child.parent is one):
            folder = _below(one.folder, child.item.file.folder)
            if folder and folder != child.item.file.folder and not cluster.kustomize_file(folder):
                found.setdefault(folder, child.item.at())
        for folder, place in found.items():
            yield place, f"{folder} has apps and no kustomization.yaml"


@rule(
    "component-unlike-others",
    Severity.WARNING,
    "What every other namespace gets from a component, such as its Namespace or its settings, is missing in this one.",
    "List the component.",
)
def component_unlike_others(cluster: Cluster) -> Found:
    """Components that all namespaces of a root list but one, or but a tenth of them."""
    for one in cluster.kustomizations:
        folders = {
            _below(one.folder, child.item.file.folder) for child in cluster.kustomizations if child.parent is one
        }
        files = [file for folder in sorted(folders) if folder and (file := cluster.kustomize_file(folder))]
        listed = {file.path: _components(cluster, file) for file in files}
        for component in sorted(set().union(*listed.values())):
            without = [file for file in files if component not in listed[file.path]]
            if 0 < len(without) <= max(1, len(files) / 10) and len(files) > 3:
                for file in without:
                    content = cluster.content_of(file)
                    place = Place(file.path, content.lines.get("components", content.line))
                    yield place, f"{file.folder} has no {component}, as the {len(files) - len(without)} others have"


def _components(cluster: Cluster, file: File) -> set[str]:
    entries = cluster.content_of(file).get("components")
    return {posixpath.normpath(f"{file.folder}/{entry}") for entry in entries or () if isinstance(entry, str)}


def _below(folder: str, inner: str) -> str:
    """The folder right below one on the way to another."""
    rest = inner if folder == "." else inner.removeprefix(folder).strip("/")
    first = rest.split("/")[0]
    return posixpath.normpath(f"{folder}/{first}") if first else ""
