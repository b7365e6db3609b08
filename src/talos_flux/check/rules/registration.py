"""Rules about what the repository holds, and whether a kustomization.yaml or a Kustomization applies it."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.check.rules.builds import built_files
from talos_flux.check.rules.namespaces import is_renamed
from talos_flux.manifests.elsewhere import elsewhere
from talos_flux.manifests.flux_tree import KUSTOMIZATION_FILES, NO_CLUSTER, Cluster, Kustomization
from talos_flux.manifests.objects import FLUX, SOURCES, Object, Place
from talos_flux.manifests.patches import EARLY, LATE, patches_of
from talos_flux.manifests.post_build import entries
from talos_flux.manifests.providers import is_of_bootstrap
from talos_flux.repository.conflicts import leftovers
from talos_flux.repository.files import Map, RepositoryFile

# A list entry that is commented out.
COMMENTED_OUT = re.compile(r"^\s*#\s*(?:-\s*)?(?:\./)?(\S+?)/?[ \t]*(?:[ \t]#.*)?$", re.MULTILINE)
# Folders for what is not used any more, or not yet.
PUT_AWAY = re.compile(
    r"\..+|[._-]*(?:archived?|attic|deprecated|disabled|inactive|old|parked|unused)[._-]*", re.IGNORECASE
)


@rule(
    "not-yaml",
    Severity.ERROR,
    "A file that can't be read stops everything that is applied with it.",
    "Correct the line.",
)
def not_yaml(cluster: Cluster) -> Violations:
    """Find manifests that can't be read; what a merge left in them is a finding of its own."""
    for place, reason in cluster.unreadable:
        path = place.path
        is_unused = is_put_away(path) or is_commented_out(cluster, path)
        if not is_unused and not any(leftovers(path, cluster.files[path].text)) and not is_of_chart(cluster, path):
            yield place, reason, f"{path.rpartition('/')[0]} {reason}"


@rule(
    "app-not-listed",
    Severity.ERROR,
    "Flux never applies a Kustomization that no kustomization.yaml lists.",
    "List its file in the namespace's kustomization.yaml.",
)
def app_not_listed(cluster: Cluster) -> Violations:
    """Find Flux Kustomizations that Flux does not reach; one that is commented out in a list is meant to be."""
    reached = {
        (kustomization.item.file.path, kustomization.item.content.line) for kustomization in cluster.kustomizations
    }
    if not reached:
        return  # Without a root nothing is reached; that is reported once, elsewhere.
    hidden = [one.reason for one in elsewhere(cluster).unseen if "Kustomization" in one.kinds]
    hidden += [
        f"Kustomization {one} has a path that is filled in later"
        for one in cluster.kustomizations
        if cluster.is_here(one) and "$" in one.folder
    ]
    left: dict[str, list[Object]] = {}
    for item in cluster.of("Kustomization", FLUX):
        path = item.file.path
        is_of_others = NO_CLUSTER.fullmatch(path.split("/")[0]) or "bootstrap" in path.split("/")[:-1]
        is_meant = is_put_away(path) or path in cluster.patch_files or is_of_others
        if (path, item.content.line) not in reached and not is_meant:
            left.setdefault(path, []).append(item)
    for path, items in left.items():
        if not is_commented_out(cluster, path):
            if hidden:
                cluster.doubts.update(hidden)
                return
            others = f" and {len(items) - 1} more are" if len(items) > 1 else " is"
            yield items[0].at(), f"Kustomization {items[0].name}{others} applied by nobody"


def is_of_chart(cluster: Cluster, path: str) -> bool:
    """Return whether a file is a template of a chart, which becomes YAML later."""
    folder, is_template, _ = path.rpartition("/templates/")
    return bool(is_template) and f"{folder}/Chart.yaml" in cluster.files


def is_put_away(path: str) -> bool:
    """Return whether a file is in a folder for what is not used any more."""
    return any(PUT_AWAY.fullmatch(part) for part in path.split("/")[:-1])


def is_commented_out(cluster: Cluster, path: str) -> bool:
    """Return whether a list names a file, a folder around it, or that folder's app, in a comment."""
    parts = path.split("/")
    around = ["/".join(parts[:number]) for number in range(1, len(parts))]
    return not _commented_out(cluster).isdisjoint([path, *around, *(f"{folder}/ks.yaml" for folder in around)])


@lru_cache(maxsize=4)
def _commented_out(cluster: Cluster) -> set[str]:
    """Return every path that a kustomization.yaml has in a comment; computed once."""
    return {
        posixpath.normpath(f"{file.folder}/{match[1]}")
        for file in cluster.manifests
        if file.name in KUSTOMIZATION_FILES and "#" in file.text
        for match in COMMENTED_OUT.finditer(file.text)
    }


@rule(
    "resource-missing",
    Severity.ERROR,
    "A kustomization.yaml that lists what is not there can't be built, and nothing of it is applied.",
    "Correct the path, or remove the entry.",
)
def resource_missing(cluster: Cluster) -> Violations:
    """Find entries of kustomization.yaml files that lead nowhere.

    None of a file that is commented out in a list, or that neither Flux nor bootstrap builds: that is left over.
    """
    built = {file.path for file in built_files(cluster)}
    for file in cluster.manifests:
        if file.name not in KUSTOMIZATION_FILES or (built and file.path not in built and not is_of_bootstrap(file)):
            continue
        missing = list(_missing_in(cluster, file))
        if missing and not is_put_away(file.path) and not is_commented_out(cluster, file.path):
            yield from missing


def _missing_in(cluster: Cluster, file: RepositoryFile) -> Violations:
    content = cluster.content_of(file)
    for line, path, what in _files_read_by(content):
        if posixpath.normpath(f"{file.folder}/{path}") not in cluster.files and "://" not in path:
            yield Place(file.path, line), f"{what} {path} is not there"
    for key in ("resources", "components", "generators", "transformers", "validators"):
        listed = entries(content.get(key))
        for number, entry in enumerate(listed):
            if (
                isinstance(entry, str)
                and not re.search(r"://|\n", entry)
                and not re.match(r"[\w.-]+\.\w+/|git@", entry)
            ):
                path = posixpath.normpath(f"{file.folder}/{entry}")
                if path not in cluster.files and path not in cluster.folders:
                    yield Place(file.path, listed.lines[number]), f"{entry} is listed, and not there"
    for field in (*EARLY, *LATE):
        for number, entry in patches_of(content, field):
            if isinstance(entry.get("path"), str):
                path = posixpath.normpath(f"{file.folder}/{entry['path']}")
                if path not in cluster.files:
                    line = entry.lines["path"] if isinstance(entry, Map) else content[field].lines[number]
                    yield Place(file.path, line), f"the patch {entry['path']} is not there"


def _files_read_by(content: Map) -> Iterator[tuple[int, str, str]]:
    """Yield the files that generators and other fields read: the line, the path, and what it is for."""
    for key in ("configMapGenerator", "secretGenerator"):
        for entry in (entry for entry in entries(content.get(key)) if isinstance(entry, Map)):
            for field in ("files", "envs"):
                listed = entries(entry.get(field))
                for number, name in enumerate(listed):
                    yield listed.lines[number], str(name).rpartition("=")[2], "the generator's file"
            if isinstance(entry.get("env"), str):
                yield entry.lines["env"], entry["env"], "the generator's file"
    for key, what in (("configurations", "the configuration"), ("crds", "the list of CRDs")):
        listed = entries(content.get(key))
        yield from ((listed.lines[number], str(name), what) for number, name in enumerate(listed))
    for entry in entries(content.get("replacements")):
        if isinstance(entry, Map) and isinstance(entry.get("path"), str):
            yield entry.lines["path"], entry["path"], "the replacement"


@rule(
    "file-not-listed",
    Severity.WARNING,
    "A manifest that its kustomization.yaml does not list is never applied.",
    "List it in resources, or delete it.",
)
def file_not_listed(cluster: Cluster) -> Violations:
    """Find manifests beside a kustomization.yaml which does not name them, not even in a comment."""
    for path, items in cluster.by_file.items():
        folder, _, name = path.rpartition("/")
        listing = cluster.kustomize_file(folder)
        if (
            not listing
            or listing.path == path
            or is_put_away(path)
            or any(item.is_a("Kustomization", FLUX) for item in items)
        ):
            continue
        if not re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", listing.text):
            if not _is_named_elsewhere(cluster, path):
                yield (
                    items[0].at(),
                    f"{items[0].kind} {items[0].name} is in no list: {listing.path} does not name {name}",
                )


def _is_named_elsewhere(cluster: Cluster, path: str) -> bool:
    """Return whether a kustomization.yaml of another folder lists a file."""
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
def name_taken(cluster: Cluster) -> Violations:
    """Find names of Flux Kustomizations that are taken in the namespace that they end up in, cluster by cluster."""
    seen: dict[tuple[str, ...], str] = {}
    for kustomization in cluster.kustomizations:
        path = f"{kustomization.item.file.path}:{kustomization.item.content.line}"
        if (other := seen.setdefault((cluster.home_of(kustomization), *kustomization.key), path)) != path:
            yield (
                kustomization.item.at("metadata", "name"),
                f"the name {kustomization} is taken by {other.rpartition(':')[0]}",
            )


@rule(
    "object-twice",
    Severity.ERROR,
    "Two Kustomizations that apply one object take it from each other with every reconciliation.",
    "Leave it to one of them.",
)
def object_twice(cluster: Cluster) -> Violations:
    """Find objects with one name, kind and namespace that two Kustomizations apply from different files."""
    for other, twins in _twins(cluster):
        for _, item in twins:
            if not _is_same_source(item, other[1]):
                text = f"{item} is also in {other[1].file.path}, which {other[0]} applies"
                yield item.at("metadata", "name"), text, str(item)


@rule(
    "source-in-every-app",
    Severity.WARNING,
    "Whoever removes one of the apps takes the source of the others along, until they are reconciled.",
    "Keep it once, in a folder of sources, or in a component with a name of the app's own.",
)
def source_in_every_app(cluster: Cluster) -> Violations:
    """Find sources that several Kustomizations apply from files that say the same, once for each source."""
    for other, twins in _twins(cluster):
        alike = [owner for owner, item in twins if _is_same_source(item, other[1])]
        if alike:
            owners = f"{other[0]} and {alike[0]}" + (f" and {len(alike) - 1} more" if len(alike) > 1 else "")
            yield other[1].at("metadata", "name"), f"{other[1]} is applied by {owners}, from files that say the same"


def _is_same_source(item: Object, other: Object) -> bool:
    return item.group == SOURCES and (item.kind, item.spec) == (other.kind, other.spec)


def _twins(cluster: Cluster) -> Iterator[tuple[tuple[Kustomization, Object], list[tuple[Kustomization, Object]]]]:
    """Yield the first of objects with one name, kind and namespace, and those of other Kustomizations and files."""
    seen: dict[tuple[str, ...], list[tuple[Kustomization, Object]]] = {}
    for kustomization in cluster.kustomizations:
        for item in kustomization.objects:
            if item.is_a("Kustomization", FLUX) or "$" in item.name or is_renamed(cluster, item):
                continue
            key = cluster.home_of(kustomization), item.group, item.kind, item.namespace, item.name
            seen.setdefault(key, []).append((kustomization, item))
    for (owner, first), *others in seen.values():
        twins = [
            (other, item) for other, item in others if str(other) != str(owner) and item.file.path != first.file.path
        ]
        if twins:
            yield (owner, first), twins


@rule(
    "path-unknown",
    Severity.ERROR,
    "A Kustomization whose path or component is not there applies nothing.",
    "Write the folder from the repository's root.",
)
def path_unknown(cluster: Cluster) -> Violations:
    """Find spec.path and spec.components that are not there, of Kustomizations that use this repository."""
    for kustomization in cluster.kustomizations:
        if (
            cluster.is_here(kustomization)
            and "$" not in kustomization.folder
            and kustomization.folder not in cluster.folders
        ):
            yield (
                kustomization.item.at("spec", "path"),
                f"{kustomization} applies {kustomization.folder}, which is not there",
            )
        listed = kustomization.spec.get("components")
        for number, entry in enumerate(listed if isinstance(listed, list) else []):
            path = posixpath.normpath(f"{kustomization.folder}/{entry}")
            if cluster.is_here(kustomization) and "$" not in path and path not in cluster.folders:
                yield (
                    kustomization.item.at("spec", "components", number),
                    f"{kustomization} takes the component {path}, which is not there",
                )


# A folder that so many Kustomizations apply is meant for it.
SEVERAL = 3


@rule(
    "path-of-another",
    Severity.WARNING,
    "A Kustomization that applies another app's folder is nearly always a copy that was not finished.",
    "Write the path of its own folder.",
)
def path_of_another(cluster: Cluster) -> Violations:
    """Find Kustomizations whose path is the folder of another Kustomization's file.

    What several apply, with values of their own, is a template.
    """
    applied = Counter(kustomization.folder for kustomization in cluster.kustomizations)
    homes = {kustomization.item.file.folder for kustomization in cluster.kustomizations if kustomization.parent}
    for kustomization in cluster.kustomizations:
        own = kustomization.item.file.folder
        if not kustomization.parent or not cluster.is_here(kustomization) or _is_in(kustomization.folder, own):
            continue
        if cluster.is_component(own) or applied[kustomization.folder] >= SEVERAL:
            continue  # Each app that lists the component has a path of its own.
        if any(home not in (own, ".") and _is_in(kustomization.folder, home) for home in homes):
            yield (
                kustomization.item.at("spec", "path"),
                f"{kustomization} is in {own}, and applies {kustomization.folder}",
            )


@rule(
    "name-unlike-folder",
    Severity.HINT,
    "Whoever looks for an app by the name of its folder finds none.",
    "Call it as its folder is called, and say so wherever dependsOn names it.",
)
def name_unlike_folder(cluster: Cluster) -> Violations:
    """Find Kustomizations named unlike their folder, where they are alone in it and apply what is below it.

    Several in one folder have names of their own.
    """
    children = [
        kustomization
        for kustomization in cluster.kustomizations
        if kustomization.parent and cluster.is_here(kustomization)
    ]
    beside, taken = (
        Counter(kustomization.item.file.folder for kustomization in children),
        Counter(kustomization.key for kustomization in children),
    )
    for kustomization in children:
        own = kustomization.item.file.folder
        folder = own.rpartition("/")[2]
        is_own = folder in kustomization.name or kustomization.name in folder or taken[kustomization.key] > 1
        if beside[own] == 1 and _is_in(kustomization.folder, own) and not is_own:
            yield kustomization.item.at("metadata", "name"), f"{kustomization} is in the folder {folder}"


def _is_in(folder: str, other: str) -> bool:
    return folder == other or folder.startswith(f"{other}/")


@rule(
    "namespace-not-built",
    Severity.ERROR,
    "Flux applies a namespace's folder without kustomization.yaml as it lies, with all its apps and in no namespace.",
    "Add a kustomization.yaml that lists namespace.yaml and each app's ks.yaml.",
)
def namespace_not_built(cluster: Cluster) -> Violations:
    """Find folders right below what a root applies, with apps and without kustomization.yaml."""
    for kustomization in cluster.kustomizations:
        if cluster.kustomize_file(kustomization.folder):
            continue
        by_folder: dict[str, Place] = {}
        for child in (child for child in cluster.kustomizations if child.parent is kustomization):
            folder = _below(kustomization.folder, child.item.file.folder)
            if folder and folder != child.item.file.folder and not cluster.kustomize_file(folder):
                by_folder.setdefault(folder, child.item.at())
        for folder, place in by_folder.items():
            yield place, f"{folder} has apps and no kustomization.yaml"


@rule(
    "component-unlike-others",
    Severity.WARNING,
    "What every other namespace gets from a component, such as its Namespace or its settings, is missing in this one.",
    "List the component.",
)
def component_unlike_others(cluster: Cluster) -> Violations:
    """Find components that all namespaces of a root list but one, or but a tenth of them."""
    for kustomization in cluster.kustomizations:
        folders = {
            _below(kustomization.folder, child.item.file.folder)
            for child in cluster.kustomizations
            if child.parent is kustomization
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


def _components(cluster: Cluster, file: RepositoryFile) -> set[str]:
    entries = cluster.content_of(file).get("components")
    return {posixpath.normpath(f"{file.folder}/{entry}") for entry in entries or () if isinstance(entry, str)}


def _below(folder: str, inner: str) -> str:
    """Return the folder right below one on the way to another; empty where that is not in it."""
    if folder != "." and not f"{inner}/".startswith(f"{folder}/"):
        return ""
    rest = inner if folder == "." else inner.removeprefix(folder).strip("/")
    first = rest.split("/")[0]
    return posixpath.normpath(f"{folder}/{first}") if first else ""
