"""An app of another repository, as it must be in this one: where it runs, what it is called and what it makes stay."""

import posixpath
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import yaml

from lib import editing
from lib.apps import ChartSource, Repository, mapping, references
from lib.checks.flux import Cluster, Kustomization
from lib.checks.objects import CLUSTER_SCOPED, FLUX, Object, Place, walk
from lib.checks.topics.substitution import is_left_alone
from lib.editing import Edit
from lib.kustomization import resources
from lib.process import ROOT
from lib.refusal import Refusal

OF_FLUX = "flux-system"
SOURCES = ("OCIRepository", "HelmRepository", "GitRepository")
# With this one Flux decrypts here.
AGE = "sops-age"
# What patches above the app may have set there, which say nothing here.
BY_PATCHES = ("interval", "retryInterval", "timeout", "prune", "wait", "force", "suspend")
# Every app gets the first from the root, and the second one where the root says so.
OF_THE_ROOT = {"cluster-settings", "cluster-secrets"}


def other_repository(text: str) -> Cluster:
    """The repository that somebody moves from; Refusal when it is none."""
    if not text:
        raise Refusal("FROM is missing: FROM=../old says where the other repository is.")
    path = Path(text).expanduser()
    if not path.is_dir():
        raise Refusal(f"{text} is no folder: FROM is a checkout of the other repository.")
    if path.samefile(ROOT):
        raise Refusal(f"{text} is this repository itself: FROM is a checkout of the other one.")
    cluster = Cluster(path.resolve())
    if not cluster.kustomizations:
        raise Refusal(f"{text} has nothing that Flux applies: no Kustomization that can be read applies others.")
    return cluster


class Adoption:
    """An app on its way from the repository in `old`, where Flux applies it, into this one."""

    def __init__(self, repository: Repository, old: Cluster, namespace: str, name: str) -> None:
        self.repository, self.old = repository, old
        self.new_folder = repository.folder_of_apps / namespace / name
        self.place = f"{namespace}/{name}"

    @cached_property
    def folder(self) -> str:
        """Its folder, from the root of the old repository; Refusal when there is none, or more than one."""
        ending = f"apps/{self.place}"
        found = sorted(folder for folder in self.old.folders if folder == ending or folder.endswith(f"/{ending}"))
        if not found:
            raise Refusal(f"{self.place} is not in {self.old.root}: no folder there is called {ending}.")
        if len(found) > 1:
            raise Refusal(f"{self.place} is several folders in {self.old.root}: {', '.join(found)}.")
        return found[0]

    @cached_property
    def kustomizations(self) -> list[Kustomization]:
        """The Flux Kustomizations in its files; Refusal when Flux applies none of them there."""
        found = [one for one in self.old.kustomizations if self._has(one.item.file.path)]
        if not found:
            raise Refusal(f"Flux applies no Kustomization of {self.folder} there: what it is can't be told.")
        return found

    @cached_property
    def releases(self) -> list[Object]:
        """The HelmReleases in its files."""
        return [item for _, item in self.old.releases if self._has(item.file.path)]

    @cached_property
    def shared_sources(self) -> list[Object]:
        """What its releases take their charts from, and what stands elsewhere."""
        return [source for release in self.releases for source in self._shared_by(release)]

    def _shared_by(self, release: Object) -> Iterator[Object]:
        for reference in references(dict(release.content)):
            kind, name = str(reference.get("kind")), str(reference.get("name"))
            source = self.old.find(kind, str(reference.get("namespace") or release.namespace), name)
            if source and kind in SOURCES and not self._has(source.file.path):
                yield source

    def _has(self, path: str) -> bool:
        """Whether a file or folder of the old repository lies in the app's."""
        return path.startswith(f"{self.folder}/")

    @cached_property
    def placed(self) -> dict[Place, str]:
        """Where objects in its files stand that the list above applies, and the namespaces that only the list says."""
        return {
            item.at(): item.namespace
            for one in self.old.kustomizations
            for item in one.objects
            if self._has(item.file.path)
            and not self._has(f"{one.folder}/")
            and item.namespace
            and not (item.declared or item.is_a("Kustomization", FLUX) or item.kind in CLUSTER_SCOPED)
        }

    def refuse_what_is_taken(self) -> None:
        """Refusal when there is no such app, or when its place, its name or its namespace is not free for it."""
        kustomizations = self.kustomizations
        if self.new_folder.exists():
            raise Refusal(f"{self.repository.short(self.new_folder)} exists already.")
        if not self.registry.exists():
            namespace = self.new_folder.parent.name
            raise Refusal(f"there is no namespace {namespace}: `task new:namespace NAME={namespace}` makes it.")
        for one in kustomizations:
            if taken := self.repository.kustomizations.get(one.name):
                raise Refusal(f"{one.name} is the name of the Kustomization in {self.repository.short(taken[0])}.")

    # --- Its namespace's list ---

    @property
    def registry(self) -> Path:
        """The file that lists the namespace's apps."""
        return self.new_folder.parent / "kustomization.yaml"

    @property
    def registrations(self) -> list[str]:
        """What the list gets: what the old one has of the app, or the files with its Kustomizations."""
        listed = self.old.kustomize_file(posixpath.dirname(self.folder))
        name = self.new_folder.name
        entries = resources(listed.text) if listed else []
        found = [entry for entry in entries if posixpath.normpath(entry).split("/")[0] == name]
        own = [one.item.file.path.removeprefix(f"{self.folder}/") for one in self.kustomizations]
        return found or [f"./{name}/{path}" for path in dict.fromkeys(own)]

    # --- Its files ---

    def files(self) -> dict[str, str]:
        """The files that change, by their path in the app's folder."""
        changed = {}
        for path, file in self.old.files.items():
            if self._has(path) and (text := self._adopted(path, file.text)) != file.text:
                changed[path.removeprefix(f"{self.folder}/")] = text
        return changed

    def _adopted(self, path: str, text: str) -> str:
        """A file as it must be. One that SOPS keeps stays: its checksum covers what can be read, too."""
        if not path.endswith((".yaml", ".yml")) or ".sops." in path:
            return text
        try:
            nodes = editing.documents(text)
        except yaml.YAMLError:
            return text
        beginnings = [node.start_mark.line + 1 for node in nodes]
        # The last one first, so that the others are still where they were.
        for number, line in reversed(list(enumerate(beginnings))):
            one = next((one for one in self.kustomizations if one.item.at() == Place(path, line)), None)
            release = next((item for item in self.releases if item.at() == Place(path, line)), None)
            if one:
                text = _without_aliases_of_what_goes(text, number)
                text = editing.edited(text, [*self._of_a_kustomization(one, text, editing.documents(text)[number])])
                text = _without_what_the_root_says(text, number)
            elif release:
                text = editing.edited(text, [*self._of_a_release(release, text, nodes[number])])
            metadata = editing.inner(editing.documents(text)[number], "metadata")
            if isinstance(metadata, yaml.MappingNode) and (namespace := self.placed.get(Place(path, line))):
                text = editing.edited(text, [*editing.with_value(text, metadata, "namespace", namespace)])
        return text

    def _of_a_kustomization(self, one: Kustomization, text: str, node: yaml.MappingNode) -> Iterator[Edit]:
        """It lives in flux-system, and what it applies stays where it is."""
        metadata, spec = editing.inner(node, "metadata"), editing.inner(node, "spec")
        if not isinstance(metadata, yaml.MappingNode) or not isinstance(spec, yaml.MappingNode):
            return
        yield from editing.with_value(text, metadata, "namespace", OF_FLUX)
        if target := one.spec.get("targetNamespace"):
            yield from editing.with_value(text, spec, "targetNamespace", str(target))
        written = self.old.as_written(one.item).spec
        for key in BY_PATCHES:
            if (value := one.spec.get(key)) is not None and value != written.get(key):
                yield from editing.with_value(
                    text, spec, key, str(value).lower() if isinstance(value, bool) else str(value)
                )
        yield from editing.without_key(text, spec, "deletionPolicy")
        if any("sops" in item.content for item in one.objects) and not editing.inner(spec, "decryption"):
            yield from editing.with_value(text, spec, "decryption", "{provider: sops}")
        waited_for = editing.inner(spec, "dependsOn")
        for entry in waited_for.value if isinstance(waited_for, yaml.SequenceNode) else []:
            if isinstance(entry, yaml.MappingNode):
                yield from editing.without_key(text, entry, "namespace")
        path = editing.inner(spec, "path")
        new = self.repository.short(self.new_folder)
        if self.folder != new and editing.plain(path):
            yield from editing.with_value(text, spec, "path", f"./{self._here(one.folder)}")
        source = editing.inner(spec, "sourceRef")
        if isinstance(source, yaml.MappingNode) and self.old.is_here(one):
            yield from editing.with_value(text, source, "kind", "GitRepository")
            yield from editing.with_value(text, source, "name", OF_FLUX)
            if editing.inner(source, "namespace"):
                yield from editing.with_value(text, source, "namespace", OF_FLUX)
        elif isinstance(source, yaml.MappingNode) and not editing.inner(source, "namespace") and one.item.namespace:
            yield from editing.with_value(text, source, "namespace", one.item.namespace)

    # --- Its charts ---

    def _of_a_release(self, item: Object, text: str, node: yaml.MappingNode) -> Iterator[Edit]:
        """Its chart's source is in flux-system, unless it lies beside it."""
        for keys in (("spec", "chartRef"), ("spec", "chart", "spec", "sourceRef")):
            reference = editing.inner(node, *keys)
            if isinstance(reference, yaml.MappingNode) and any(self._shared_by(item)):
                yield from editing.with_value(text, reference, "namespace", OF_FLUX)

    def sources(self) -> dict[str, str]:
        """The chart sources that come along, by name, each the text of its file."""
        new = [source for source in self.shared_sources if source.name not in self.repository.chart_sources]
        return {source.name: _in_flux_system(source) for source in new}

    def other_charts(self) -> list[tuple[str, ChartSource]]:
        """What the app's charts were, and the sources here of the same name that have another address or version."""
        found = []
        for before in self.shared_sources:
            if now := self.repository.chart_sources.get(before.name):
                tag = mapping(before.spec.get("ref")).get("tag", "")
                if (was := f"{before.spec.get('url')} {tag}".rstrip()) != f"{now.url} {now.version}".rstrip():
                    found.append((was, now))
        return found

    def secrets_elsewhere(self) -> list[str]:
        """Secrets that Flux reads in flux-system from now on: those of chart sources that come along, and of keys."""
        found = [source.get("spec", "secretRef", "name") for source in self.shared_sources]
        found += [one.item.get("spec", "decryption", "secretRef", "name") for one in self.kustomizations]
        return sorted({str(name) for name in found if name and name != AGE})

    def filled_from_now_on(self) -> list[str]:
        """Files with `${…}` that Flux left as they are, and fills in here: the root gives variables to every app."""
        found = [
            item.file.path.removeprefix(f"{self.folder}/")
            for one in self.kustomizations
            if not one.spec.get("postBuild")
            for item in one.objects
            if not is_left_alone(self.old, item)
            and any(isinstance(value, str) and "${" in value for _, value in walk(item.content))
        ]
        return sorted(set(found))

    def components_left_behind(self) -> dict[str, str]:
        """Where the app looks for components that are not here, and where they are in the old repository."""
        found = []
        for path, file in self.old.files.items():
            if posixpath.basename(path) == "kustomization.yaml" and self._has(path):
                found += [(file.folder, entry) for entry in self.old.content_of(file).get("components") or []]
        for one in self.kustomizations:
            found += [(one.folder, entry) for entry in one.spec.get("components") or []]
        places = {
            posixpath.normpath(f"{self._here(folder)}/{entry}"): posixpath.normpath(f"{folder}/{entry}")
            for folder, entry in found
        }
        return {new: old for new, old in places.items() if not (self.repository.root / new).exists()}

    def _here(self, folder: str) -> str:
        """Where a folder of the app is in this repository; another one stays where it is."""
        if not self._has(f"{folder}/"):
            return folder
        return f"{self.repository.short(self.new_folder)}{folder.removeprefix(self.folder)}"


def _without_aliases_of_what_goes(text: str, number: int) -> str:
    """A Kustomization in which nothing is an alias of the namespaces that are replaced or left out."""
    text = editing.spelled_out(text, number, ("metadata", "namespace"))
    waited_for = editing.inner(editing.documents(text)[number], "spec", "dependsOn")
    for entry in range(len(waited_for.value) if isinstance(waited_for, yaml.SequenceNode) else 0):
        text = editing.spelled_out(text, number, ("spec", "dependsOn", entry, "namespace"))
    return text


def _without_what_the_root_says(text: str, number: int) -> str:
    """A Kustomization whose variables come from the root alone says nothing of them: the root's patch would win."""
    node = editing.documents(text)[number]
    build, listed = editing.inner(node, "spec", "postBuild"), editing.inner(node, "spec", "postBuild", "substituteFrom")
    names = {editing.plain(editing.inner(entry, "name")) for entry in listed.value} if listed else set()
    if not isinstance(build, yaml.MappingNode) or not names or names - OF_THE_ROOT:
        return text
    spec = editing.inner(node, "spec")
    assert isinstance(spec, yaml.MappingNode)
    if len(build.value) == 1:
        return editing.edited(text, [*editing.without_key(text, spec, "postBuild")])
    return editing.edited(text, [*editing.without_key(text, build, "substituteFrom")])


def _in_flux_system(source: Object) -> str:
    """The text of a source's document, in flux-system."""
    text = source.file.text
    nodes = editing.documents(text)
    node = next(node for node in nodes if node.start_mark.line + 1 == source.content.line)
    later = [other.start_mark.index for other in nodes if other.start_mark.index > node.start_mark.index]
    metadata = editing.inner(node, "metadata")
    assert isinstance(metadata, yaml.MappingNode)
    text = editing.edited(
        text[: later[0]].rpartition("---")[0] if later else text,
        [*editing.with_value(text, metadata, "namespace", OF_FLUX)],
    )
    return f"---\n{text[node.start_mark.index :].rstrip()}\n"
