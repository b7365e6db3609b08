"""The content of a chart: its metadata, its default values with those of its subcharts, its schemas."""

import gzip
import hashlib
import io
import json
import posixpath
import re
import tarfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import yaml
from jsonschema_specifications import REGISTRY
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from talos_flux.charts import ChartUnavailable
from talos_flux.charts.value_schemas import coalesced
from talos_flux.manifests.releases import mapping, sequence
from talos_flux.repository.apps import Loader

# Helm's own limit for all files of a chart.
LARGEST = 100 * 1024 * 1024
WORD = re.compile(r"[A-Za-z_][\w-]*")
READ = (".yaml", ".yml", ".tpl", ".txt", ".json", ".tgz")
# Helm executes whatever is in this folder, and what it has no suffix for can be executed by that.
EXECUTED = re.compile(r"(^|/)templates/|(^|/)files/|(^|/)configs?/")

Files = Mapping[str, bytes]


@dataclass(frozen=True, eq=False)
class ChartPart:
    """A chart without its subcharts: its files, those with the keys of their values, and what Chart.yaml says of them.

    `conditions` are the keys that switch subcharts on, `missing` the keys of subcharts that are not in the package.
    """

    files: Files
    is_library: bool
    subcharts: tuple[tuple[str, "ChartPart"], ...]
    conditions: tuple[tuple[str, ...], ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart. `origin` is the archive or the folder, to pass to helm; `files` are by their path in the chart."""

    about: Mapping[str, Any]
    values: dict[str, Any]
    schemas: tuple[tuple[tuple[str, ...], dict[str, Any]], ...]
    files: Files = field(repr=False)
    origin: bytes | Path = field(repr=False)

    @property
    def name(self) -> str:
        """Return its name."""
        return str(self.about.get("name", ""))

    @property
    def version(self) -> str:
        """Return its version, as Chart.yaml has it."""
        return str(self.about.get("version", ""))

    @property
    def app_version(self) -> str:
        """Return its appVersion; empty when it has none."""
        return str(self.about.get("appVersion") or "")

    @property
    def limit(self) -> str:
        """Return its kubeVersion constraint; empty when it has none."""
        return str(self.about.get("kubeVersion") or "")

    @property
    def has_external_schemas(self) -> bool:
        """Return whether its schemas refer to schemas that are not in the chart."""
        return self.own_schemas != self.schemas

    @property
    def values_text(self) -> str:
        """Return the text of its values.yaml."""
        return _text(self.files, "values.yaml")

    @cached_property
    def named_schemas(self) -> dict[str, dict[str, Any]]:
        """Return the schemas in the chart and its subcharts by their $id, which other schemas refer to."""
        of_json = {path: _json(content) for path, content in self.files.items() if path.endswith(".json")}
        named = {path: schema for path, schema in of_json.items() if path.endswith(".schema.json") and "$id" in schema}
        by_address = {_address(schema["$id"]): schema for schema in named.values()}
        for path, schema in named.items():
            # Schemas refer to others beside them by relative paths, which are resolved against their $id.
            folder = path.rpartition("/")[0]
            beside = {other: one for other, one in of_json.items() if other.startswith(f"{folder}/".lstrip("/"))}
            for other, one in beside.items():
                by_address.setdefault(urljoin(_address(schema["$id"]), posixpath.relpath(other, folder or ".")), one)
        return {
            address: _without_external_references(schema, by_address.keys()) for address, schema in by_address.items()
        }

    @cached_property
    def own_schemas(self) -> tuple[tuple[tuple[str, ...], dict[str, Any]], ...]:
        """Return its schemas with the keys that they apply to, without references to schemas outside of the chart."""
        return tuple(
            (keys, _without_external_references(schema, self.named_schemas.keys())) for keys, schema in self.schemas
        )

    @cached_property
    def registry(self) -> Registry[Any]:
        """Return the schemas that can be referred to without network access."""
        resources = {name: Resource.from_contents(schema, DRAFT7) for name, schema in self.named_schemas.items()}
        return REGISTRY.with_resources(resources.items())

    @cached_property
    def part(self) -> ChartPart:
        """Return its own files, and those of its subcharts apart."""
        return _part(self.about, self.files)

    @cached_property
    def digest(self) -> str:
        """Return a hash of all its files."""
        parts = (
            hashlib.sha256(name.encode() + b"\0" + content).digest() for name, content in sorted(self.files.items())
        )
        return hashlib.sha256(b"".join(parts)).hexdigest()

    @cached_property
    def words(self) -> frozenset[str]:
        """Return every word in the templates, values and schemas of the chart and its subcharts.

        A key that is not among them is not read.
        """
        return frozenset(_words(self.files))


def from_archive(content: bytes) -> Chart:
    """Return a packaged chart; ChartUnavailable when it is not one."""
    return _chart(unpacked(content), content)


def from_folder(folder: Path) -> Chart:
    """Return the chart in a folder; ChartUnavailable when there is none."""
    try:
        paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        return _chart({name: path.read_bytes() for name, path in paths.items() if _is_read(name)}, folder)
    except OSError as error:
        raise ChartUnavailable(f"{folder} can't be read: {error.strerror}") from None


def unpacked(content: bytes) -> dict[str, bytes]:
    """Return the files of an archive, without their top folder; ChartUnavailable when it is none, or too large."""
    files: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                path = member.name.removeprefix("./").partition("/")[2]
                size += member.size
                if size > LARGEST:
                    raise ChartUnavailable(f"the chart has more than {LARGEST // 1024 // 1024} MB")
                if member.isfile() and _is_read(path) and (file := archive.extractfile(member)):
                    files[path] = file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error, gzip.BadGzipFile):
        raise ChartUnavailable("what it sends is no packaged chart") from None
    return files


def _is_read(path: str) -> bool:
    return path.endswith(READ) or EXECUTED.search(path) is not None


def name_and_version(path: Path) -> tuple[str, str] | None:
    """Return name and version of a chart, packaged or a folder, reading as little as possible; None when it is none."""
    try:
        if path.is_dir():
            return _name_and_version((path / "Chart.yaml").read_bytes())
        with tarfile.open(path, mode="r:gz") as archive:
            for member in archive:
                if member.name.count("/") == 1 and member.name.endswith("/Chart.yaml"):
                    file = archive.extractfile(member)
                    return _name_and_version(file.read() if file else b"")
    except (tarfile.TarError, EOFError, OSError, zlib.error, ChartUnavailable):
        pass
    return None


def _name_and_version(content: bytes) -> tuple[str, str]:
    metadata = _mapping(content)
    return str(metadata.get("name", "")), str(metadata.get("version", ""))


def _chart(files: Files, origin: bytes | Path) -> Chart:
    if "Chart.yaml" not in files:
        raise ChartUnavailable("what it sends is no chart: it has no Chart.yaml")
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
    """Yield the subcharts, with the keys of their values. A library chart has no values of its own."""
    parts = [_chart(part_files, b"") for part_files in _files_of_parts(files)]
    for part in parts:
        if part.about.get("type") == "library":
            continue
        for key in _keys_of(part.name, about):
            yield key, part


def _files_of_parts(files: Files) -> Iterator[Files]:
    inside: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        folder, _, rest = path.removeprefix("charts/").partition("/")
        if path.startswith("charts/") and rest:
            inside.setdefault(folder, {})[rest] = content
        elif path.startswith("charts/") and folder.endswith(".tgz"):
            inside[folder] = unpacked(content)
    yield from (part_files for part_files in inside.values() if "Chart.yaml" in part_files)


def _keys_of(name: str, about: Mapping[str, Any]) -> list[str]:
    """Return the keys that hold the values of a subchart: its aliases, or its name."""
    listed = [mapping(entry) for entry in sequence(about.get("dependencies"))]
    return sorted({str(entry.get("alias") or name) for entry in listed if entry.get("name") == name} or {name})


def _part(about: Mapping[str, Any], files: Files) -> ChartPart:
    subcharts: list[tuple[str, ChartPart]] = []
    here = set()
    for part_files in _files_of_parts(files):
        about_part = _mapping(part_files["Chart.yaml"])
        name = str(about_part.get("name"))
        here.add(name)
        subcharts += [(key, _part(about_part, part_files)) for key in _keys_of(name, about)]
    listed = [mapping(entry) for entry in sequence(about.get("dependencies"))]
    conditions = [
        tuple(path.strip().split(".")) for entry in listed for path in str(entry.get("condition") or "").split(",")
    ]
    tags = [("tags", str(tag)) for entry in listed for tag in sequence(entry.get("tags"))]
    return ChartPart(
        {path: content for path, content in files.items() if not path.startswith("charts/")},
        about.get("type") == "library",
        tuple(subcharts),
        tuple(path for path in [*conditions, *tags] if path != ("",)),
        tuple(str(entry.get("alias") or entry.get("name")) for entry in listed if entry.get("name") not in here),
    )


def _words(files: Files) -> Iterator[str]:
    for path, content in files.items():
        if path.endswith(".tgz"):
            yield from _words(unpacked(content))
        elif not re.search(r"(^|/)crds/", path):
            yield from WORD.findall(content.decode(errors="replace"))


def _mapping(content: bytes) -> dict[str, Any]:
    try:
        parsed = yaml.load(content.decode(), Loader) or {}  # noqa: S506, a safe loader
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        raise ChartUnavailable("the chart holds YAML that can't be read") from None
    return dict(mapping(parsed))


def _json(content: bytes) -> dict[str, Any]:
    """Return a JSON object; empty when the content is something else."""
    try:
        parsed = json.loads(content)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _address(url: object) -> str:
    return str(url).partition("#")[0]


def _without_external_references(schema: Any, known: Collection[str]) -> Any:
    """Return a schema that accepts anything where it refers to an address outside of the chart."""
    if isinstance(schema, list):
        return [_without_external_references(inner, known) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and "://" in reference and _address(reference) not in known:
        return {}
    return {key: _without_external_references(inner, known) for key, inner in schema.items()}


def _text(files: Files, path: str) -> str:
    return files.get(path, b"").decode(errors="replace")
