"""What Jinja compiles the template's files to, kept for the next run: two thirds of an update were spent on it."""

import hashlib
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache
from jinja2.bccache import Bucket


class CompiledFiles(FileSystemBytecodeCache):
    """A cache by content, so that the versions of the template share what did not change between them.

    `settings` are those that the files are compiled with. A folder that can't be written keeps nothing.
    """

    def __init__(self, folder: Path, settings: Any) -> None:
        super().__init__(str(folder), "%s.compiled")
        self._compiler = f"{version('jinja2')} {version('copier')} {settings}"

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        """Return the bucket of a file's content; empty when it was not compiled before."""
        key = hashlib.sha256(f"{self._compiler}\0{name}\0{source}".encode()).hexdigest()
        bucket = Bucket(environment, key, self.get_source_checksum(source))
        self.load_bytecode(bucket)
        return bucket

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read what was compiled, if it can be read."""
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write what was compiled, complete or not at all."""
        with suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            super().dump_bytecode(bucket)
