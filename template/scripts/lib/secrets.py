"""The Secrets of bootstrap/secrets.yaml, kept in 1Password or encrypted in this repository."""

import base64
import json
import secrets as random
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lib import sops
from lib.cluster import load, look_up, short
from lib.kustomization import with_resource
from lib.onepassword import OnePassword
from lib.process import AGE_KEY, ROOT, run, write_public
from lib.terminal import Refusal

SECRETS = ROOT / "bootstrap/secrets.yaml"
KNOWN_HOSTS = ROOT / "bootstrap/known_hosts"
APPS = ROOT / "kubernetes/apps"


@dataclass(frozen=True)
class Key:
    """One key of a Secret and how its value comes about."""

    name: str
    made: str = "given"
    hint: str = ""
    default: str = ""


@dataclass(frozen=True)
class Secret:
    """One Secret. Without an app, bootstrap:apps makes it, before Flux runs."""

    name: str
    namespace: str
    keys: tuple[Key, ...]
    consumer: str = ""
    app: str = ""
    item: str = ""

    @classmethod
    def read(cls, entry: dict[str, Any]) -> "Secret":
        """An entry of the inventory."""
        return cls(**entry | {"keys": tuple(Key(**key) for key in entry["keys"])})

    def key(self, name: str) -> Key:
        """One of its keys; Refusal that names them all."""
        for key in self.keys:
            if key.name == name:
                return key
        raise Refusal(f"Secret {self.name} has no key {name}; it has {', '.join(key.name for key in self.keys)}.")

    @property
    def file(self) -> Path:
        """Where SOPS keeps it."""
        if self.app:
            return APPS / self.namespace / self.app / "app" / f"{self.name}.sops.yaml"
        return ROOT / "bootstrap" / f"{self.name}.sops.yaml"

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Store(ABC):
    """Where values are kept."""

    @abstractmethod
    def refuse_unless_usable(self) -> None:
        """Refusal when nothing could be read or written."""

    @abstractmethod
    def values(self, secret: Secret) -> dict[str, str]:
        """The values that are there, by key."""

    @abstractmethod
    def set(self, secret: Secret, values: dict[str, str]) -> list[str]:
        """Set values and return the places that changed."""

    @abstractmethod
    def value(self, secret: Secret, key: Key) -> str:
        """A value that must be there."""

    @abstractmethod
    def talos_secrets(self) -> str | None:
        """The secrets bundle of Talos, if there is one yet."""

    @abstractmethod
    def create_talos_secrets(self, bundle: str) -> str:
        """Keep a new secrets bundle and return where."""

    @abstractmethod
    def place_of_new_secret(self, namespace: str, app: str, name: str) -> Secret:
        """A Secret that the inventory does not name, of an app that somebody added."""


class InOnePassword(Store):
    """Items of one vault; the cluster reads them there itself."""

    def __init__(self, vault: str) -> None:
        self.vault = OnePassword(vault)

    def refuse_unless_usable(self) -> None:
        self.vault.refuse_unless_readable()

    def values(self, secret: Secret) -> dict[str, str]:
        item = self.vault.get(secret.item)
        return item.values if item else {}

    def set(self, secret: Secret, values: dict[str, str]) -> list[str]:
        self.vault.set(secret.item, values)
        return [f"item {secret.item} in vault {self.vault.vault}"]

    def value(self, secret: Secret, key: Key) -> str:
        return self.vault.inject(secret.item, key.name)

    def talos_secrets(self) -> str | None:
        title = look_up(SECRETS, "talos", "document")
        return self.vault.get_document(title) if self.vault.has_document(title) else None

    def create_talos_secrets(self, bundle: str) -> str:
        title = look_up(SECRETS, "talos", "document")
        self.vault.create_document(title, "secrets.yaml", bundle)
        return f"document {title} in vault {self.vault.vault}"

    def place_of_new_secret(self, namespace: str, app: str, name: str) -> Secret:
        folder = app_folder(namespace, app)
        for path in sorted(folder.glob("*.yaml")):
            for document in yaml.safe_load_all(path.read_text()):
                if document and document.get("kind") == "OnePasswordItem" and document["metadata"]["name"] == name:
                    item = document["spec"]["itemPath"].rpartition("/items/")[2]
                    return Secret(name, namespace, (), app=app, item=item)
        raise Refusal(f"no OnePasswordItem {name} is in {short(folder)}: add one, its itemPath names the item.")


class InRepository(Store):
    """Files that SOPS encrypts; Flux decrypts them in the cluster."""

    def refuse_unless_usable(self) -> None:
        sops.refuse_unless_usable()

    def values(self, secret: Secret) -> dict[str, str]:
        if not secret.file.exists():
            return {}
        manifest = yaml.safe_load(sops.decrypt(secret.file))
        return {**manifest.get("stringData", {}), **_decoded(manifest.get("data", {}))}

    def set(self, secret: Secret, values: dict[str, str]) -> list[str]:
        changed = [short(secret.file)]
        if secret.file.exists():
            for key, value in values.items():
                sops.set_value(secret.file, ["stringData", key], value)
        else:
            sops.encrypt_to(secret.file, _as_yaml(manifest(secret, values, with_namespace=not secret.app)))
        if secret.app:
            listing = secret.file.with_name("kustomization.yaml")
            before = listing.read_text()
            after = with_resource(before, f"./{secret.file.name}")
            if after != before:
                write_public(listing, after)
                changed.append(short(listing))
        return changed

    def value(self, secret: Secret, key: Key) -> str:
        values = self.values(secret)
        if key.name not in values:
            raise Refusal(
                f"Secret {secret} has no value for {key.name}: `task secret:set SECRET={secret.name} KEY={key.name}`."
            )
        return values[key.name]

    @property
    def _bundle(self) -> Path:
        return ROOT / look_up(SECRETS, "talos", "file")

    def talos_secrets(self) -> str | None:
        return sops.decrypt(self._bundle) if self._bundle.exists() else None

    def create_talos_secrets(self, bundle: str) -> str:
        sops.encrypt_to(self._bundle, bundle)
        return short(self._bundle)

    def place_of_new_secret(self, namespace: str, app: str, name: str) -> Secret:
        app_folder(namespace, app)
        return Secret(name, namespace, (), app=app)


@cache
def store() -> Store:
    """The store that bootstrap/secrets.yaml names."""
    if look_up(SECRETS, "backend") == "onepassword":
        return InOnePassword(look_up(SECRETS, "vault"))
    return InRepository()


@cache
def wanted() -> tuple[Secret, ...]:
    """Every Secret of the inventory."""
    return tuple(Secret.read(entry) for entry in load(SECRETS)["secrets"])


def one_of_each(secrets: Iterable[Secret]) -> list[Secret]:
    """Secrets with different places: two namespaces may read one item."""
    return list({secret.item or str(secret.file): secret for secret in secrets}.values())


def named(name: str) -> list[Secret]:
    """The Secrets of the inventory with a name, in every namespace: they hold the same value."""
    return [secret for secret in wanted() if secret.name == name]


def app_folder(namespace: str, app: str) -> Path:
    """The folder of an app's manifests; Refusal when there is none."""
    folder = APPS / namespace / app / "app"
    if not (folder / "kustomization.yaml").exists():
        raise Refusal(f"{short(folder)} has no kustomization.yaml: APP is <namespace>/<app> of an app that exists.")
    return folder


def random_value() -> str:
    """A new random value, 256 bits."""
    return random.token_hex(32)


def for_bootstrap(secret: Secret) -> dict[str, Any]:
    """The manifest of a Secret that bootstrap:apps makes, with its values."""
    return manifest(secret, {key.name: _bootstrap_value(secret, key) for key in secret.keys}, with_namespace=True)


def _bootstrap_value(secret: Secret, key: Key) -> str:
    """Private files of this folder, or the store."""
    if key.made == "from age.key":
        if not AGE_KEY.exists():
            raise Refusal("age.key is missing: restore it from your backup, or make a new one with `task init`.")
        return AGE_KEY.read_text()
    return store().value(secret, key)


def manifest(secret: Secret, values: dict[str, str], *, with_namespace: bool) -> dict[str, Any]:
    """The Secret as Kubernetes takes it. An app's own gets its namespace from Flux."""
    metadata = {"name": secret.name} | ({"namespace": secret.namespace} if with_namespace else {})
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": values}


def apply(manifest_with_values: dict[str, Any]) -> None:
    """Apply a Secret through a pipe."""
    run(
        "kubectl", "apply", "--server-side", "--force-conflicts", "--field-manager", "bootstrap", "--filename", "-",
        stdin=json.dumps(manifest_with_values),
    )  # fmt: skip


def _as_yaml(document: dict[str, Any]) -> str:
    """A document as this repository writes YAML."""
    return "---\n" + yaml.safe_dump(document, sort_keys=False)


def _decoded(data: dict[str, str]) -> dict[str, str]:
    """Values out of `data`."""
    return {key: base64.b64decode(value).decode() for key, value in data.items()}
