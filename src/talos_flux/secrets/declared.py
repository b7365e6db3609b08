"""The Secrets that bootstrap/secrets.yaml declares, without their values, which the store keeps."""

import secrets as random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.repository.settings import load, look_up, short

SECRETS = ROOT / "bootstrap/secrets.yaml"
KNOWN_HOSTS = ROOT / "bootstrap/known_hosts"
APPS = ROOT / "kubernetes/apps"
NOT_SUBSTITUTED = "kustomize.toolkit.fluxcd.io/substitute"


@dataclass(frozen=True)
class SecretKey:
    """One key of a Secret, how its value is made, and the form that it has, if any is known."""

    name: str
    made: str = "given"
    hint: str = ""
    default: str = ""
    form: str = ""


@dataclass(frozen=True)
class Secret:
    """A Secret. Without an app, bootstrap:apps makes it, before Flux runs; without a namespace nobody does."""

    name: str
    keys: tuple[SecretKey, ...]
    namespace: str = ""
    consumer: str = ""
    app: str = ""
    item: str = ""

    @classmethod
    def read(cls, entry: dict[str, Any], forms: Mapping[Any, str] | None = None) -> "Secret":
        """Return the Secret of an entry of bootstrap/secrets.yaml; UserError when it can't be used.

        The forms of its keys stand in a table of their own: the updaters up to v0.3 refuse an entry with more in it.
        """
        try:
            keys = tuple(SecretKey(**key, form=(forms or {}).get(key.get("name"), "")) for key in entry["keys"])
            return cls(**entry | {"keys": keys})
        except (KeyError, TypeError) as error:
            reason = f"no {error.args[0]}" if isinstance(error, KeyError) else str(error).partition("__init__() ")[2]
            raise UserError(f"{short(SECRETS)} has a Secret that can't be used: {reason or entry}.") from None

    def key(self, name: str) -> SecretKey:
        """Return one of its keys; UserError that names them all."""
        for key in self.keys:
            if key.name == name:
                return key
        raise UserError(f"Secret {self.name} has no key {name}; it has {', '.join(key.name for key in self.keys)}.")

    @property
    def file(self) -> Path:
        """Return the file in which SOPS keeps it."""
        if self.app:
            return APPS / self.namespace / self.app / "app" / f"{self.name}.sops.yaml"
        return ROOT / "bootstrap" / f"{self.name}.sops.yaml"

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@cache
def wanted() -> tuple[Secret, ...]:
    """Return every Secret that bootstrap/secrets.yaml declares."""
    forms = load(SECRETS).get("forms") or {}
    return tuple(Secret.read(entry, forms.get(entry.get("name"))) for entry in look_up(SECRETS, "secrets"))


def one_of_each(secrets: Iterable[Secret]) -> list[Secret]:
    """Return Secrets with different items or files: two namespaces may read one item."""
    return list({secret.item or str(secret.file): secret for secret in secrets}.values())


def named(name: str) -> list[Secret]:
    """Return the declared Secrets with a name, in every namespace: they hold the same value."""
    return [secret for secret in wanted() if secret.name == name]


def app_folder(namespace: str, app: str) -> Path:
    """Return the folder of an app's manifests; UserError when there is none."""
    folder = APPS / namespace / app / "app"
    if not (folder / "kustomization.yaml").exists():
        raise UserError(f"{short(folder)} has no kustomization.yaml: APP is <namespace>/<app> of an app that exists.")
    return folder


def random_value() -> str:
    """Return a new random value, 256 bits."""
    return random.token_hex(32)


def manifest(secret: Secret, values: dict[str, str], *, with_namespace: bool) -> dict[str, Any]:
    """Return the Secret as Kubernetes takes it.

    An app's own gets its namespace from Flux, which leaves its text as it is.
    """
    own = {"namespace": secret.namespace} if with_namespace else {"annotations": {NOT_SUBSTITUTED: "disabled"}}
    metadata = {"name": secret.name} | own
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": values}
