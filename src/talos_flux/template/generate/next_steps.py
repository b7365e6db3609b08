"""The messages after an addition: notes, and what to do next."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from talos_flux.repository.generators import Generator
from talos_flux.template.generate.destination import Destination
from talos_flux.template.generate.template_source import TemplateCheckout


def told(generator: Generator, destination: Destination, answered: Mapping[str, Any]) -> list[str]:
    """Return what a generator says in the end."""
    named = {
        "namespace": destination.namespace,
        "name": destination.folder.name,
        "folder": destination,
    }
    return [sentence.format_map({**answered, **named}) for sentence in generator.told]


def secret_to_make(namespace: str, app: str, answered: Mapping[str, Any]) -> list[str]:
    """Return how an app's Secret gets its values: by the task, or where 1Password has its items, in its app."""
    kind, keys = answered.get("app_secret", "none"), answered.get("app_secret_keys") or []
    if kind == "none":
        return []
    if kind == "sops" or "onepassword_vault" not in answered:
        return [
            f"Set its secret: task secret:set SECRET={app} KEY={key} APP={namespace}/{app}" for key in keys or ["<key>"]
        ]
    fields = f" with {'field' if len(keys) == 1 else 'fields'} {', '.join(keys)}" if keys else ""
    item, vault = answered["app_secret_item"], answered["onepassword_vault"]
    return [f"Create its 1Password item, {item} in vault {vault}{fields}."]


def notes(template: TemplateCheckout, version: str, followed: str) -> list[str]:
    """Return notes on the template's version, beside the one that the cluster follows."""
    messages = []
    if template.is_dirty:
        messages.append(f"Uncommitted changes of the template are left out: this is {version}.")
    if not template.is_tagged:
        messages.append(f"The template's commit {version} has no version tag: without one Renovate offers no update.")
    if followed not in ("", version):
        messages.append(f"The template is at {version}, and this cluster follows {followed}.")
    return messages


def next_command(root: Path, paths: list[Path]) -> str:
    """Return the command that commits the files, which Flux waits for."""
    inside = [path for path in paths if not any(other in path.parents for other in paths)]
    names = " ".join(shlex.quote(path.relative_to(root).as_posix()) for path in inside)
    return f"Next: git add {names} && git commit"
