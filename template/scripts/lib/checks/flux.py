"""What Flux applies: every Kustomization after its parents' patches, every object in its final namespace."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from lib.checks.files import File, List, Map, Unreadable, files_of
from lib.checks.objects import CLUSTER_SCOPED, FLUX, HELM, Object, Place, objects_in
from lib.checks.patching import EARLY, LATE, changed, is_idle, patched, patches_of
from lib.checks.replacing import replaced
from lib.checks.values import completed

# The first folder of a Flux Kustomization's path.
PATH = re.compile(r"^ +path: [\"']?(?:\./)?(\w[\w.-]*)/", re.MULTILINE)
# What makes objects, or other names of objects, that the files do not show.
UNSEEN = ("crds", "generators", "helmChartInflationGenerator", "helmCharts", "namePrefix", "nameSuffix",
          "transformers")  # fmt: skip
KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class Dependency(NamedTuple):
    """An entry of dependsOn: its position, and the namespace and name that it means."""

    number: int
    key: tuple[str, str]


@dataclass(eq=False)
class Kustomization:
    """A Flux Kustomization. `item` is what its parent applies, `objects` what it applies itself."""

    item: Object
    parent: "Kustomization | None" = None
    objects: list[Object] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name."""
        return self.item.name

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.item.namespace, self.name

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its spec after patches."""
        return self.item.spec

    @property
    def folder(self) -> str:
        """What it applies, from the repository's root; '.' is the root itself."""
        return posixpath.normpath(str(self.spec.get("path") or "."))

    @property
    def source(self) -> tuple[str, str]:
        """Kind and name of where its files come from."""
        reference = self.spec.get("sourceRef")
        reference = reference if isinstance(reference, dict) else {}
        return str(reference.get("kind", "")), str(reference.get("name", ""))

    @property
    def target(self) -> str:
        """The namespace that it applies to."""
        return str(self.spec.get("targetNamespace") or self.item.namespace)

    @property
    def root(self) -> "Kustomization":
        """The one with which Flux starts, and from which it comes to this one."""
        return self.parent.root if self.parent else self

    @property
    def dependencies(self) -> list["Dependency"]:
        """Those that it waits for."""
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
    """A repository as Flux sees it. Read once: take a new one after a change."""

    root: Path

    @cached_property
    def files(self) -> dict[str, File]:
        """Every file by its path."""
        return {file.path: file for file in files_of(self.root)}

    @cached_property
    def folders(self) -> set[str]:
        """Every folder that has a file somewhere below."""
        found = {"."}
        for file in self.files.values():
            folder = file.folder
            while folder and folder not in found:
                found.add(folder)
                folder = folder.rpartition("/")[0]
        return found

    @cached_property
    def manifests(self) -> list[File]:
        """The YAML files in the top folders that Flux Kustomizations apply."""
        texts = [file.text for file in self.files.values() if file.is_yaml and FLUX in file.text]
        tops = {top for text in texts for top in PATH.findall(text)}
        return [file for file in self.files.values() if file.is_yaml and file.path.split("/")[0] in tops]

    @cached_property
    def unreadable(self) -> list[tuple[Place, str]]:
        """The manifests that can't be read, and why."""
        found = []
        for file in self.manifests:
            try:
                file.documents  # noqa: B018, it is kept
            except Unreadable as reason:
                found.append((Place(file.path, reason.line), str(reason)))
        return found

    @cached_property
    def objects(self) -> list[Object]:
        """Every object of every manifest, as it stands there."""
        broken = {place.path for place, _ in self.unreadable}
        return [item for file in self.manifests if file.path not in broken for item in objects_in(file)]

    @cached_property
    def by_file(self) -> dict[str, list[Object]]:
        """The objects of each file."""
        found: dict[str, list[Object]] = {}
        for item in self.objects:
            found.setdefault(item.file.path, []).append(item)
        return found

    def of(self, kind: str, group: str) -> list[Object]:
        """The objects of a kind, as they stand in files."""
        return [item for item in self.objects if item.is_a(kind, group)]

    @cached_property
    def kustomizations(self) -> list[Kustomization]:
        """Every Flux Kustomization that Flux reaches, parents before their children."""
        found: list[Kustomization] = []
        seen: set[tuple[int, tuple[str, str]]] = set()
        waiting = [Kustomization(replace(root, namespace=root.declared)) for root in self.roots]
        while waiting:
            one = waiting.pop(0)
            if (id(one.item.content), one.key) in seen:
                continue
            seen.add((id(one.item.content), one.key))
            found.append(one)
            if self.is_here(one):
                items = self._applied(one)
                children = [Kustomization(item, one) for item in items if item.is_a("Kustomization", FLUX)]
                # A folder that lies there unbuilt brings its apps' own files, too: that is one finding, not a hundred.
                inside = tuple(f"{child.folder}/" for child in children if child.folder != one.folder)
                one.objects = [i for i in items if i.is_a("Kustomization", FLUX) or not i.file.path.startswith(inside)]
                waiting += children
        self._complete(found)
        return found

    def _complete(self, kustomizations: list[Kustomization]) -> None:
        """Give every HelmRelease the values that ConfigMaps hold, which any Kustomization may apply."""
        maps = {(i.namespace, i.name): i for one in kustomizations for i in one.objects if i.is_a("ConfigMap", "")}
        for one in kustomizations:
            one.objects = [completed(i, maps, self.files) if i.is_a("HelmRelease", HELM) else i for i in one.objects]

    def home_of(self, one: Kustomization) -> str:
        """Which cluster a Kustomization is of: the folder of its root, where roots of one name belong to several."""
        return one.root.item.file.folder if self._has_several else ""

    @cached_property
    def _has_several(self) -> bool:
        roots = {(root.declared, root.name, root.file.folder) for root in self.roots}
        return len({root[:2] for root in roots}) < len(roots)

    @cached_property
    def by_key(self) -> dict[tuple[str, str], Kustomization]:
        """Every Flux Kustomization that Flux reaches, by namespace and name."""
        return {one.key: one for one in self.kustomizations}

    @cached_property
    def waits_for(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """For every Flux Kustomization those that it waits for; what is not there is a finding, and left out."""
        known = self.by_key
        return {key: sorted({one.key for one in known[key].dependencies} & known.keys()) for key in sorted(known)}

    @cached_property
    def applied(self) -> list[Object]:
        """Every object that Flux applies."""
        return [item for one in self.kustomizations for item in one.objects]

    @cached_property
    def releases(self) -> list[tuple[Kustomization, Object]]:
        """Every HelmRelease that Flux applies, with the Kustomization that does."""
        return [(one, item) for one in self.kustomizations for item in one.objects if item.is_a("HelmRelease", HELM)]

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """The object of that name that Flux applies; the first, where several are called so."""
        return self._named.get((kind, namespace, name))

    @cached_property
    def _named(self) -> dict[tuple[str, str, str], Object]:
        # The first wins, as the last that is written.
        return {(item.kind, item.namespace, item.name): item for item in reversed(self.applied)}

    def as_written(self, item: Object) -> Object:
        """An object as it stands in its file, before any patch."""
        found = (other for other in self.by_file.get(item.file.path, []) if other.content.line == item.content.line)
        return next(found, item)

    def is_here(self, one: Kustomization) -> bool:
        """Whether its files are in this repository, and not in another one that it names."""
        return one.source == self.source

    @cached_property
    def is_all_here(self) -> bool:
        """Whether every Kustomization takes its files from this repository: elsewhere can be anything."""
        return all(map(self.is_here, self.kustomizations))

    @cached_property
    def source(self) -> tuple[str, str]:
        """What this repository is called by the Kustomizations in it."""
        counted = Counter(Kustomization(item).source for item in self.of("Kustomization", FLUX))
        return counted.most_common(1)[0][0] if counted else ("", "")

    @cached_property
    def roots(self) -> list[Object]:
        """The Flux Kustomizations with which Flux starts.

        Nobody applies them, and they apply others, or lie beside one that does.
        """
        every = [Kustomization(item) for item in self.of("Kustomization", FLUX)]
        applied: set[tuple[str, int]] = set()
        parents = []
        for one in every:
            inner = self._built(one.folder) if self.is_here(one) and one.folder in self.folders else []
            children = [
                item for item in inner if item.is_a("Kustomization", FLUX) and item.content is not one.item.content
            ]
            # Names outlast patches, objects do not.
            applied |= {(child.file.path, child.content.line) for child in children}
            if children:
                parents.append(one)
        free = [one for one in every if (one.item.file.path, one.item.content.line) not in applied]
        folders = {one.item.file.folder for one in free if one in parents}
        return [one.item for one in free if one.item.file.folder in folders]

    # --- kustomize ---

    def kustomize_file(self, folder: str) -> File | None:
        """The kustomization.yaml of a folder."""
        prefix = "" if folder in (".", "") else f"{folder}/"
        return next((self.files[prefix + name] for name in KUSTOMIZATION_FILES if prefix + name in self.files), None)

    def content_of(self, file: File) -> Map:
        """What a kustomization.yaml says; empty where it can't be read."""
        try:
            found = next((document for document in file.documents if isinstance(document, Map)), None)
        except Unreadable:
            found = None
        if found is None:
            found = Map()
            found.line, found.lines = 1, {}
        return found

    @cached_property
    def idle_patches(self) -> list[Place]:
        """Entries of patches in kustomization.yaml files that are about nothing in any build.

        A build that takes something from elsewhere proves nothing: a patch may be about that.
        """
        self.kustomizations  # noqa: B018, patches are seen while these are built
        return [place for place, is_idle in self._patches_seen.items() if is_idle]

    @cached_property
    def _patches_seen(self) -> dict[Place, bool]:
        """Whether a patch was idle in every build so far."""
        return {}

    @cached_property
    def _seen_folders(self) -> dict[str, bool]:
        return {}

    def is_all_seen(self, folder: str) -> bool:
        """Whether everything that a folder builds is in the files, under the name that it has there."""
        if folder not in self._seen_folders:
            self._seen_folders[folder] = True  # One that leads back to itself adds nothing.
            file = self.kustomize_file(folder)
            content = self.content_of(file) if file else {}
            places = [
                posixpath.normpath(f"{folder}/{entry}")
                for key in ("resources", "components")
                for entry in _texts(content.get(key))
            ]
            self._seen_folders[folder] = not any(content.get(key) for key in UNSEEN) and all(
                place in self.by_file if place in self.files else place in self.folders and self.is_all_seen(place)
                for place in places
            )
        return self._seen_folders[folder]

    def _see_patch(self, place: Place, is_idle: bool) -> None:
        self._patches_seen[place] = is_idle and self._patches_seen.get(place, True)

    def _applied(self, one: Kustomization) -> list[Object]:
        """What a Flux Kustomization applies."""
        items = self._built(one.folder)
        for component in _texts(one.spec.get("components")):
            items = self._with_component(
                items, posixpath.normpath(f"{one.folder}/{component}"), frozenset({one.folder})
            )
        listed = one.spec.get("patches")
        for patch in listed if isinstance(listed, list) else []:
            if isinstance(patch, dict):
                items = patched(items, patch)
        if target := one.spec.get("targetNamespace"):
            items = [_moved(item, str(target)) for item in items]
        return items

    def _built(self, folder: str, above: frozenset[str] = frozenset()) -> list[Object]:
        """What a folder builds to: as its kustomization.yaml says, or without one every manifest in it."""
        if folder in above:
            return []
        file = self.kustomize_file(folder)
        if not file:
            return list(self._lying_in(folder, above | {folder}))
        return self._brought([], file, above)

    def _with_component(self, items: list[Object], folder: str, above: frozenset[str]) -> list[Object]:
        """Objects, and what a Component adds to them and changes in them."""
        file = self.kustomize_file(folder)
        return self._brought(items, file, above) if file and folder not in above else items

    def _brought(self, before: list[Object], file: File, above: frozenset[str]) -> list[Object]:
        """Objects, and what a kustomization.yaml adds to them and changes in them."""
        folder, content = file.folder or ".", self.content_of(file)
        items = list(before)
        for entry in _texts(content.get("resources")):
            place = posixpath.normpath(f"{folder}/{entry}")
            if place in self.files:
                items += [replace(item, namespace=item.declared) for item in self.by_file.get(place, [])]
            elif place in self.folders and place != ".":
                items += self._built(place, above | {folder})
        items += _generated(file, content)
        for entry in _texts(content.get("components")):
            items = self._with_component(items, posixpath.normpath(f"{folder}/{entry}"), above | {folder})
        return self._as_said(items, file, content, above)

    def _as_said(self, items: list[Object], file: File, content: Map, above: frozenset[str]) -> list[Object]:
        """Objects after the patches and the namespace of a kustomization.yaml."""
        folder = file.folder or "."

        def file_of(path: str) -> File | None:
            return self.files.get(posixpath.normpath(f"{folder}/{path}"))

        def patch_all(fields: tuple[str, ...]) -> None:
            nonlocal items
            is_seen = all(map(self.is_all_seen, (folder, *above)))
            for name in fields:
                for number, patch in patches_of(content, name):
                    place = Place(file.path, content[name].lines[number])
                    self._see_patch(place, is_seen and is_idle(items, patch, file_of))
                    items = patched(items, patch, file_of)

        patch_all(EARLY)
        if namespace := content.get("namespace"):
            items = [_moved(item, str(namespace)) for item in items]
        patch_all(LATE)
        return replaced(items, content, file_of)

    def _lying_in(self, folder: str, above: frozenset[str]) -> Iterator[Object]:
        """What Flux makes of a folder without kustomization.yaml: every manifest below, and folders that have one."""
        prefix = "" if folder == "." else f"{folder}/"
        built: list[str] = []
        for path, file in self.files.items():
            if not path.startswith(prefix) or any(path.startswith(f"{place}/") for place in built):
                continue
            place = next((f for f in _folders_between(folder, file.folder) if self.kustomize_file(f)), None)
            if place:
                built.append(place)
                if not self._is_component(place):
                    yield from self._built(place, above)
            else:
                for item in self.by_file.get(path, []):
                    yield replace(item, namespace=item.declared)

    def _is_component(self, folder: str) -> bool:
        file = self.kustomize_file(folder)
        return bool(file and self.content_of(file).get("kind") == "Component")


def _folders_between(folder: str, inner: str) -> Iterator[str]:
    """The folders from below one down to another."""
    rest = inner if folder == "." else inner.removeprefix(folder).strip("/")
    found = "" if folder == "." else folder
    for part in rest.split("/") if rest else []:
        found = f"{found}/{part}" if found else part
        yield found


def _moved(item: Object, namespace: str) -> Object:
    """An object after kustomize's namespace transformer, which gives a Namespace that name."""
    if item.is_a("Namespace", ""):
        return replace(item, content=changed(item.content, ["metadata", "name"], "replace", namespace))
    return item if item.kind in CLUSTER_SCOPED else item.moved_to(namespace)


def _texts(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _generated(file: File, content: Map) -> Iterator[Object]:
    """The ConfigMaps and Secrets that a kustomization.yaml makes; their text is in other files."""
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
