"""What an addition would write, as a patch."""

import difflib
from collections.abc import Iterator

from talos_flux.template.generate.addition import Addition


def as_patch(addition: Addition) -> Iterator[str]:
    """Yield the lines of the difference between what is there and what would be."""
    repository = addition.destination.repository
    for path, content in sorted(addition.files.items()):
        name = repository.short(path)
        before = path.read_bytes().decode(errors="replace").splitlines() if path.exists() else []
        after = content.decode(errors="replace").splitlines()
        old = f"a/{name}" if path.exists() else "/dev/null"
        yield from difflib.unified_diff(before, after, old, f"b/{name}", lineterm="")
