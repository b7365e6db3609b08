"""What is in a chart: what it says of itself, its default values with those of its parts, its schemas."""

import gzip
import io
import json
import re
import tarfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jsonschema_specifications import REGISTRY
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from lib.apps import Loader
from lib.chart_updates import NotHad
from lib.checks.charts import mapping, sequence
from lib.validation.charts import coalesced

# Helm's own limit for all files of a chart.
LARGEST = 100 * 1024 * 1024
WORD = re.compile(r"[A-Za-z_][\w-]*")
READ = (".yaml", ".yml", ".tpl", ".txt", ".json", ".tgz")

Files = Mapping[str, bytes]


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart. `origin` is the archive, or the folder, for helm; `files` are by their path in the chart."""

    about: Mapping[str, Any]
    values: dict[str, Any]
    schemas: tuple[tuple[tuple[str, ...], dict[str, Any]], ...]
    files: Files = field(repr=False)
    origin: bytes | Path = field(repr=False)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.about.get("name", ""))

    @property
    def version(self) -> str:
        """Its version as it says it itself."""
        return str(self.about.get("version", ""))

    @property
    def app_version(self) -> str:
        """The version of what it installs; empty where it says none."""
        return str(self.about.get("appVersion") or "")

    @property
    def limit(self) -> str:
        """The versions of Kubernetes that it takes; empty for all."""
        return str(self.about.get("kubeVersion") or "")

    @property
    def is_judged_in_part(self) -> bool:
        """Whether its schemas want something that is not in the chart."""
        return self.own_schemas != self.schemas

    @property
    def values_text(self) -> str:
        """Its values.yaml."""
        return _text(self.files, "values.yaml")

    @cached_property
    def named_schemas(self) -> dict[str, dict[str, Any]]:
        """The schemas in it, and in its parts, by the address that they say is theirs: others refer to that."""
        said = (_json(content) for path, content in self.files.items() if path.endswith(".schema.json"))
        found = {_address(one["$id"]): one for one in said if one.get("$id")}
        return {address: _without_strangers(one, found.keys()) for address, one in found.items()}

    @cached_property
    def own_schemas(self) -> tuple[tuple[tuple[str, ...], dict[str, Any]], ...]:
        """Its schemas with the keys that they are for. What they want from somewhere else is left out."""
        return tuple((keys, _without_strangers(one, self.named_schemas.keys())) for keys, one in self.schemas)

    @cached_property
    def registry(self) -> Registry[Any]:
        """What schemas can refer to without a network."""
        resources = {name: Resource.from_contents(one, DRAFT7) for name, one in self.named_schemas.items()}
        return REGISTRY.with_resources(resources.items())

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word in its templates, values and schemas, and in those of its parts: a key that is none is unread."""
        return frozenset(_words(self.files))


def from_archive(content: bytes) -> Chart:
    """A packaged chart; NotHad when it is none."""
    return _chart(unpacked(content), content)


def from_folder(folder: Path) -> Chart:
    """A chart in a folder; NotHad when it is none."""
    try:
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name.endswith(READ)]
        return _chart({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}, folder)
    except OSError as error:
        raise NotHad(f"{folder} can't be read: {error.strerror}") from None


def unpacked(content: bytes) -> dict[str, bytes]:
    """The files of an archive without the folder that all are in; NotHad."""
    found: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                path = member.name.removeprefix("./").partition("/")[2]
                size += member.size
                if size > LARGEST:
                    raise NotHad(f"the chart has more than {LARGEST // 1024 // 1024} MB")
                if member.isfile() and path.endswith(READ) and (file := archive.extractfile(member)):
                    found[path] = file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error, gzip.BadGzipFile):
        raise NotHad("what it sends is no packaged chart") from None
    return found


def said_by(path: Path) -> tuple[str, str] | None:
    """Name and version of a chart, packaged or a folder, from as little of it as possible; None when it is none."""
    try:
        if path.is_dir():
            return _name_and_version((path / "Chart.yaml").read_bytes())
        with tarfile.open(path, mode="r:gz") as archive:
            for member in archive:
                if member.name.count("/") == 1 and member.name.endswith("/Chart.yaml"):
                    file = archive.extractfile(member)
                    return _name_and_version(file.read() if file else b"")
    except (tarfile.TarError, EOFError, OSError, zlib.error, NotHad):
        pass
    return None


def _name_and_version(content: bytes) -> tuple[str, str]:
    said = _mapping(content)
    return str(said.get("name", "")), str(said.get("version", ""))


def _chart(files: Files, origin: bytes | Path) -> Chart:
    if "Chart.yaml" not in files:
        raise NotHad("what it sends is no chart: it has no Chart.yaml")
    about = _mapping(files["Chart.yaml"])
    values = _mapping(files.get("values.yaml", b""))
    schemas: list[tuple[tuple[str, ...], dict[str, Any]]] = []
    if "values.schema.json" in files:
        schemas.append(((), _json(files["values.schema.json"])))
    for key, part in _parts(about, files):
        values[key] = coalesced(part.values, mapping(values.get(key)))
        schemas += [((key, *keys), schema) for keys, schema in part.schemas]
    return Chart(about, values, tuple(schemas), files, origin)


def _parts(about: Mapping[str, Any], files: Files) -> Iterator[tuple[str, Chart]]:
    """The charts inside a chart, under the keys of its values that are theirs. A library has no values of its own."""
    inside: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        folder, _, rest = path.removeprefix("charts/").partition("/")
        if path.startswith("charts/") and rest:
            inside.setdefault(folder, {})[rest] = content
        elif path.startswith("charts/") and folder.endswith(".tgz"):
            inside[folder] = unpacked(content)
    parts = [_chart(found, b"") for found in inside.values() if "Chart.yaml" in found]
    listed = [mapping(entry) for entry in sequence(about.get("dependencies"))]
    for part in parts:
        if part.about.get("type") == "library":
            continue
        keys = {str(one.get("alias") or one.get("name")) for one in listed if one.get("name") == part.name}
        for key in sorted(keys or {part.name}):
            yield key, part


def _words(files: Files) -> Iterator[str]:
    for path, content in files.items():
        if path.endswith(".tgz"):
            yield from _words(unpacked(content))
        elif not re.search(r"(^|/)crds/", path):
            yield from WORD.findall(content.decode(errors="replace"))


def _mapping(content: bytes) -> dict[str, Any]:
    try:
        said = yaml.load(content.decode(), Loader) or {}  # noqa: S506, a safe loader
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        raise NotHad("the chart holds YAML that can't be read") from None
    return dict(mapping(said))


def _json(content: bytes) -> dict[str, Any]:
    """What a schema says; nothing where it is none."""
    try:
        said = json.loads(content)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _address(url: object) -> str:
    return str(url).partition("#")[0]


def _without_strangers(schema: Any, known: Collection[str]) -> Any:
    """A schema that takes anything where it refers to an address that is not in the chart."""
    if isinstance(schema, list):
        return [_without_strangers(one, known) for one in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and "://" in reference and _address(reference) not in known:
        return {}
    return {key: _without_strangers(one, known) for key, one in schema.items()}


def _text(files: Files, path: str) -> str:
    return files.get(path, b"").decode(errors="replace")
