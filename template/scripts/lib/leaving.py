"""Secrets of components that an update switches off: what tasks wrote for them goes with what the template wrote."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

import yaml

from lib.apps import Loader
from lib.kustomization import with_resource
from lib.process import ROOT
from lib.refusal import Refusal
from lib.render import File
from lib.secrets import SECRETS, Secret

Files = Mapping[str, File]
INVENTORY = SECRETS.relative_to(ROOT).as_posix()


def leaving(before: Files, after: Files) -> frozenset[str]:
    """The paths where SOPS keeps Secrets that the template's old version lists and its new one does not."""
    return _kept(before) - _kept(after)


def as_if_the_templates(before: Files, yours: Files, paths: Iterable[str]) -> Files:
    """`before` with those files and the lines that list them, so that a merge takes them for the template's."""
    found = dict(before)
    for path in paths:
        if path not in yours:
            continue
        found[path] = yours[path]
        listing = str(PurePosixPath(path).with_name("kustomization.yaml"))
        if listing in found:
            found[listing] = _listing(found[listing], PurePosixPath(path).name)
    return found


def _kept(files: Files) -> frozenset[str]:
    inventory = files.get(INVENTORY)
    entries = yaml.load(inventory.content, Loader)["secrets"] if inventory else []  # noqa: S506, a safe loader
    return frozenset(Secret.read(entry).file.relative_to(ROOT).as_posix() for entry in entries)


def _listing(file: File, name: str) -> File:
    """A kustomization.yaml as `task init` leaves it; as it is, when that can't be told."""
    try:
        return replace(file, content=with_resource(file.content.decode(), f"./{name}").encode())
    except Refusal:
        return file
