"""Where a namespace or an app goes."""

from dataclasses import dataclass
from pathlib import Path

from lib.apps import Repository
from lib.refusal import Refusal

FORMS = {"namespace": "kubernetes/apps/<namespace>", "app": "kubernetes/apps/<namespace>/<name>"}


@dataclass(frozen=True)
class Place:
    """A folder of a cluster's repository; `app` is empty for a namespace."""

    repository: Repository
    namespace: str
    app: str

    @classmethod
    def of(cls, generator: str, destination: Path) -> "Place":
        """The place that a destination is; Refusal when no namespace or app can be there."""
        path = destination.resolve()
        repository = Repository.around(path)
        parts = path.relative_to(repository.root).parts
        form = FORMS[generator]
        if parts[:2] != ("kubernetes", "apps") or len(parts) != form.count("/") + 1:
            raise Refusal(f"{repository.short(path)} is not the place of {with_article(generator)}: {form}.")
        return cls(repository, parts[2], "".join(parts[3:]))

    @property
    def folder_of_namespace(self) -> Path:
        """The folder of the namespace, whether it exists or not."""
        return self.repository.folder_of_apps / self.namespace

    @property
    def folder(self) -> Path:
        """The folder that is to be made."""
        return self.folder_of_namespace / self.app

    @property
    def has_namespace(self) -> bool:
        """Whether there is anything in the folder of the namespace."""
        return holds_files(self.folder_of_namespace)

    def __str__(self) -> str:
        return self.repository.short(self.folder)


def holds_files(folder: Path) -> bool:
    """Whether there is anything but empty folders; git knows only that."""
    return any(not path.is_dir() or path.is_symlink() for path in folder.rglob("*"))


def with_article(generator: str) -> str:
    """Its name in a sentence."""
    return f"{'an' if generator == 'app' else 'a'} {generator}"
