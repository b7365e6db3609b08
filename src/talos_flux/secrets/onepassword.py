"""1Password's CLI. Values travel through pipes: arguments are visible to every process of the machine."""

import json
from dataclasses import dataclass, field
from typing import Any

from talos_flux.errors import UserError
from talos_flux.process import ToolError, run

# Marks where an injected value ends, so that its own last newline is kept.
_END = "<end>"


@dataclass
class Item:
    """An item as `op item get` prints it, with its values by field label."""

    raw: dict[str, Any]
    values: dict[str, str] = field(default_factory=dict)


class OnePassword:
    """A vault."""

    def __init__(self, vault: str) -> None:
        self.vault = vault
        self._vault_id = ""

    def refuse_unless_readable(self) -> None:
        """Raise UserError when nobody is signed in or the vault is not there.

        `op whoami` says "not signed in" now and then although reading works, so the vault itself is read.
        """
        try:
            self._vault_id = json.loads(run("op", "vault", "get", self.vault, "--format", "json"))["id"]
        except ToolError as failed:
            raise UserError(
                f"the 1Password vault {self.vault} can't be read (`op signin`, then `op vault get '{self.vault}'`): "
                f"{_last_line(failed.stderr)}"
            ) from None

    def get(self, title: str) -> Item | None:
        """Return an item of the vault, or None."""
        try:
            text = run("op", "item", "get", title, "--vault", self.vault, "--format", "json", "--reveal")
        except ToolError as failed:
            if "isn't an item" in failed.stderr:
                return None
            raise
        raw = json.loads(text)
        fields = raw.get("fields", [])
        return Item(raw, {entry["label"]: entry["value"] for entry in fields if entry.get("value")})

    def set(self, title: str, values: dict[str, str]) -> None:
        """Give fields of an item their values; the item is made when it is missing."""
        item = self.get(title)
        if item is None:
            template = {
                "title": title,
                "category": "SECURE_NOTE",
                "fields": [_field(label, value) for label, value in values.items()],
            }
            run("op", "item", "create", "-", "--vault", self.vault, "--format", "json", stdin=json.dumps(template))
            return
        fields = item.raw.setdefault("fields", [])
        for label, value in values.items():
            existing = next((entry for entry in fields if entry.get("label") == label), None)
            if existing:
                existing["value"] = value
            else:
                fields.append(_field(label, value))
        run("op", "item", "edit", item.raw["id"], "--vault", self.vault, "--format", "json", stdin=json.dumps(item.raw))

    def inject(self, item: str, label: str) -> str:
        """Return a value, by `op inject`: the reference goes in, the value comes out, both through pipes.

        The vault goes by its id, since a reference allows fewer characters than a vault's title.
        """
        if not self._vault_id:
            self.refuse_unless_readable()
        text = run("op", "inject", stdin=f"{{{{ op://{self._vault_id}/{item}/{label} }}}}{_END}")
        return text[: text.rindex(_END)]

    def has_document(self, title: str) -> bool:
        """Return whether the vault has an item of this title."""
        return self.get(title) is not None

    def get_document(self, title: str) -> str:
        """Return the content of a document item."""
        return run("op", "document", "get", title, "--vault", self.vault)

    def create_document(self, title: str, file_name: str, content: str) -> None:
        """Create a document item."""
        run(
            "op", "document", "create", "-", "--title", title, "--file-name", file_name, "--vault", self.vault,
            "--format", "json", stdin=content,
        )  # fmt: skip


def _field(label: str, value: str) -> dict[str, str]:
    """Return a field as op's item templates have it."""
    return {"label": label, "type": "CONCEALED", "value": value}


def _last_line(text: str) -> str:
    """Return the line in which a tool says what is wrong."""
    return text.splitlines()[-1] if text else "op gave no reason."
