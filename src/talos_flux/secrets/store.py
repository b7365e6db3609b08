"""The store that keeps the values of Secrets, as bootstrap/secrets.yaml names it."""

from functools import cache
from typing import Protocol

from talos_flux.errors import UserError
from talos_flux.repository.settings import look_up
from talos_flux.secrets.declared import SECRETS, Secret, SecretKey
from talos_flux.secrets.onepassword_store import OnePasswordStore
from talos_flux.secrets.openbao_store import OpenBaoStore
from talos_flux.secrets.sops_store import SopsStore


class Store(Protocol):
    """What a backend for secrets can do."""

    def refuse_unless_usable(self) -> None:
        """Raise UserError when nothing could be read or written."""

    def values(self, secret: Secret) -> dict[str, str]:
        """Return the values that are there, by key."""

    def set(self, secret: Secret, values: dict[str, str]) -> list[str]:
        """Set values and return the places that changed, in words."""

    def value(self, secret: Secret, key: SecretKey) -> str:
        """Return a value that must be there; UserError when it is not."""

    def talos_secrets(self) -> str | None:
        """Return the secrets bundle of Talos, or None when there is none yet."""

    def create_talos_secrets(self, bundle: str) -> str:
        """Keep a new secrets bundle and return its place, in words."""

    def place_of_new_secret(self, namespace: str, app: str, name: str) -> Secret:
        """Return a Secret that bootstrap/secrets.yaml does not declare, of an app that somebody added."""

    def way_in(self) -> str:
        """Return what a person keeps a copy of so that the values can be read again."""

    def in_words(self, item: str) -> str:
        """Return what an item is."""


BACKENDS: dict[str, type[Store]] = {"onepassword": OnePasswordStore, "openbao": OpenBaoStore, "sops": SopsStore}


@cache
def store() -> Store:
    """Return the store of this cluster; UserError when no such backend is known."""
    backend = look_up(SECRETS, "backend")
    if backend not in BACKENDS:
        raise UserError(f"bootstrap/secrets.yaml: backend is {backend}; it is one of {', '.join(BACKENDS)}.")
    return BACKENDS[backend]()
