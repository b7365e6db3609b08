"""What Flux applies: every Kustomization after its parents' patches, every object in its final namespace."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from talos_flux.manifests.build_refusals import misfits, of_one_id, without_first
from talos_flux.manifests.entry_points import (
    GENERATORS,
    address,
    artifacts,
    base_of,
    of_cluster_folders,
    synced,
)
from talos_flux.manifests.objects import CLUSTER_SCOPED, FLUX, HELM, SOURCES, Object, Place, objects_in
from talos_flux.manifests.patches import EARLY, LATE, changed, contents_of, is_idle, patched, patches_of
from talos_flux.manifests.replacements import replaced
from talos_flux.manifests.resource_sets import OPERATOR, ExpandedSet, made_by
from talos_flux.manifests.transformers import transformed
from talos_flux.manifests.values import completed
from talos_flux.repository.files import List, Map, RepositoryFile, Unreadable, files_of

# The first folder of a Flux Kustomization's path, or of what FluxInstance syncs; no file of a volume.
PATH = re.compile(r"^ +path: [\"']?(?:\./|/)?(\w[\w.-]*)(?:/|[\"']?\s*(?:#.*)?$)", re.MULTILINE)
# The first folder that an ArtifactGenerator copies.
COPIED = re.compile(r"^ *(?:- )?(?:\{ *)?from: [\"']?@[\w-]+/(\w[\w.-]*)/", re.MULTILINE)
STARTS = re.compile(rf"^(?:apiVersion: {FLUX}/|kind: (?:FluxInstance|ResourceSet)$)", re.MULTILINE)
# Top folders of what is no cluster, though it can look like one.
NO_CLUSTER = re.compile(r"\..*|_.*|docs?|documentation|examples?|hack|scripts?|te?mpl|templates?|tests?", re.IGNORECASE)
# Fields that make or rename objects in ways that the files do not show.
UNSEEN = ("crds", "generators", "helmChartInflationGenerator", "helmCharts", "namePrefix", "nameSuffix",
          "transformers")  # fmt: skip
KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class Dependency(NamedTuple):
    """An entry of dependsOn: its position, and the namespace and name that it means."""

    number: int
    key: tuple[str, str]


@dataclass(eq=False)
class Kustomization:
    """A Flux Kustomization. `item` is the object as its parent applies it, `objects` what it applies itself.

    `base` is the folder of the repository that its source begins with; empty where that is the whole repository.
    """

    item: Object
    parent: "Kustomization | None" = None
    objects: list[Object] = field(default_factory=list)
    base: str = ""

    @property
    def name(self) -> str:
        """Return its name."""
        return self.item.name

    @property
    def key(self) -> tuple[str, str]:
        """Return namespace and name."""
        return self.item.namespace, self.name

    @property
    def spec(self) -> Mapping[str, Any]:
        """Return its spec after patches."""
        return self.item.spec

    @property
    def folder(self) -> str:
        """Return the folder that it applies, from the repository's root; '.' is the root itself."""
        return posixpath.normpath(f"{self.base or '.'}/{str(self.spec.get('path') or '.').lstrip('/')}")

    @property
    def source(self) -> tuple[str, str]:
        """Return kind and name of where its files come from."""
        reference = self.spec.get("sourceRef")
        reference = reference if isinstance(reference, dict) else {}
        return str(reference.get("kind", "")), str(reference.get("name", ""))

    @property
    def target(self) -> str:
        """Return the namespace that it applies to."""
        return str(self.spec.get("targetNamespace") or self.item.namespace)

    @property
    def root(self) -> "Kustomization":
        """Return the Kustomization with which Flux starts, and from which it comes to this one."""
        return self.parent.root if self.parent else self

    @property
    def is_below_itself(self) -> bool:
        """Return whether it is one of those from which Flux comes to it: it applies the file that it stands in."""
        above = self.parent
        while above:
            if above.key == self.key and _place_of(above.item) == _place_of(self.item):
                return True
            above = above.parent
        return False

    @property
    def dependencies(self) -> list["Dependency"]:
        """Return the entries of dependsOn."""
        listed = self.spec.get("dependsOn")
        return [
            Dependency(number, (str(entry.get("namespace") or self.item.namespace), str(entry.get("name", ""))))
            for number, entry in enumerate(listed if isinstance(listed, list) else [])
            if isinstance(entry, dict)
        ]

    def __str__(self) -> str:
        return self.name


@dataclass(eq=False)
class Cluster:
    """A repository as Flux sees it. Files are read once: take a new one after a change."""

    root: Path
    # Why something could not be judged, as sentences without a full stop: of the rule that looks now, and of each.
    doubts: set[str] = field(default_factory=set)
    unjudged: dict[str, set[str]] = field(default_factory=dict)

    @cached_property
    def files(self) -> dict[str, RepositoryFile]:
        """Return every file by its path."""
        return {file.path: file for file in files_of(self.root)}

    @cached_property
    def folders(self) -> set[str]:
        """Return every folder that has a file somewhere below."""
        folders = {"."}
        for file in self.files.values():
            folder = file.folder
            while folder and folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
        return folders

    @cached_property
    def manifests(self) -> list[RepositoryFile]:
        """Return the YAML files in the top folders that Flux Kustomizations apply, or are in."""
        of_yaml = [file for file in self.files.values() if file.is_yaml]
        texts = [file.text for file in of_yaml if FLUX in file.text or OPERATOR in file.text or "sync:" in file.text]
        tops = {top for text in texts for top in PATH.findall(text)}
        tops |= {top for file in of_yaml if GENERATORS in file.text for top in COPIED.findall(file.text)}
        # The Kustomizations with which Flux starts can be in a folder that none of them applies.
        starts = {file.path.split("/")[0] for file in of_yaml if "/" in file.path and STARTS.search(file.text)}
        tops |= {top for top in starts if not NO_CLUSTER.fullmatch(top)}
        # Where paths begin in a folder of the repository, none of them is a top folder.
        return [file for file in of_yaml if file.path.split("/")[0] in tops] or [
            file for file in of_yaml if not file.path.startswith(".")
        ]

    @cached_property
    def unreadable(self) -> list[tuple[Place, str]]:
        """Return the manifests that can't be read, and why; no file is one that a generator alone reads, as text."""
        return [problem for problem in self._unread if problem[0].path not in self._read_as_text]

    @cached_property
    def _unread(self) -> list[tuple[Place, str]]:
        problems = []
        for file in self.manifests:
            try:
                file.documents  # noqa: B018, it is kept
            except Unreadable as reason:
                problems.append((Place(file.path, reason.line), str(reason)))
        return problems

    @cached_property
    def objects(self) -> list[Object]:
        """Return every object of every manifest, as it stands there."""
        broken = {place.path for place, _ in self._unread}
        return [item for file in self.manifests if file.path not in broken for item in objects_in(file)]

    @cached_property
    def patch_files(self) -> set[str]:
        """Return the paths of the files that kustomization.yaml files take patches from."""
        return {
            posixpath.normpath(f"{file.folder}/{patch['path']}")
            for file in self._kustomize_files
            for field_ in (*EARLY, *LATE)
            for _, patch in patches_of(self.content_of(file), field_)
            if isinstance(patch.get("path"), str)
        }

    @cached_property
    def _read_as_text(self) -> set[str]:
        """Return the paths of the files that generators read, and that no kustomization.yaml lists."""
        read: set[str] = set()
        listed: set[str] = set()
        for file in self._kustomize_files:
            content = self.content_of(file)
            for item in _generated(file, content):
                names = (str(name).rpartition("=")[2] for name in _texts(item.get("generatedBy", "files")))
                read |= {posixpath.normpath(f"{file.folder}/{name}") for name in names}
            listed |= {posixpath.normpath(f"{file.folder}/{entry}") for entry in _texts(content.get("resources"))}
        return read - listed

    @cached_property
    def _kustomize_files(self) -> list[RepositoryFile]:
        return [file for file in self.manifests if file.name in KUSTOMIZATION_FILES]

    @cached_property
    def by_file(self) -> dict[str, list[Object]]:
        """Return the objects of each file."""
        by_path: dict[str, list[Object]] = {}
        for item in self.objects:
            by_path.setdefault(item.file.path, []).append(item)
        return by_path

    def of(self, kind: str, group: str) -> list[Object]:
        """Return the objects of a kind, as they stand in files."""
        return [item for item in self.objects if item.is_a(kind, group)]

    @cached_property
    def kustomizations(self) -> list[Kustomization]:
        """Return every Flux Kustomization that Flux reaches, parents before their children."""
        reached: list[Kustomization] = []
        seen: set[tuple[int, tuple[str, str]]] = set()
        waiting = [self._kustomization(replace(root, namespace=root.declared)) for root in self.roots]
        while waiting:
            kustomization = waiting.pop(0)
            # One that applies itself is made anew by its own patches, again and again.
            if (id(kustomization.item.content), kustomization.key) in seen or kustomization.is_below_itself:
                continue
            seen.add((id(kustomization.item.content), kustomization.key))
            reached.append(kustomization)
            if self.is_here(kustomization):
                items = self._with_made(self._applied(kustomization))
                children = [
                    self._kustomization(item, kustomization) for item in items if item.is_a("Kustomization", FLUX)
                ]
                # A folder without kustomization.yaml brings its apps' files, too: that is one finding, not a hundred.
                above = "" if kustomization.folder == "." else f"{kustomization.folder}/"
                inside = tuple(
                    f"{child.folder}/"
                    for child in children
                    if child.folder != kustomization.folder and child.folder.startswith(above)
                )
                kustomization.objects = [
                    i for i in items if i.is_a("Kustomization", FLUX) or not i.file.path.startswith(inside)
                ]
                waiting += children
        self._complete(reached)
        return reached

    def _complete(self, kustomizations: list[Kustomization]) -> None:
        """Give every HelmRelease the values that ConfigMaps hold, which any Kustomization may apply."""
        maps = {
            (i.namespace, i.name): i
            for kustomization in kustomizations
            for i in kustomization.objects
            if i.is_a("ConfigMap", "")
        }
        for kustomization in kustomizations:
            kustomization.objects = [
                completed(i, maps, self.files) if i.is_a("HelmRelease", HELM) else i for i in kustomization.objects
            ]

    def home_of(self, kustomization: Kustomization) -> str:
        """Return the cluster of a Kustomization: the folder of its root, where roots of one name belong to several."""
        return kustomization.root.item.file.folder if self._has_several else ""

    @cached_property
    def _has_several(self) -> bool:
        roots = {(root.declared, root.name, root.file.folder) for root in self.roots}
        return len({root[:2] for root in roots}) < len(roots)

    @cached_property
    def by_key(self) -> dict[tuple[str, str], Kustomization]:
        """Return every Flux Kustomization that Flux reaches, by namespace and name."""
        return {kustomization.key: kustomization for kustomization in self.kustomizations}

    @cached_property
    def waits_for(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """Return for every Flux Kustomization those that it waits for, without unknown ones, which are a finding."""
        known = self.by_key
        return {
            key: sorted({kustomization.key for kustomization in known[key].dependencies} & known.keys())
            for key in sorted(known)
        }

    @cached_property
    def applied(self) -> list[Object]:
        """Return every object that Flux applies."""
        return [item for kustomization in self.kustomizations for item in kustomization.objects]

    @cached_property
    def releases(self) -> list[tuple[Kustomization, Object]]:
        """Return every HelmRelease that Flux applies, with the Kustomization that does."""
        return [
            (kustomization, item)
            for kustomization in self.kustomizations
            for item in kustomization.objects
            if item.is_a("HelmRelease", HELM)
        ]

    def find(self, kind: str, namespace: str, name: str, near: Kustomization | None = None) -> Object | None:
        """Return the object of that name that Flux applies; the first, where several are called so.

        Where the repository has several clusters, it is one of that which `near` belongs to.
        """
        home = self.home_of(near) if near else ""
        return self._named.get((home, kind, namespace, name))

    @cached_property
    def _named(self) -> dict[tuple[str, str, str, str], Object]:
        named: dict[tuple[str, str, str, str], Object] = {}
        for kustomization in self.kustomizations:
            for home in {"", self.home_of(kustomization)}:
                for item in kustomization.objects:
                    named.setdefault((home, item.kind, item.namespace, item.name), item)
        return named

    def as_written(self, item: Object) -> Object:
        """Return an object as it stands in its file, before any patch."""
        originals = (other for other in self.by_file.get(item.file.path, []) if other.content.line == item.content.line)
        return next(originals, item)

    # --- Sources ---

    def is_here(self, kustomization: Kustomization) -> bool:
        """Return whether its files are in this repository, and not in another one that it names.

        They are where it takes them from the source that most do, or from one of the same address.
        """
        source = kustomization.source
        if source == self.source or not any(source) or source in self._artifacts:
            return True
        if not self.addresses_of(source):
            # Bootstrap makes it, or nobody: what is in this repository is seldom meant to be of another one.
            return kustomization.folder in self.folders - {"."}
        return bool(self.addresses_of(source) & self.own_addresses)

    def addresses_of(self, source: tuple[str, str]) -> set[str]:
        """Return the addresses of a source, by its kind and name, as far as files have it."""
        return self._addresses.get(source, set())

    @cached_property
    def own_addresses(self) -> set[str]:
        """Return the addresses of this repository, as far as files tell."""
        return self.addresses_of(self.source) | {url for item in self._synced if (url := item.annotations.get("url"))}

    @cached_property
    def source(self) -> tuple[str, str]:
        """Return kind and name by which the Kustomizations in this repository name it."""
        synced = {Kustomization(item).source for item in self._synced}
        # Where a patch of the root adds it, most have none.
        counted = Counter(
            source for item in self.of("Kustomization", FLUX) if all(source := Kustomization(item).source)
        ) or Counter(synced)
        # Of two that are as frequent, one that is synced, or leads to a folder here, or that bootstrap makes.
        leading = {one.source for one in map(Kustomization, self.of("Kustomization", FLUX))
                   if one.folder in self.folders - {"."}}  # fmt: skip
        ranks = (
            (number, source in synced, source in leading, not self.addresses_of(source), source)
            for source, number in counted.items()
        )
        return max(ranks, key=lambda rank: rank[:4])[4] if counted else ("", "")

    @cached_property
    def _addresses(self) -> dict[tuple[str, str], set[str]]:
        """Return the addresses that each source has, by kind and name."""
        addresses: dict[tuple[str, str], set[str]] = {}
        for item in self.objects:
            if item.group == SOURCES and (url := item.spec.get("url")):
                addresses.setdefault((item.kind, item.name), set()).add(address(url))
        for item in self._synced:
            addresses.setdefault(Kustomization(item).source, set()).add(str(item.annotations.get("url")))
        return addresses

    @cached_property
    def _artifacts(self) -> Mapping[tuple[str, str], str]:
        return artifacts(self.of("ArtifactGenerator", GENERATORS))

    @cached_property
    def _base(self) -> str:
        """Return the folder that the source of most Kustomizations begins with."""
        items = [*self.of("Kustomization", FLUX), *self._synced]
        return base_of(
            (each.folder for each in map(Kustomization, items) if each.source not in self._artifacts), self.folders
        )

    def _kustomization(self, item: Object, parent: Kustomization | None = None) -> Kustomization:
        made = Kustomization(item, parent)
        is_ours = made.source == self.source or made.source in self._artifacts or not any(made.source)
        if is_ours:
            made.base = f"{self._base}/{self._artifacts.get(made.source, '')}".strip("/")
        return made

    # --- Where Flux starts ---

    @cached_property
    def _synced(self) -> list[Object]:
        """Return the Kustomizations that flux-operator makes of a FluxInstance's sync, each once."""
        by_folder = {str(item.spec["path"]): item for item in reversed(list(synced(self.files.values())))}
        return list(reversed(by_folder.values()))

    @cached_property
    def roots(self) -> list[Object]:
        """Return the Flux Kustomizations with which Flux starts.

        Nobody applies them, and they apply others, or lie beside one that does; or a FluxInstance syncs their folder.
        Where there is none of these, every Kustomization that nobody applies: each of them applies manifests at once.
        """
        # A patch is no Kustomization, though it looks like one.
        every = [self._kustomization(item) for item in self.of("Kustomization", FLUX) if item.spec.get("path")]
        below: list[tuple[Kustomization, set[tuple[str, int]]]] = []
        parents = []
        for kustomization in every:
            # Patches make new objects, even of the one that applies itself; the file and the line stay.
            children = set(map(_place_of, self._children_in(kustomization))) - {_place_of(kustomization.item)}
            below.append((kustomization, children))
            if children or self._may_have_children(kustomization):
                parents.append(kustomization)
        applied = set().union(*(children for _, children in below))
        free = [
            kustomization
            for kustomization, children in below
            if _place_of(kustomization.item) not in applied and not _is_left_over(kustomization, children, below)
        ]
        folders = {kustomization.item.file.folder for kustomization in free if kustomization in parents}
        roots = [kustomization for kustomization in free if kustomization.item.file.folder in folders]
        for one in map(self._kustomization, self._synced):
            if one.folder not in self.folders:
                continue
            # What is synced only leads to the roots, and to what lies beside them, where there are roots in it.
            if any(f"{root.item.file.path}/".startswith(f"{one.folder}/") for root in roots):
                found = set(map(_place_of, self._children_in(one)))
                roots += [other for other in free if other not in roots and _place_of(other.item) in found]
            elif self._built(one.folder):
                roots.append(one)
        if not roots:
            # A file that can't be read may be the one with which Flux starts.
            if any(STARTS.search(self.files[place.path].text) for place, _ in self.unreadable):
                return []
            here = [one for one in free if self.is_here(one) and one.folder in self.folders - {"."}]
            return [one.item for one in here] or [item for item in self._of_cluster_folders if self._starts(item)]
        return self._as_listed([root.item for root in roots])

    def _as_listed(self, roots: list[Object]) -> list[Object]:
        """Return the roots as the kustomization.yaml beside them makes them, whose patches are for all of them."""
        folders = {root.file.folder or "." for root in roots}
        built = {
            _place_of(item): item
            for folder in sorted(folders)
            if self.kustomize_file(folder) and not self.is_component(folder)
            for item in self._built(folder)
            if item.is_a("Kustomization", FLUX)
        }
        return [built.get(_place_of(root), root) for root in roots]

    @cached_property
    def beside_roots(self) -> list[Object]:
        """Return what is no Flux Kustomization, and is built with the roots: by the kustomization.yaml beside them."""
        folders = {root.file.folder or "." for root in self.roots}
        return [
            item
            for folder in sorted(folders)
            if self.kustomize_file(folder) and not self.is_component(folder)
            for item in self._built(folder)
            if not item.is_a("Kustomization", FLUX)
        ]

    def _starts(self, item: Object) -> bool:
        return bool(self._children_in(self._kustomization(item)))

    @cached_property
    def _of_cluster_folders(self) -> list[Object]:
        return list(of_cluster_folders(self.folders, self.kustomize_file, self.source, self._base))

    def _children_in(self, kustomization: Kustomization) -> list[Object]:
        if not self.is_here(kustomization) or kustomization.folder not in self.folders:
            return []
        return [item for item in self._with_made(self._built(kustomization.folder)) if item.is_a("Kustomization", FLUX)]

    def _may_have_children(self, kustomization: Kustomization) -> bool:
        """Return whether a ResourceSet that a Kustomization applies makes others, which nobody can see."""
        is_unseen = self.is_here(kustomization) and kustomization.folder in self.folders
        items = [i for i in self._built(kustomization.folder) if i.is_a("ResourceSet", OPERATOR)] if is_unseen else []
        return any("kind: Kustomization" in item.file.text and self.made_by(item).unknown for item in items)

    def _with_made(self, items: list[Object]) -> list[Object]:
        """Return objects with those that ResourceSets among them make."""
        made = [one for item in items if item.is_a("ResourceSet", OPERATOR) for one in self.made_by(item).objects]
        return [*items, *made] if made else items

    def made_by(self, item: Object) -> ExpandedSet:
        """Return what a ResourceSet makes."""
        return made_by(item, [replace(one, namespace=one.declared or item.namespace) for one in self._providers])

    @cached_property
    def _providers(self) -> list[Object]:
        return self.of("ResourceSetInputProvider", OPERATOR)

    # --- kustomize ---

    def kustomize_file(self, folder: str) -> RepositoryFile | None:
        """Return the kustomization.yaml of a folder; None where it has none."""
        prefix = "" if folder in (".", "") else f"{folder}/"
        return next((self.files[prefix + name] for name in KUSTOMIZATION_FILES if prefix + name in self.files), None)

    def content_of(self, file: RepositoryFile | None) -> Map:
        """Return the content of a kustomization.yaml; empty where there is none, or it can't be read."""
        try:
            documents = file.documents if file else []
        except Unreadable:
            documents = []
        content = next((document for document in documents if isinstance(document, Map)), None)
        if content is None:
            content = Map()
            content.line, content.lines = 1, {}
        return content

    @cached_property
    def idle_patches(self) -> list[Place]:
        """Return entries of patches in kustomization.yaml files that are about nothing in any build.

        A build that takes something from elsewhere proves nothing: a patch may be about that.
        """
        self.kustomizations  # noqa: B018, patches are seen while these are built
        return [place for place, is_idle in self._patches_seen.items() if is_idle]

    @cached_property
    def _patches_seen(self) -> dict[Place, bool]:
        """Return whether each patch was idle in every build so far."""
        return {}

    @cached_property
    def _seen_folders(self) -> dict[str, bool]:
        return {}

    def is_all_seen(self, folder: str) -> bool:
        """Return whether everything that a folder builds is in the files, under the name that it has there."""
        if folder not in self._seen_folders:
            self._seen_folders[folder] = True  # A folder that leads back to itself adds nothing.
            file = self.kustomize_file(folder)
            content = self.content_of(file) if file else {}
            paths = [
                posixpath.normpath(f"{folder}/{entry}")
                for key in ("resources", "components")
                for entry in _texts(content.get(key))
            ]
            self._seen_folders[folder] = not any(content.get(key) for key in UNSEEN) and all(
                path in self.by_file if path in self.files else path in self.folders and self.is_all_seen(path)
                for path in paths
            )
        return self._seen_folders[folder]

    @cached_property
    def refusals(self) -> dict[Place, str]:
        """Return why kustomize refuses builds, by where that shows: objects of one id, patches that do not fit."""
        self.kustomizations  # noqa: B018, they are seen while these are built
        return self._refusals_seen

    @cached_property
    def _refusals_seen(self) -> dict[Place, str]:
        return {}

    def _see_ids(self, items: list[Object]) -> None:
        for item, other in of_one_id(items):
            same = f"is here twice, also in {other.at().path}" if other.file is not item.file else "is here twice"
            self._refusals_seen[item.at("metadata", "name")] = f"{item} {same}: kustomize takes them for one"

    def folders_of(self, folder: str, above: frozenset[str] = frozenset()) -> Iterator[str]:
        """Yield a folder that is built, and those that it brings in, as files name them: the root is empty."""
        if folder in above:
            return
        yield "" if folder == "." else folder
        file = self.kustomize_file(folder)
        if not file:
            # Flux lists everything below it, down to the next kustomization.yaml.
            inside = built = "" if folder == "." else f"{folder}/"
            for below in sorted(folder_ + "/" for folder_ in self.folders - {"."}):
                if below.startswith(inside) and below != inside and (built == inside or not below.startswith(built)):
                    has_own = self.kustomize_file(below[:-1])
                    built = below if has_own else built
                    if not has_own:
                        yield below[:-1]
                    elif not self.is_component(below[:-1]):
                        yield from self.folders_of(below[:-1], above | {folder})
            return
        content = self.content_of(file)
        for key in ("resources", "components"):
            for entry in _texts(content.get(key)):
                path = posixpath.normpath(f"{folder}/{entry}")
                if path in self.folders:
                    yield from self.folders_of(path, above | {folder})

    def folders_built(self, kustomization: Kustomization) -> Iterator[str]:
        """Yield the folders of which a Flux Kustomization applies something, the root as an empty name.

        Of a folder without kustomization.yaml Flux builds those below that have one.
        """
        starts = {kustomization.folder}
        if not self.kustomize_file(kustomization.folder):
            starts |= set(self._folders_with_files(kustomization.folder))
        components = _texts(kustomization.spec.get("components"))
        starts |= {posixpath.normpath(f"{kustomization.folder}/{entry}") for entry in components}
        for folder in sorted(starts):
            yield from self.folders_of(folder)

    def _folders_with_files(self, folder: str) -> Iterator[str]:
        """Yield the folders with a kustomization.yaml below one without, none that is in another of them."""
        prefix = "" if folder == "." else f"{folder}/"
        found: list[str] = []
        for inner in sorted(self.folders - {"."}):
            if inner.startswith(prefix) and not inner.startswith(tuple(f"{f}/" for f in found)):
                if self.kustomize_file(inner) and not self.is_component(inner):
                    found.append(inner)
                    yield inner

    def _see_patch(self, place: Place, is_idle: bool) -> None:
        self._patches_seen[place] = is_idle and self._patches_seen.get(place, True)

    def _applied(self, kustomization: Kustomization) -> list[Object]:
        """Return what a Flux Kustomization applies.

        Flux writes its components, patches and targetNamespace into the kustomization.yaml before it builds that.
        """
        folder = kustomization.folder
        file = self.kustomize_file(folder)
        if file:
            return self._accumulated([], file, frozenset(), kustomization)
        items = list(self._built_without_file(folder, frozenset({folder})))
        return self._completed(items, folder, None, frozenset(), kustomization)

    def _built(self, folder: str, above: frozenset[str] = frozenset()) -> list[Object]:
        """Return what a folder builds to: as its kustomization.yaml says, or without one every manifest in it."""
        if folder in above:
            return []
        file = self.kustomize_file(folder)
        if not file:
            return list(self._built_without_file(folder, above | {folder}))
        return self._accumulated([], file, above)

    def _with_component(self, items: list[Object], folder: str, above: frozenset[str]) -> list[Object]:
        """Return objects after what a Component adds to them and changes in them."""
        file = self.kustomize_file(folder)
        return self._accumulated(items, file, above) if file and folder not in above else items

    def _accumulated(
        self, before: list[Object], file: RepositoryFile, above: frozenset[str], owner: Kustomization | None = None
    ) -> list[Object]:
        """Return objects after what a kustomization.yaml adds to them and changes in them.

        `owner` is the Flux Kustomization whose folder it is.
        """
        folder, content = file.folder or ".", self.content_of(file)
        items = list(before)
        for entry in _texts(content.get("resources")):
            path = posixpath.normpath(f"{folder}/{entry}")
            if path in self.files:
                items += [replace(item, namespace=item.declared) for item in self.by_file.get(path, [])]
            elif path in self.folders and path != ".":
                items += self._built(path, above | {folder})
        items += _generated(file, content)
        self._see_ids(items)
        if all(map(self.is_all_seen, (folder, *above))):
            for item in without_first(items):
                self._refusals_seen[item.at()] = f"{item.kind} {item.name} is to be merged into one that is not there"
        return self._completed(items, folder, file, above, owner)

    def _completed(
        self,
        items: list[Object],
        folder: str,
        file: RepositoryFile | None,
        above: frozenset[str],
        owner: Kustomization | None,
    ) -> list[Object]:
        """Return objects after the components, patches, namespace and replacements of a kustomization.yaml."""
        content, spec = self.content_of(file), owner.spec if owner else {}
        components = [
            posixpath.normpath(f"{folder}/{entry}")
            for listed in (content.get("components"), spec.get("components"))
            for entry in _texts(listed)
        ]
        for component in components:
            items = self._with_component(items, component, above | {folder})
        is_seen = all(map(self.is_all_seen, (folder, *above, *components)))

        def file_of(path: str) -> RepositoryFile | None:
            return self.files.get(posixpath.normpath(f"{folder}/{path}"))

        def patch_all(fields: tuple[str, ...]) -> None:
            nonlocal items
            for name in fields:
                for number, patch in patches_of(content, name):
                    if file:
                        place = Place(file.path, content[name].lines[number])
                        self._see_patch(place, is_seen and is_idle(items, patch, file_of))
                        # What Flux adds to this folder may be what the patch is about, and is unknown without an owner.
                        is_all = owner or folder not in self._folders_with_components
                        for problem in misfits(items, patch, file_of) if is_all else ():
                            self._refusals_seen.setdefault(place, f"this patch can't be applied: {problem}")
                    items = patched(items, patch, file_of)

        patch_all(EARLY)
        listed = spec.get("patches")
        for number, patch in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(patch, dict) and owner:
                for problem in misfits(items, patch):
                    place = owner.item.at("spec", "patches", number)
                    self._refusals_seen.setdefault(place, f"this patch can't be applied: {problem}")
                if is_seen and not patch.get("target") and is_idle(items, patch):
                    place = owner.item.at("spec", "patches", number)
                    problem = "nothing is called as what it says, and it has no target"
                    self._refusals_seen.setdefault(place, f"this patch can't be applied: {problem}")
                items = patched(items, patch)
        if namespace := spec.get("targetNamespace") or content.get("namespace"):
            items = [_moved(item, str(namespace)) for item in items]
            self._see_ids(items)
        patch_all(LATE)
        items = replaced(items, content, file_of)
        return transformed(items, self._transformers(folder, content, above)) if content.get("transformers") else items

    @cached_property
    def _folders_with_components(self) -> set[str]:
        """Return the folders to which a Flux Kustomization adds components."""
        items = (item for item in self.of("Kustomization", FLUX) if item.spec.get("components"))
        return {self._kustomization(item).folder for item in items}

    def _transformers(self, folder: str, content: Map, above: frozenset[str]) -> list[Object]:
        """Return the transformers of a kustomization.yaml: in itself, in files, and in folders that are built."""
        found: list[Object] = []
        listing = self.kustomize_file(folder)
        for entry in _texts(content["transformers"]):
            if "\n" in entry and listing:
                given = (one for one in contents_of({"patch": entry}) if isinstance(one, Map))
                found += [replace(item, namespace=item.declared) for item in (Object(listing, one) for one in given)]
                continue
            path = posixpath.normpath(f"{folder}/{entry}")
            if path in self.files:
                found += [replace(item, namespace=item.declared) for item in self.by_file.get(path, [])]
            elif path in self.folders:
                found += self._built(path, above | {folder})
        return found

    def _built_without_file(self, folder: str, above: frozenset[str]) -> Iterator[Object]:
        """Yield what Flux makes of a folder without kustomization.yaml.

        That is every manifest below, and the builds of folders that have a kustomization.yaml.
        """
        prefix = "" if folder == "." else f"{folder}/"
        built: list[str] = []
        for path, file in self.files.items():
            if not path.startswith(prefix) or any(path.startswith(f"{subfolder}/") for subfolder in built):
                continue
            subfolder = next((f for f in _folders_between(folder, file.folder) if self.kustomize_file(f)), None)
            if subfolder:
                built.append(subfolder)
                if not self.is_component(subfolder):
                    yield from self._built(subfolder, above)
            else:
                for item in self.by_file.get(path, []):
                    yield replace(item, namespace=item.declared)

    def is_component(self, folder: str) -> bool:
        """Return whether a folder is a Component of kustomize."""
        file = self.kustomize_file(folder)
        return bool(file and self.content_of(file).get("kind") == "Component")


def _place_of(item: Object) -> tuple[str, int]:
    return item.file.path, item.content.line


def _is_left_over(
    one: Kustomization, children: set[tuple[str, int]], below: list[tuple[Kustomization, set[tuple[str, int]]]]
) -> bool:
    """Return whether another Kustomization builds the folder that one is in, without it, and has all its children."""
    return bool(children) and any(
        other.folder not in (".", "")
        and one.item.file.path.startswith(f"{other.folder}/")
        and _place_of(one.item) not in theirs
        and children <= theirs
        for other, theirs in below
        if other is not one
    )


def _folders_between(folder: str, inner: str) -> Iterator[str]:
    """Yield the folders from below one down to another."""
    rest = inner if folder == "." else inner.removeprefix(folder).strip("/")
    path = "" if folder == "." else folder
    for part in rest.split("/") if rest else []:
        path = f"{path}/{part}" if path else part
        yield path


def _moved(item: Object, namespace: str) -> Object:
    """Return an object after kustomize's namespace transformer, which gives a Namespace that name."""
    if item.is_a("Namespace", ""):
        return replace(item, content=changed(item.content, ["metadata", "name"], "replace", namespace))
    return item if item.kind in CLUSTER_SCOPED else item.moved_to(namespace)


def _texts(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _generated(file: RepositoryFile, content: Map) -> Iterator[Object]:
    """Yield the ConfigMaps and Secrets that a kustomization.yaml makes; their text is in other files."""
    for key, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
        entries = content.get(key)
        for entry in entries if isinstance(entries, List) else []:
            if isinstance(entry, Map):
                metadata, item = Map(), Map()
                metadata.line = item.line = entry.line
                metadata.lines, item.lines = {}, {}
                metadata.update({"name": entry.get("name", ""), "namespace": entry.get("namespace")})
                item.update({"apiVersion": "v1", "kind": kind, "metadata": metadata, "generatedBy": entry})
                yield Object(file, item, str(entry.get("namespace") or ""))
