"""Files that commands of this project make of what it says elsewhere."""

from collections.abc import Mapping
from pathlib import Path


def write_what_differs(texts: Mapping[Path, str]) -> None:
    """Write the files that are not as they should be, and say so."""
    for path, text in texts.items():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"{path.name} is new.")
