"""The values of Secrets in OpenBao or Vault, by its own program: values travel through pipes, never as arguments."""

import json

from talos_flux.errors import UserError
from talos_flux.process import ToolError, run
from talos_flux.repository.settings import look_up
from talos_flux.secrets import items
from talos_flux.secrets.declared import SECRETS, Secret, SecretKey

BUNDLE = "secrets.yaml"


class OpenBaoStore:
    """One mount of a KV engine, version 2, which the cluster reads there itself; an item is an entry of it."""

    def __init__(self) -> None:
        self.address = look_up(SECRETS, "address")
        self.mount = look_up(SECRETS, "mount")

    def refuse_unless_usable(self) -> None:
        """Raise UserError when nothing could be read or written."""
        try:
            self._fields(look_up(SECRETS, "talos", "document"))
        except ToolError as failed:
            reason = (
                failed.stderr.splitlines()[-1].lstrip("* ").removesuffix(".") if failed.stderr else "no reason given"
            )
            raise UserError(
                f"mount {self.mount} of OpenBao at {self.address} can't be read (`bao login`): {reason}."
            ) from None

    def values(self, secret: Secret) -> dict[str, str]:
        """Return the values that are there, by key; none of a Secret that is made of no entry."""
        return self._fields(secret.item) if secret.item else {}

    def set(self, secret: Secret, values: dict[str, str]) -> list[str]:
        """Set values and return the places that changed, in words."""
        command = "patch" if self._fields(secret.item) else "put"
        self._bao(command, secret.item, values)
        return [self._in_the_mount(secret.item)]

    def value(self, secret: Secret, key: SecretKey) -> str:
        """Return a value that must be there; UserError when it is not."""
        values = self.values(secret)
        if key.name not in values:
            raise UserError(
                f"{self._in_the_mount(secret.item)} has no {key.name}: "
                f"`task secret:set SECRET={secret.name} KEY={key.name}`."
            )
        return values[key.name]

    def talos_secrets(self) -> str | None:
        """Return the secrets bundle of Talos, or None when there is none yet."""
        return self._fields(look_up(SECRETS, "talos", "document")).get(BUNDLE)

    def create_talos_secrets(self, bundle: str) -> str:
        """Keep a new secrets bundle and return its place, in words."""
        title = look_up(SECRETS, "talos", "document")
        self._bao("put", title, {BUNDLE: bundle})
        return self._in_the_mount(title)

    def place_of_new_secret(self, namespace: str, app: str, name: str) -> Secret:
        """Return a Secret that bootstrap/secrets.yaml does not declare, of an app that somebody added.

        UserError when nothing in the app makes it of an entry.
        """
        return items.secret_of_an_app(namespace, app, name)

    def way_in(self) -> str:
        """Return what a person keeps a copy of so that the values can be read again."""
        return (
            f"the way into OpenBao (its unseal keys, your login, a backup of it): mount {self.mount} has the other keys"
        )

    def in_words(self, item: str) -> str:
        """Return what an item is."""
        return f"the {self._in_the_mount(item)}"

    def _in_the_mount(self, item: str) -> str:
        return f"entry {item} of mount {self.mount} in OpenBao"

    def _fields(self, item: str) -> dict[str, str]:
        """Return the fields of an entry, none when it is not there."""
        try:
            text = self._bao("get", item)
        except ToolError as failed:
            if failed.stderr.startswith("No value found at"):
                return {}
            raise
        fields = json.loads(text)["data"]["data"] or {}
        return {name: str(value) for name, value in fields.items()}

    def _bao(self, command: str, item: str, fields: dict[str, str] | None = None) -> str:
        """Run a command on an entry; fields go to its standard input."""
        words = ["bao", "kv", command, f"-mount={self.mount}", "-format=json", "--", item]
        address = {"BAO_ADDR": self.address}
        return run(*words, "-", stdin=json.dumps(fields), extra=address) if fields else run(*words, extra=address)
