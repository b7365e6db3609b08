"""What an app of another repository builds on outside of its folder: components, and files that several apps list."""

import posixpath
from collections.abc import Callable, Iterator

from talos_flux.manifests.flux_tree import Cluster


class SharedFiles:
    """The folders and files of another repository that an app builds on, and where they belong here.

    `new_path` is where a folder of the app is here; any other folder's path stays.
    """

    def __init__(self, old: Cluster, folder: str, apps: str, new_path: Callable[[str], str]) -> None:
        self.old, self.folder, self.apps, self.new_path = old, folder, apps, new_path

    def by_new_path(self, components_of: list[tuple[str, list[str]]]) -> dict[str, str]:
        """Return the old path of each by its new one, with what they build on themselves.

        `components_of` are the components that the app's Flux Kustomizations take, each by its folder.
        """
        found: dict[str, str] = {}
        waiting = [(folder, entry) for folder, entries in components_of for entry in entries]
        waiting += self._entries_below(self.folder)
        while waiting:
            folder, entry = waiting.pop(0)
            old = posixpath.normpath(f"{folder}/{entry}")
            home = found_home(found, folder)
            new = posixpath.normpath(f"{home or self.new_path(folder)}/{entry}")
            is_own = f"{old}/".startswith((f"{self.folder}/", *(f"{path}/" for path in found.values())))
            if is_own or new.startswith("..") or old not in {*self.old.folders, *self.old.files}:
                continue
            # What another app consists of is that app's.
            if f"{old}/".startswith(f"{self.apps}/") or old in {".", self.apps}:
                continue
            found[new] = old
            waiting += self._entries_below(old)
        return found

    def _entries_below(self, folder: str) -> Iterator[tuple[str, str]]:
        """Yield what the kustomization.yaml files in a folder take, with the folder of each."""
        for path, file in self.old.files.items():
            if path.startswith(f"{folder}/") and self.old.kustomize_file(file.folder) is file:
                content = self.old.content_of(file)
                for key in ("components", "resources"):
                    listed = content.get(key)
                    for entry in listed if isinstance(listed, list) else []:
                        if isinstance(entry, str) and "://" not in entry:
                            yield file.folder, entry


def found_home(found: dict[str, str], folder: str) -> str:
    """Return where a folder inside of one that is found already is here; empty where it is in none."""
    for new, old in found.items():
        if f"{folder}/".startswith(f"{old}/"):
            return f"{new}{folder.removeprefix(old)}"
    return ""
