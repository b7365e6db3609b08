"""The values of Secrets in 1Password."""

from talos_flux.repository.settings import look_up
from talos_flux.secrets import items
from talos_flux.secrets.declared import SECRETS, Secret, SecretKey
from talos_flux.secrets.onepassword import OnePassword


class OnePasswordStore:
    """The items of one vault; the cluster reads them there itself."""

    def __init__(self) -> None:
        self.vault = OnePassword(look_up(SECRETS, "vault"))

    def refuse_unless_usable(self) -> None:
        """Raise UserError when nothing could be read or written."""
        self.vault.refuse_unless_readable()

    def values(self, secret: Secret) -> dict[str, str]:
        """Return the values that are there, by key."""
        item = self.vault.get(secret.item)
        return item.values if item else {}

    def set(self, secret: Secret, values: dict[str, str]) -> list[str]:
        """Set values and return the places that changed, in words."""
        self.vault.set(secret.item, values)
        return [f"item {secret.item} in vault {self.vault.vault}"]

    def value(self, secret: Secret, key: SecretKey) -> str:
        """Return a value that must be there."""
        return self.vault.inject(secret.item, key.name)

    def talos_secrets(self) -> str | None:
        """Return the secrets bundle of Talos, or None when there is none yet."""
        title = look_up(SECRETS, "talos", "document")
        return self.vault.get_document(title) if self.vault.has_document(title) else None

    def create_talos_secrets(self, bundle: str) -> str:
        """Keep a new secrets bundle and return its place, in words."""
        title = look_up(SECRETS, "talos", "document")
        self.vault.create_document(title, "secrets.yaml", bundle)
        return f"document {title} in vault {self.vault.vault}"

    def place_of_new_secret(self, namespace: str, app: str, name: str) -> Secret:
        """Return a Secret that bootstrap/secrets.yaml does not declare, of an app that somebody added.

        UserError when nothing in the app makes it of an item.
        """
        return items.secret_of_an_app(namespace, app, name)

    def way_in(self) -> str:
        """Return what a person keeps a copy of so that the values can be read again."""
        return f"the way into 1Password (Emergency Kit, on paper): the vault {self.vault.vault} has the other keys"

    def in_words(self, item: str) -> str:
        """Return what an item is."""
        return f"the 1Password item {item}"
