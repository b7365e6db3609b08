"""Rules about what bootstrap installs before Flux: the files that a helmfile names."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place, walk
from talos_flux.manifests.releases import mapping
from talos_flux.repository.files import List, Map, RepositoryFile, Unreadable

# Keys of a helmfile whose lists name files; other entries are values themselves. helmfile's docs/index.md.
LISTS = ("bases", "helmfiles", "secrets", "values", "valuesTemplate")
HELMFILE = re.compile(r"^(?:releases|helmfiles):", re.MULTILINE)
KEY = re.compile(r"^\s*(?:- )?(\w+):\s*(.*)$")
ENTRY = re.compile(r"^\s*- [\"']?([^\s\"':]+)[\"']?\s*$")
ENDS = (".gotmpl", ".json", ".yaml", ".yml")


@rule(
    "bootstrap-file-missing",
    Severity.WARNING,
    "A helmfile that names a file which is not there installs nothing.",
    "Correct the path, which starts at the helmfile's own folder, or add the file.",
)
def bootstrap_file_missing(cluster: Cluster) -> Violations:
    """Find files that a helmfile names and nobody has; paths with templates or patterns are not judged."""
    for file in cluster.files.values():
        for line, name in _names_in(file):
            path = posixpath.normpath(posixpath.join(file.folder, name))
            if path.startswith("..") or path in cluster.files or path in cluster.folders:
                continue
            meant = _ends_like(path, cluster)
            hint = f": did you mean {posixpath.relpath(meant, file.folder or '.')}?" if meant else ""
            yield Place(file.path, line), f"{name} is not there{hint}"


def _names_in(file: RepositoryFile) -> Iterator[tuple[int, str]]:
    """Yield the files that a helmfile names, with their lines."""
    is_one = file.name.endswith((".yaml", ".yml", ".gotmpl")) and ("helmfile" in file.path or "bootstrap" in file.path)
    is_old = any("archive" in part for part in file.path.split("/"))
    if not is_one or is_old or not HELMFILE.search(file.text):
        return
    try:
        documents = list(file.documents) if file.is_yaml else None
    except Unreadable:
        documents = None
    if documents is None:
        yield from _scanned(file)
        return
    for content in documents:
        if isinstance(content, Map) and "kind" not in content:
            yield from ((_line(content, keys), name) for keys, name in _names(content) if _is_path(name))


def _scanned(file: RepositoryFile) -> Iterator[tuple[int, str]]:
    """Yield the files that the lines of a helmfile name which is a template, and no YAML before it is filled in."""
    key = ""
    for number, line in enumerate(file.lines, 1):
        if match := KEY.match(line):
            key = match[1]
            named = re.findall(r"[^\[\],\s\"']+", match[2]) if match[2].startswith("[") else []
        else:
            entry = ENTRY.match(line)
            named = [entry[1]] if entry else []
        if key in LISTS and "missingFileHandler" not in file.text:
            yield from ((number, name) for name in named if _is_path(name))


def _is_path(name: str) -> bool:
    return name.endswith(ENDS) and not any(sign in name for sign in ("{{", "*", "://", "?", "@"))


def _ends_like(path: str, cluster: Cluster) -> str:
    """Return the one file whose path ends as another one does, with two folders at least; empty where none does."""
    parts = path.split("/")
    for number in range(len(parts) - 1, 2, -1):
        end = "/".join(parts[-number:])
        if found := [other for other in cluster.files if f"/{other}".endswith(f"/{end}")]:
            return found[0] if len(found) == 1 else ""
    return ""


def _names(content: Map) -> Iterator[tuple[tuple[str | int, ...], str]]:
    lenient = _is_lenient(content)
    for keys, value in walk(content):
        if len(keys) < 2 or keys[-2] not in LISTS or not isinstance(keys[-1], int):
            continue
        # Under the values themselves a list may be called so, too.
        if "values" in keys[:-2] or "set" in keys or (keys[0] == "releases" and len(keys) != 4):
            continue
        name = value.get("path") if isinstance(value, Map) and keys[-2] == "helmfiles" else value
        release = mapping(content[keys[0]][keys[1]]) if keys[0] == "releases" else {}
        if lenient or _is_lenient(release) or not isinstance(name, str):
            continue
        yield keys, name


def _is_lenient(content: Any) -> bool:
    """Return whether missing files are passed over."""
    return str(content.get("missingFileHandler") or "Error") != "Error"


def _line(content: Map, keys: tuple[str | int, ...]) -> int:
    value: Any = content
    line = content.line
    for key in keys:
        if not isinstance(value, (Map, List)):
            break
        line = value.lines[key]  # type: ignore[index]
        value = value[key]  # type: ignore[index]
    return line
