"""An app of another repository, changed to run in this one with the same namespace, names and objects."""

import posixpath
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import yaml

from talos_flux.apps.house_style import styled
from talos_flux.apps.shared_files import SharedFiles
from talos_flux.apps.written_down import (
    WrittenVariable,
    filled_above,
    given_above,
    same_setting,
    settings_of,
    with_values,
    with_variables,
)
from talos_flux.errors import UserError
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import CLUSTER_SCOPED, FLUX, Object, Place, walk
from talos_flux.manifests.post_build import is_left_alone
from talos_flux.paths import ROOT
from talos_flux.repository import yaml_edits
from talos_flux.repository.apps import ChartSource, Repository, mapping, references
from talos_flux.repository.kustomization_edits import resources, with_resource
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

    @cached_property
    def files(self) -> dict[str, str]:
        """Return the files that change, by their path in the app's folder."""
        changed = {}
        for path, file in self.old.files.items():
            if self._has(path) and (text := styled(path, self._adopted(path, file.text))) != file.text:
                changed[path.removeprefix(f"{self.folder}/")] = text
        return changed

    def styled_only(self) -> list[str]:
        """Return the files, by their path in the app's folder, in which nothing but the style changes."""
        texts = self.files
        return [path for path in texts if self._adopted_of(path) == self.old.files[f"{self.folder}/{path}"].text]

    def _adopted_of(self, path: str) -> str:
        return self._adopted(f"{self.folder}/{path}", self.old.files[f"{self.folder}/{path}"].text)

    def texts(self) -> dict[str, str]:
        """Return the text of every file that it brings, and of its namespace's list, by the path here."""
        new = self.repository.short(self.new_folder)
        texts = {f"{self._new_path(path)}": file.text for path, file in self.old.files.items() if self._has(path)}
        texts |= {f"{new}/{path}": text for path, text in self.files.items()}
        folder = self.repository.short(self.repository.folder_of_sources)
        texts |= {f"{folder}/{name}.yaml": text for name, text in self.sources.items()}
        texts |= self.shared_texts
        return texts | {self.repository.short(self.registry): self.registry_text()}

    def registry_text(self) -> str:
        """Return the text of its namespace's list with it."""
        text = self.registry.read_text()
        for line in self.registrations:
            text = with_resource(text, line)
        return text

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
                text = with_values(text, number, self.old, kustomization)
                text = with_variables(text, number, self._given_by_others[kustomization.key])
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

    @cached_property
    def sources(self) -> dict[str, str]:
        """Return the chart sources to copy, by name, each the text of its file."""
        new = [source for source in self.shared_sources if source.name not in self.repository.chart_sources]
        return {source.name: styled(source.file.path, _in_flux_system(source)) for source in new}

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

    def written_down(self) -> list[tuple[str, WrittenVariable]]:
        """Return the variables that its Kustomizations had from those above them, each with its ks.yaml.

        Those with a value stand in the file now; the others are in a Secret there.
        """
        found = []
        for kustomization in self.kustomizations:
            path = kustomization.item.file.path.removeprefix(f"{self.folder}/")
            variables = filled_above(self.old, kustomization) + self._given_by_others[kustomization.key]
            found += [(path, variable) for variable in variables]
        return list(dict.fromkeys(found))

    def variables_in_words(self) -> list[str]:
        """Return a sentence for each of them, which begins with the ks.yaml."""
        said = []
        for path, (name, value, giver) in self.written_down():
            own = same_setting(name, self.settings)
            like = f" Here {own} is {self.settings[own]}." if own and self.settings[own] != value else ""
            if value is not None:
                said.append(f"{path}: {giver} filled in ${{{name}}} there; its value {value} is written down.{like}")
            else:
                said.append(
                    f"{path}: {giver} filled in ${{{name}}} there from a Secret, and nothing does here: "
                    f"write its value.{like}"
                )
        return said

    @cached_property
    def settings(self) -> Mapping[str, str | None]:
        """Return what the root gives every app here."""
        return settings_of(Cluster(self.repository.root))

    @cached_property
    def _given_by_others(self) -> dict[tuple[str, str], list[WrittenVariable]]:
        return {one.key: given_above(self.old, one, self.settings) for one in self.kustomizations}

    # --- What it shares with other apps ---

    @cached_property
    def shared(self) -> dict[str, str]:
        """Return the components, and the files of several apps, that it builds on: the old path by the new one."""
        components_of = [
            (one.folder, [str(entry) for entry in one.spec.get("components") or []]) for one in self.kustomizations
        ]
        apps = posixpath.dirname(posixpath.dirname(self.folder))
        return SharedFiles(self.old, self.folder, apps, self._new_path).by_new_path(components_of)

    @cached_property
    def shared_to_copy(self) -> dict[str, str]:
        """Return those that are not here yet, and that this repository does not do in its own way."""
        missing = {new: old for new, old in self.shared.items() if not (self.repository.root / new).exists()}
        return {new: old for new, old in missing.items() if not self._is_of_every_namespace(old)}

    def left_behind(self) -> list[str]:
        """Return those that give each namespace there what is here without them: itself, settings, the key of SOPS."""
        missing = (new for new in self.shared if not (self.repository.root / new).exists())
        return [new for new in missing if self._is_of_every_namespace(self.shared[new])]

    def _is_of_every_namespace(self, old: str) -> bool:
        return any(
            item.kind == "Namespace" or item.name in {AGE, *OF_THE_ROOT}
            for path, items in self.old.by_file.items()
            if f"{path}/".startswith(f"{old}/")
            for item in items
        )

    @cached_property
    def shared_texts(self) -> dict[str, str]:
        """Return the text of each of their files, by the path here."""
        return {
            f"{new}{path.removeprefix(old)}": styled(path, file.text)
            for new, old in self.shared_to_copy.items()
            for path, file in self.old.files.items()
            if f"{path}/".startswith(f"{old}/")
        }

    def shared_and_different(self) -> list[str]:
        """Return those that are here already, and are another one there: this repository's stay."""
        return [new for new, old in self.shared.items() if self._differs(new, old)]

    def _differs(self, new: str, old: str) -> bool:
        here, there = self.repository.root / new, self.old.root / old
        if here.is_file():
            return here.read_bytes() != there.read_bytes()
        names = {path.relative_to(top) for top in (here, there) for path in top.rglob("*") if path.is_file()}
        return here.is_dir() and any(
            not (here / name).is_file()
            or not (there / name).is_file()
            or (here / name).read_bytes() != (there / name).read_bytes()
            for name in names
        )

    def _new_path(self, folder: str) -> str:
        """Return the new path of a folder of the app; any other folder's path stays."""
        if not self._has(f"{folder}/"):
            return folder
        return f"{self.repository.short(self.new_folder)}{folder.removeprefix(self.folder)}"


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
