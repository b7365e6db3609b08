"""What is said in the end: what to know, what to do next."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hooks.place import Place
from hooks.template import Template


def secret_to_make(place: Place, answered: Mapping[str, Any]) -> list[str]:
    """How the app's Secret gets its values."""
    kind, keys = answered.get("app_secret", "none"), answered.get("app_secret_keys") or []
    if kind == "none":
        return []
    if kind == "sops":
        return [
            f"Set its secret: task secret:set SECRET={place.app} KEY={key} APP={place.namespace}/{place.app}"
            for key in keys or ["<key>"]
        ]
    fields = f" with {'field' if len(keys) == 1 else 'fields'} {', '.join(keys)}" if keys else ""
    item, vault = answered["app_secret_item"], answered["onepassword_vault"]
    return [f"Create its 1Password item, {item} in vault {vault}{fields}."]


def notes(template: Template, version: str, followed: str) -> list[str]:
    """What one should know of the template's version, beside the one that the cluster follows."""
    found = []
    if template.is_dirty:
        found.append(f"Uncommitted changes of the template are left out: this is {version}.")
    if not template.is_tagged:
        found.append(f"The template's commit {version} has no version tag: without one Renovate offers no update.")
    if followed not in ("", version):
        found.append(f"The template is at {version}, and this cluster follows {followed}.")
    return found


def next_command(root: Path, paths: list[Path]) -> str:
    """The commit that Flux waits for."""
    inside = [path for path in paths if not any(other in path.parents for other in paths)]
    names = " ".join(shlex.quote(path.relative_to(root).as_posix()) for path in inside)
    return f"Next: git add {names} && git commit"
