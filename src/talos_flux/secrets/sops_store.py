"""The values of Secrets in this repository, encrypted by SOPS."""

import base64
from pathlib import Path
from typing import Any

import yaml

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.process import succeeds, write_public
from talos_flux.repository.kustomization_edits import with_decryption, with_resource
from talos_flux.repository.settings import look_up, short
from talos_flux.secrets import sops
from talos_flux.secrets.declared import SECRETS, Secret, SecretKey, app_folder, manifest


class SopsStore:
    """Files that SOPS encrypts; Flux decrypts them in the cluster."""

    def refuse_unless_usable(self) -> None:
        """Raise UserError when nothing could be read or written."""
        sops.refuse_unless_usable()

    def values(self, secret: Secret) -> dict[str, str]:
        """Return the values that are there, by key."""
        if not secret.file.exists():
            return {}
        manifest = yaml.safe_load(sops.decrypt(secret.file))
        return {**manifest.get("stringData", {}), **_decoded(manifest.get("data", {}))}

    def set(self, secret: Secret, values: dict[str, str]) -> list[str]:
        """Set values and return the files that changed."""
        changed = [short(secret.file)]
        if secret.file.exists():
            for key, value in values.items():
                sops.set_value(secret.file, ["stringData", key], value)
        else:
            sops.encrypt_to(secret.file, _as_yaml(manifest(secret, values, with_namespace=not secret.app)))
        if secret.app:
            listing, ks = secret.file.with_name("kustomization.yaml"), secret.file.parents[1] / "ks.yaml"
            edits = {listing: with_resource(listing.read_text(), f"./{secret.file.name}")}
            if ks.exists():
                edits[ks] = with_decryption(ks.read_text())
            for path, text in edits.items():
                if text != path.read_text():
                    write_public(path, text)
                    changed.append(short(path))
        return changed

    def value(self, secret: Secret, key: SecretKey) -> str:
        """Return a value that must be there; UserError when it is not."""
        values = self.values(secret)
        if key.name not in values:
            raise UserError(
                f"Secret {secret} has no value for {key.name}: `task secret:set SECRET={secret.name} KEY={key.name}`."
            )
        return values[key.name]

    @property
    def _bundle(self) -> Path:
        return ROOT / look_up(SECRETS, "talos", "file")

    def talos_secrets(self) -> str | None:
        """Return the secrets bundle of Talos, or None when there is none yet."""
        return sops.decrypt(self._bundle) if self._bundle.exists() else None

    def create_talos_secrets(self, bundle: str) -> str:
        """Keep a new secrets bundle and return its file; UserError when one is pushed that this checkout lacks."""
        if succeeds("git", "cat-file", "-e", f"FETCH_HEAD:{short(self._bundle)}"):
            raise UserError(f"{short(self._bundle)} is on origin, and not in this checkout: `git pull`.")
        sops.encrypt_to(self._bundle, bundle)
        return short(self._bundle)

    def place_of_new_secret(self, namespace: str, app: str, name: str) -> Secret:
        """Return a Secret that bootstrap/secrets.yaml does not declare, of an app that somebody added."""
        app_folder(namespace, app)
        return Secret(name, (), namespace, app=app)

    def way_in(self) -> str:
        """Return what a person keeps a copy of so that the values can be read again."""
        return "nothing more for the other keys: they are in this repository, encrypted for age.key"

    def in_words(self, item: str) -> str:
        """Return what an item is, of a store that the cluster reads besides."""
        return f"the item {item} of its store"


def _as_yaml(document: dict[str, Any]) -> str:
    """Return a document as this repository writes YAML."""
    return "---\n" + yaml.safe_dump(document, sort_keys=False)


def _decoded(data: dict[str, str]) -> dict[str, str]:
    """Return the decoded values of `data`."""
    return {key: base64.b64decode(value).decode() for key, value in data.items()}
