"""An app of another repository, changed to run in this one with the same namespace, names and objects."""

import posixpath
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import yaml

from talos_flux.envsubst import MalformedVariable, variables
from talos_flux.errors import UserError
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import CLUSTER_SCOPED, FLUX, Object, Place, walk
from talos_flux.manifests.post_build import is_left_alone, variables_in
from talos_flux.paths import ROOT
from talos_flux.repository import yaml_edits
from talos_flux.repository.apps import ChartSource, Repository, mapping, references
from talos_flux.repository.kustomization_edits import resources
from talos_flux.repository.yaml_edits import Edit

FLUX_NAMESPACE = "flux-system"
SOURCES = ("OCIRepository", "HelmRepository", "GitRepository")
# The Secret with which Flux decrypts in this repository.
AGE = "sops-age"
# Fields that patches of the old repository may have set, which do not apply here.
BY_PATCHES = ("interval", "retryInterval", "timeout", "prune", "wait", "force", "suspend")
# The root gives the first to every app, and optionally the second.
OF_THE_ROOT = {"cluster-settings", "cluster-secrets"}


def other_repository(text: str) -> Cluster:
    """Return the repository to migrate from; UserError when it is none."""
    if not text:
        raise UserError("FROM is missing: FROM=../old says where the other repository is.")
    path = Path(text).expanduser()
    if not path.is_dir():
        raise UserError(f"{text} is no folder: FROM is a checkout of the other repository.")
    if path.samefile(ROOT):
        raise UserError(f"{text} is this repository itself: FROM is a checkout of the other one.")
    cluster = Cluster(path.resolve())
    if not cluster.kustomizations:
        raise UserError(f"{text} has nothing that Flux applies: no Kustomization that can be read applies others.")
    return cluster


class Adoption:
    """The adoption of an app from the repository in `old`, where Flux applies it, into this one."""

    def __init__(self, repository: Repository, old: Cluster, namespace: str, name: str) -> None:
        self.repository, self.old = repository, old
        self.new_folder = repository.folder_of_apps / namespace / name
        self.namespaced_name = f"{namespace}/{name}"

    @cached_property
    def folder(self) -> str:
        """Return its folder, relative to the root of the old repository; UserError unless there is exactly one."""
        ending = f"apps/{self.namespaced_name}"
        folders = sorted(folder for folder in self.old.folders if folder == ending or folder.endswith(f"/{ending}"))
        if not folders:
            raise UserError(f"{self.namespaced_name} is not in {self.old.root}: no folder there is called {ending}.")
        if len(folders) > 1:
            raise UserError(f"{self.namespaced_name} is several folders in {self.old.root}: {', '.join(folders)}.")
        return folders[0]

    @cached_property
    def kustomizations(self) -> list[Kustomization]:
        """Return the Flux Kustomizations in its files; UserError when Flux applies none of them there."""
        own = [kustomization for kustomization in self.old.kustomizations if self._has(kustomization.item.file.path)]
        if not own:
            raise UserError(f"Flux applies no Kustomization of {self.folder} there: what it is can't be told.")
        return own

    @cached_property
    def releases(self) -> list[Object]:
        """Return the HelmReleases in its files."""
        return [item for _, item in self.old.releases if self._has(item.file.path)]

    @cached_property
    def shared_sources(self) -> list[Object]:
        """Return the chart sources of its releases that are outside of its folder."""
        return [source for release in self.releases for source in self._shared_by(release)]

    def _shared_by(self, release: Object) -> Iterator[Object]:
        for reference in references(dict(release.content)):
            kind, name = str(reference.get("kind")), str(reference.get("name"))
            source = self.old.find(kind, str(reference.get("namespace") or release.namespace), name)
            if source and kind in SOURCES and not self._has(source.file.path):
                yield source

    def _has(self, path: str) -> bool:
        """Return whether a file or folder of the old repository is in the app's folder."""
        return path.startswith(f"{self.folder}/")

    @cached_property
    def placed(self) -> dict[Place, str]:
        """Return the namespaces that only the kustomization above the app sets, by the location of the object."""
        return {
            item.at(): item.namespace
            for kustomization in self.old.kustomizations
            for item in kustomization.objects
            if self._has(item.file.path)
            and not self._has(f"{kustomization.folder}/")
            and item.namespace
            and not (item.declared or item.is_a("Kustomization", FLUX) or item.kind in CLUSTER_SCOPED)
        }

    def refuse_what_is_taken(self) -> None:
        """Raise UserError when there is no such app, or its path or name is taken here, or its namespace is missing."""
        kustomizations = self.kustomizations
        if self.new_folder.exists():
            raise UserError(f"{self.repository.short(self.new_folder)} exists already.")
        if not self.registry.exists():
            namespace = self.new_folder.parent.name
            raise UserError(f"there is no namespace {namespace}: `task new:namespace NAME={namespace}` makes it.")
        for kustomization in kustomizations:
            if taken := self.repository.kustomizations.get(kustomization.name):
                raise UserError(
                    f"{kustomization.name} is the name of the Kustomization in {self.repository.short(taken[0])}."
                )

    # --- Its namespace's list ---

    @property
    def registry(self) -> Path:
        """Return the path of the kustomization.yaml that lists the namespace's apps."""
        return self.new_folder.parent / "kustomization.yaml"

    @property
    def registrations(self) -> list[str]:
        """Return the entries to add to that list: those of the old one, or the files with its Kustomizations."""
        listed = self.old.kustomize_file(posixpath.dirname(self.folder))
        name = self.new_folder.name
        entries = resources(listed.text) if listed else []
        registered = [entry for entry in entries if posixpath.normpath(entry).split("/")[0] == name]
        own = [kustomization.item.file.path.removeprefix(f"{self.folder}/") for kustomization in self.kustomizations]
        return registered or [f"./{name}/{path}" for path in dict.fromkeys(own)]

    # --- Its files ---

    def files(self) -> dict[str, str]:
        """Return the files that change, by their path in the app's folder."""
        changed = {}
        for path, file in self.old.files.items():
            if self._has(path) and (text := self._adopted(path, file.text)) != file.text:
                changed[path.removeprefix(f"{self.folder}/")] = text
        return changed

    def _adopted(self, path: str, text: str) -> str:
        """Return a file's new text. Files encrypted by SOPS stay: their checksum covers the readable parts, too."""
        if not path.endswith((".yaml", ".yml")) or ".sops." in path:
            return text
        try:
            nodes = yaml_edits.documents(text)
        except yaml.YAMLError:
            return text
        beginnings = [node.start_mark.line + 1 for node in nodes]
        # From the last to the first, so that the line numbers of the others stay valid.
        for number, line in reversed(list(enumerate(beginnings))):
            kustomization = next(
                (
                    kustomization
                    for kustomization in self.kustomizations
                    if kustomization.item.at() == Place(path, line)
                ),
                None,
            )
            release = next((item for item in self.releases if item.at() == Place(path, line)), None)
            if kustomization:
                text = _without_aliases_of_what_goes(text, number)
                text = yaml_edits.edited(
                    text, [*self._of_a_kustomization(kustomization, text, yaml_edits.documents(text)[number])]
                )
                text = _without_what_the_root_says(text, number)
            elif release:
                text = yaml_edits.edited(text, [*self._of_a_release(release, text, nodes[number])])
            metadata = yaml_edits.inner(yaml_edits.documents(text)[number], "metadata")
            if isinstance(metadata, yaml.MappingNode) and (namespace := self.placed.get(Place(path, line))):
                text = yaml_edits.edited(text, [*yaml_edits.with_value(text, metadata, "namespace", namespace)])
        return text

    def _of_a_kustomization(self, kustomization: Kustomization, text: str, node: yaml.MappingNode) -> Iterator[Edit]:
        """Yield the edits that move a Kustomization to flux-system while its objects stay where they are."""
        metadata, spec = yaml_edits.inner(node, "metadata"), yaml_edits.inner(node, "spec")
        if not isinstance(metadata, yaml.MappingNode) or not isinstance(spec, yaml.MappingNode):
            return
        yield from yaml_edits.with_value(text, metadata, "namespace", FLUX_NAMESPACE)
        if target := kustomization.spec.get("targetNamespace"):
            yield from yaml_edits.with_value(text, spec, "targetNamespace", str(target))
        written = self.old.as_written(kustomization.item).spec
        for key in BY_PATCHES:
            if (value := kustomization.spec.get(key)) is not None and value != written.get(key):
                yield from yaml_edits.with_value(
                    text, spec, key, str(value).lower() if isinstance(value, bool) else str(value)
                )
        yield from yaml_edits.without_key(text, spec, "deletionPolicy")
        if any("sops" in item.content for item in kustomization.objects) and not yaml_edits.inner(spec, "decryption"):
            yield from yaml_edits.with_value(text, spec, "decryption", "{provider: sops}")
        waited_for = yaml_edits.inner(spec, "dependsOn")
        for entry in waited_for.value if isinstance(waited_for, yaml.SequenceNode) else []:
            if isinstance(entry, yaml.MappingNode):
                yield from yaml_edits.without_key(text, entry, "namespace")
        path = yaml_edits.inner(spec, "path")
        new = self.repository.short(self.new_folder)
        if self.folder != new and yaml_edits.plain(path):
            yield from yaml_edits.with_value(text, spec, "path", f"./{self._new_path(kustomization.folder)}")
        source = yaml_edits.inner(spec, "sourceRef")
        if isinstance(source, yaml.MappingNode) and self.old.is_here(kustomization):
            yield from yaml_edits.with_value(text, source, "kind", "GitRepository")
            yield from yaml_edits.with_value(text, source, "name", FLUX_NAMESPACE)
            if yaml_edits.inner(source, "namespace"):
                yield from yaml_edits.with_value(text, source, "namespace", FLUX_NAMESPACE)
        elif (
            isinstance(source, yaml.MappingNode)
            and not yaml_edits.inner(source, "namespace")
            and kustomization.item.namespace
        ):
            yield from yaml_edits.with_value(text, source, "namespace", kustomization.item.namespace)

    # --- Its charts ---

    def _of_a_release(self, item: Object, text: str, node: yaml.MappingNode) -> Iterator[Edit]:
        """Yield the edits that refer to the chart's source in flux-system, unless it is among the app's files."""
        for keys in (("spec", "chartRef"), ("spec", "chart", "spec", "sourceRef")):
            reference = yaml_edits.inner(node, *keys)
            if isinstance(reference, yaml.MappingNode) and any(self._shared_by(item)):
                yield from yaml_edits.with_value(text, reference, "namespace", FLUX_NAMESPACE)

    def sources(self) -> dict[str, str]:
        """Return the chart sources to copy, by name, each the text of its file."""
        new = [source for source in self.shared_sources if source.name not in self.repository.chart_sources]
        return {source.name: _in_flux_system(source) for source in new}

    def other_charts(self) -> list[tuple[str, ChartSource]]:
        """Return the app's charts, and the sources of the same name here that have another address or version."""
        changed = []
        for before in self.shared_sources:
            if now := self.repository.chart_sources.get(before.name):
                tag = mapping(before.spec.get("ref")).get("tag", "")
                if (was := f"{before.spec.get('url')} {tag}".rstrip()) != f"{now.url} {now.version}".rstrip():
                    changed.append((was, now))
        return changed

    def secrets_elsewhere(self) -> list[str]:
        """Return the Secrets that Flux will read in flux-system: of copied chart sources, and for decryption."""
        names = [source.get("spec", "secretRef", "name") for source in self.shared_sources]
        names += [
            kustomization.item.get("spec", "decryption", "secretRef", "name") for kustomization in self.kustomizations
        ]
        return sorted({str(name) for name in names if name and name != AGE})

    def filled_from_now_on(self) -> list[str]:
        """Return the files with `${…}` that Flux did not substitute, and will here.

        The root gives variables to every app.
        """
        paths = [
            item.file.path.removeprefix(f"{self.folder}/")
            for kustomization in self.kustomizations
            if not kustomization.spec.get("postBuild")
            for item in kustomization.objects
            if not is_left_alone(self.old, item)
            and any(isinstance(value, str) and "${" in value for _, value in walk(item.content))
        ]
        return sorted(set(paths))

    def no_longer_filled(self) -> list[tuple[str, str, str]]:
        """Return the variables in its Kustomizations that those above filled in, which the root does not do here.

        Each with its file in the app's folder, and the name of the Kustomization that did.
        """
        lost = []
        for kustomization in self.kustomizations:
            parent = kustomization.parent
            filled = variables_in(self.old).of(parent).values if parent else {}
            for _, value in walk(kustomization.item.content):
                for name in variable_names(value) if isinstance(value, str) else ():
                    if parent and name in filled:
                        path = kustomization.item.file.path.removeprefix(f"{self.folder}/")
                        lost.append((path, name, parent.name))
        return list(dict.fromkeys(lost))

    def components_left_behind(self) -> dict[str, str]:
        """Return the new paths of components that are missing here, with their paths in the old repository."""
        components = []
        for path, file in self.old.files.items():
            if posixpath.basename(path) == "kustomization.yaml" and self._has(path):
                components += [(file.folder, entry) for entry in self.old.content_of(file).get("components") or []]
        for kustomization in self.kustomizations:
            components += [(kustomization.folder, entry) for entry in kustomization.spec.get("components") or []]
        old_by_new = {
            posixpath.normpath(f"{self._new_path(folder)}/{entry}"): posixpath.normpath(f"{folder}/{entry}")
            for folder, entry in components
        }
        return {new: old for new, old in old_by_new.items() if not (self.repository.root / new).exists()}

    def _new_path(self, folder: str) -> str:
        """Return the new path of a folder of the app; any other folder's path stays."""
        if not self._has(f"{folder}/"):
            return folder
        return f"{self.repository.short(self.new_folder)}{folder.removeprefix(self.folder)}"


def variable_names(text: str) -> list[str]:
    """Return the names of the variables in a text; none where Flux can't parse it."""
    try:
        return [variable.name for variable in variables(text)]
    except MalformedVariable:
        return []


def _without_aliases_of_what_goes(text: str, number: int) -> str:
    """Return a Kustomization without YAML aliases for the namespaces that are replaced or removed."""
    text = yaml_edits.spelled_out(text, number, ("metadata", "namespace"))
    waited_for = yaml_edits.inner(yaml_edits.documents(text)[number], "spec", "dependsOn")
    for entry in range(len(waited_for.value) if isinstance(waited_for, yaml.SequenceNode) else 0):
        text = yaml_edits.spelled_out(text, number, ("spec", "dependsOn", entry, "namespace"))
    return text


def _without_what_the_root_says(text: str, number: int) -> str:
    """Return a Kustomization without a substituteFrom that names only what the root's patch sets.

    That patch would replace the list.
    """
    node = yaml_edits.documents(text)[number]
    build, listed = (
        yaml_edits.inner(node, "spec", "postBuild"),
        yaml_edits.inner(node, "spec", "postBuild", "substituteFrom"),
    )
    names = {yaml_edits.plain(yaml_edits.inner(entry, "name")) for entry in listed.value} if listed else set()
    if not isinstance(build, yaml.MappingNode) or not names or names - OF_THE_ROOT:
        return text
    spec = yaml_edits.inner(node, "spec")
    assert isinstance(spec, yaml.MappingNode)
    if len(build.value) == 1:
        return yaml_edits.edited(text, [*yaml_edits.without_key(text, spec, "postBuild")])
    return yaml_edits.edited(text, [*yaml_edits.without_key(text, build, "substituteFrom")])


def _in_flux_system(source: Object) -> str:
    """Return the text of a source's document, in flux-system."""
    text = source.file.text
    nodes = yaml_edits.documents(text)
    node = next(node for node in nodes if node.start_mark.line + 1 == source.content.line)
    later = [other.start_mark.index for other in nodes if other.start_mark.index > node.start_mark.index]
    metadata = yaml_edits.inner(node, "metadata")
    assert isinstance(metadata, yaml.MappingNode)
    text = yaml_edits.edited(
        text[: later[0]].rpartition("---")[0] if later else text,
        [*yaml_edits.with_value(text, metadata, "namespace", FLUX_NAMESPACE)],
    )
    return f"---\n{text[node.start_mark.index :].rstrip()}\n"
