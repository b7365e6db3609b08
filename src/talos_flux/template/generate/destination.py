"""The destination of what is added."""

from dataclasses import dataclass, replace
from pathlib import Path

from talos_flux.errors import UserError
from talos_flux.repository.apps import Repository
from talos_flux.repository.generators import Generator


@dataclass(frozen=True)
class Destination:
    """A folder of a cluster's repository; `app` is empty for a namespace."""

    repository: Repository
    namespace: str
    app: str

    @classmethod
    def of(cls, generator: Generator, destination: Path) -> "Destination":
        """Return the destination at a path; UserError when a generator adds nothing there."""
        path = destination.resolve()
        repository = Repository.around(path)
        parts = path.relative_to(repository.root).parts
        form = generator.folder
        if parts[:2] != ("kubernetes", "apps") or len(parts) != form.count("/") + 1:
            raise UserError(f"{repository.short(path)} is not the place of {generator.with_article}: {form}.")
        return cls(repository, parts[2], "".join(parts[3:]))

    @property
    def folder_of_namespace(self) -> Path:
        """Return the folder of the namespace, whether it exists or not."""
        return self.repository.folder_of_apps / self.namespace

    @property
    def of_namespace(self) -> "Destination":
        """Return the destination of its namespace."""
        return replace(self, app="")

    @property
    def folder(self) -> Path:
        """Return the folder to create."""
        return self.folder_of_namespace / self.app

    @property
    def has_namespace(self) -> bool:
        """Return whether there is anything in the folder of the namespace."""
        return holds_files(self.folder_of_namespace)

    def __str__(self) -> str:
        return self.repository.short(self.folder)


def holds_files(folder: Path) -> bool:
    """Return whether there is anything but empty folders, which git does not track."""
    return any(not path.is_dir() or path.is_symlink() for path in folder.rglob("*"))
