"""What a Kustomization substitutes after the build, as its postBuild defines it."""

import posixpath
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from talos_flux import envsubst
from talos_flux.manifests.admission import changers
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import SUBSTITUTE, Object, walk
from talos_flux.manifests.releases import mapping, sequence
from talos_flux.repository.files import List, Map, RepositoryFile

KEPT_AS_IT_IS = {"CustomResourceDefinition"}


class SubstituteFrom(NamedTuple):
    """An entry of substituteFrom."""

    number: int
    kind: str
    name: str
    is_optional: bool


class VariableSet(NamedTuple):
    """What a Kustomization substitutes.

    A value of None is not in the repository. Unless `are_all`, there can be more variables than these.
    """

    values: Mapping[str, str | None]
    are_all: bool


class Variables:
    """The variables of every Kustomization of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.known: dict[tuple[str, ...], VariableSet] = {}

    def of(self, kustomization: Kustomization) -> VariableSet:
        """Return what a Kustomization substitutes: its own variables, before those of ConfigMaps and Secrets."""
        key = self.cluster.home_of(kustomization), *kustomization.key
        if key not in self.known:
            values: dict[str, str | None] = {}
            are_all = True
            for source in sources_of(kustomization):
                item = self.cluster.find(source.kind, kustomization.item.namespace, source.name, kustomization)
                data = data_of(self.cluster, item) if item else self._fetched(source, kustomization)
                are_all = are_all and data is not None
                values |= data or {}
            are_all = are_all and not changers(self.cluster)
            values |= {str(name): _in_one_line(value) for name, value in substituted_by(kustomization).items()}
            self.known[key] = VariableSet(values, are_all)
        return self.known[key]

    def _fetched(self, source: "SubstituteFrom", kustomization: Kustomization) -> dict[str, str | None] | None:
        """Return the keys of a Secret that an ExternalSecret makes; None where it does not tell them all."""
        for item in self._external_secrets.get(kustomization.item.namespace, []) if source.kind == "Secret" else ():
            target = mapping(item.spec.get("target"))
            if str(target.get("name") or item.name) == source.name:
                template = mapping(target.get("template"))
                is_whole = "templateFrom" not in template and template.get("mergePolicy") != "Merge"
                if is_whole and template.get("data"):
                    return dict.fromkeys(map(str, mapping(template["data"])))
                listed = [mapping(entry).get("secretKey") for entry in sequence(item.spec.get("data"))]
                return None if item.spec.get("dataFrom") or not listed else dict.fromkeys(map(str, listed))
        return None

    @cached_property
    def _external_secrets(self) -> dict[str, list[Object]]:
        by_namespace: dict[str, list[Object]] = {}
        for item in self.cluster.applied:
            if item.kind == "ExternalSecret":
                by_namespace.setdefault(item.namespace, []).append(item)
        return by_namespace

    def resolve(self, text: Any, kustomization: Kustomization, item: Object) -> str:
        """Return a text of an object with its variables replaced; those without a known value stay."""
        text = str(text)
        if "$" not in text or is_left_alone(self.cluster, item):
            return text
        values, are_all = self.of(kustomization)
        return envsubst.substitute(text, values, are_all=are_all)


@lru_cache(maxsize=4)
def variables_in(cluster: Cluster) -> Variables:
    """Return the variables of a cluster; computed once."""
    return Variables(cluster)


def is_left_alone(cluster: Cluster, item: Object) -> bool:
    """Return whether substitution is disabled for an object."""
    metadata: list[Any] = [item.labels, item.annotations]
    content: Any = cluster.content_of(listing) if (listing := cluster.kustomize_file(item.file.folder)) else {}
    metadata.append(content.get("commonAnnotations"))
    entry = item.content.get("generatedBy")
    if isinstance(entry, Map):
        for options in (content.get("generatorOptions"), entry.get("options")):
            metadata += [options.get("annotations"), options.get("labels")] if isinstance(options, Map) else []
    return any(isinstance(given, dict) and given.get(SUBSTITUTE) == "disabled" for given in metadata)


class Text(NamedTuple):
    """A text of an object with `${` in it: a value, or the last of its keys."""

    item: Object
    keys: tuple[str | int, ...]
    text: str
    is_key: bool


@lru_cache(maxsize=4)
def texts_by_kustomization(cluster: Cluster) -> dict[Kustomization, list[Text]]:
    """Return the texts that each Kustomization may fill in; read once for all rules.

    Values that a HelmRelease takes from a ConfigMap are filled in where that ConfigMap is applied.
    """
    return {
        kustomization: [
            text
            for item in kustomization.objects
            if "generatedBy" not in item.content and is_filled_in(cluster, item)
            for text in _texts_of(item)
        ]
        for kustomization in cluster.kustomizations
    }


def is_filled_in(cluster: Cluster, item: Object) -> bool:
    """Return whether variables of an object are replaced."""
    return item.kind not in KEPT_AS_IT_IS and not is_left_alone(cluster, item)


def _texts_of(item: Object) -> Iterator[Text]:
    for keys, value in walk(item.content):
        if keys and isinstance(keys[-1], str) and "${" in keys[-1] and item.is_own(*keys):
            yield Text(item, keys, keys[-1], is_key=True)
        if isinstance(value, str) and "${" in value and item.is_own(*keys):
            yield Text(item, keys, value, is_key=False)


# --- Where variables come from ---


def sources_of(kustomization: Kustomization) -> Iterator[SubstituteFrom]:
    """Yield the ConfigMaps and Secrets that a Kustomization takes variables from."""
    for number, entry in enumerate(entries(kustomization.item.get("spec", "postBuild", "substituteFrom"))):
        if isinstance(entry, dict):
            yield SubstituteFrom(number, str(entry.get("kind")), str(entry.get("name")), entry.get("optional") is True)


def substituted_by(kustomization: Kustomization) -> dict[str, Any]:
    """Return a Kustomization's own variables, with those that a patch above adds."""
    substitute = kustomization.item.get("spec", "postBuild", "substitute")
    return substitute if isinstance(substitute, dict) else {}


def data_of(cluster: Cluster, item: Object) -> dict[str, str | None] | None:
    """Return the keys of a ConfigMap or Secret, with the values of a ConfigMap; None where no file tells them."""
    entry = item.content.get("generatedBy")
    data = _generated_data(cluster, item, entry) if isinstance(entry, Map) else _written_data(item)
    return data if data is None or item.kind == "ConfigMap" else dict.fromkeys(data)


def _written_data(item: Object) -> dict[str, str | None]:
    parts = [item.content.get(name) for name in ("data", "stringData")]
    return {str(key): _in_one_line(value) for part in parts if isinstance(part, dict) for key, value in part.items()}


def _generated_data(cluster: Cluster, item: Object, entry: Map) -> dict[str, str | None] | None:
    data: dict[str, str | None] = {}
    for literal in entries(entry.get("literals")):
        key, _, value = str(literal).partition("=")
        data[key] = _in_one_line(_unquoted(value))
    for name in entries(entry.get("files")):
        key, _, path = str(name).rpartition("=")
        file = _beside(cluster, item, path)
        data[key or posixpath.basename(path)] = _in_one_line(file.text) if file else None
    listed = [*entries(entry.get("envs")), *([entry["env"]] if entry.get("env") else [])]
    for name in listed:
        file = _beside(cluster, item, str(name))
        if file is None:
            return None
        for line in map(str.strip, file.lines):
            if line and not line.startswith("#"):
                key, _, value = line.partition("=")
                data[key] = value
    return data


def _beside(cluster: Cluster, item: Object, path: str) -> RepositoryFile | None:
    """Return a file that a generator names; None where there is none, or SOPS has encrypted it."""
    file = cluster.files.get(posixpath.normpath(f"{item.file.folder}/{path}"))
    return file if file and ".sops." not in file.name else None


def files_read_by(cluster: Cluster, item: Object, entry: Map) -> Iterator[RepositoryFile]:
    """Yield the files that an entry of a generator names, without those of SOPS, which are decrypted first."""
    for key in ("files", "envs"):
        for name in entries(entry.get(key)):
            if file := _beside(cluster, item, str(name).rpartition("=")[2]):
                yield file


def entries(value: Any) -> List:
    """Return a list; an empty one in the place of anything else."""
    if isinstance(value, List):
        return value
    empty = List()
    empty.line, empty.lines = 1, []
    return empty


def _in_one_line(value: Any) -> str:
    """Return a value as Flux takes it, which removes line breaks."""
    return str(value).replace("\n", "")


def _unquoted(value: str) -> str:
    """Return a literal of a generator without the quotes that Kustomize removes."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
