"""The destination of a namespace or an app."""

from dataclasses import dataclass
from pathlib import Path

from talos_flux.errors import UserError
from talos_flux.repository.apps import Repository

FORMS = {"namespace": "kubernetes/apps/<namespace>", "app": "kubernetes/apps/<namespace>/<name>"}


@dataclass(frozen=True)
class Destination:
    """A folder of a cluster's repository; `app` is empty for a namespace."""

    repository: Repository
    namespace: str
    app: str

    @classmethod
    def of(cls, generator: str, destination: Path) -> "Destination":
        """Return the destination at a path; UserError when no namespace or app can be there."""
        path = destination.resolve()
        repository = Repository.around(path)
        parts = path.relative_to(repository.root).parts
        form = FORMS[generator]
        if parts[:2] != ("kubernetes", "apps") or len(parts) != form.count("/") + 1:
            raise UserError(f"{repository.short(path)} is not the place of {with_article(generator)}: {form}.")
        return cls(repository, parts[2], "".join(parts[3:]))

    @property
    def folder_of_namespace(self) -> Path:
        """Return the folder of the namespace, whether it exists or not."""
        return self.repository.folder_of_apps / self.namespace

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


def with_article(generator: str) -> str:
    """Return the generator's name with its article, for a sentence."""
    return f"{'an' if generator == 'app' else 'a'} {generator}"
