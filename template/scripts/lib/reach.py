"""What Flux never reaches: an app that no namespace lists, an app that waits for one that is not there."""

import re
from collections.abc import Iterator
from pathlib import Path

from lib.apps import Repository, depends_on
from lib.refusal import Refusal


def unreached(repository: Repository) -> Iterator[tuple[Path, str]]:
    """The files that say so, each with one sentence; nothing where a file is no YAML, which is found elsewhere."""
    try:
        known = repository.kustomizations
    except Refusal:
        return
    for path, spec in known.values():
        for name in depends_on(spec):
            if name not in known:
                yield path, f"waits for {name} for ever: no Flux Kustomization has that name"
    for path in sorted(repository.folder_of_apps.glob("*/*/ks.yaml")):
        listing = path.parents[1] / "kustomization.yaml"
        # One that is commented out is named, too, and meant to be.
        if not listing.exists() or not re.search(rf"(?<![\w.-]){path.parent.name}(?![\w.-])", listing.read_text()):
            yield path, f"is applied by nobody: list ./{path.parent.name}/ks.yaml in {repository.short(listing)}"
