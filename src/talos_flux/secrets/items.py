"""The items of a store, as the objects of an app name them."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from talos_flux.errors import UserError
from talos_flux.repository.settings import short
from talos_flux.secrets.declared import Secret, app_folder


def read_by(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the items that a OnePasswordItem or an ExternalSecret reads, by title."""
    spec = manifest["spec"]
    if manifest["kind"] == "OnePasswordItem":
        yield str(spec["itemPath"]).rpartition("/items/")[2]
    if manifest["kind"] == "ExternalSecret":
        yield from (str(entry["remoteRef"]["key"]) for entry in spec.get("data") or [] if "remoteRef" in entry)
        yield from (str(entry["extract"]["key"]) for entry in spec.get("dataFrom") or [] if "extract" in entry)


def secret_of_an_app(namespace: str, app: str, name: str) -> Secret:
    """Return the Secret that an object in an app's folder makes of an item; UserError when there is none."""
    folder = app_folder(namespace, app)
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document and document.get("kind") in ("OnePasswordItem", "ExternalSecret"):
                target = document["spec"].get("target") or {}
                if target.get("name", document["metadata"]["name"]) == name and (item := next(read_by(document), "")):
                    return Secret(name, (), namespace, app=app, item=item)
    raise UserError(
        f"no OnePasswordItem or ExternalSecret {name} is in {short(folder)}: add one, it names the item of the store."
    )
