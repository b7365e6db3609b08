"""Data that the package carries, each file made by a command of tests/tools."""

import json
import lzma
from functools import cache
from pathlib import Path
from typing import Any


@cache
def packaged(name: str) -> dict[str, Any]:
    """Return what is in <name>.json.xz; read once."""
    content: dict[str, Any] = json.loads(lzma.decompress((Path(__file__).parent / f"{name}.json.xz").read_bytes()))
    return content
