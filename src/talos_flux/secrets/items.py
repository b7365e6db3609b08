"""The items of a store, as the objects of an app name them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from talos_flux.errors import UserError
from talos_flux.repository.settings import short


def read_by(wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield the items that a OnePasswordItem or an ExternalSecret reads, by title."""
    spec = wanted["spec"]
    if wanted["kind"] == "OnePasswordItem":
        yield str(spec["itemPath"]).rpartition("/items/")[2]
    if wanted["kind"] == "ExternalSecret":
        yield from (str(entry["remoteRef"]["key"]) for entry in spec.get("data") or [] if "remoteRef" in entry)
        yield from (str(entry["extract"]["key"]) for entry in spec.get("dataFrom") or [] if "extract" in entry)


def of_the_secret(folder: Path, name: str) -> str:
    """Return the item that a Secret is made of, by the object in an app's folder; UserError when there is none."""
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document and document.get("kind") in ("OnePasswordItem", "ExternalSecret"):
                target = document["spec"].get("target") or {}
                if target.get("name", document["metadata"]["name"]) == name and (item := next(read_by(document), "")):
                    return item
    raise UserError(
        f"no OnePasswordItem or ExternalSecret {name} is in {short(folder)}: add one, it names the item of the store."
    )
