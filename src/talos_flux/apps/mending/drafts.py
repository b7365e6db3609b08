"""A repository as it would be with other texts in its files, without writing any of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from talos_flux.manifests.flux_tree import Cluster
from talos_flux.repository.files import RepositoryFile, Unreadable


@dataclass
class DraftFile(RepositoryFile):
    """A file that has a text which nobody has written yet."""

    draft: str = ""

    @cached_property
    def _read(self) -> tuple[str, Unreadable | None]:
        return self.draft, None


def with_drafts(cluster: Cluster, texts: Mapping[str, str]) -> Cluster:
    """Return a cluster in which files have other texts, or are new."""
    drafts = {path: DraftFile(cluster.root, path, text) for path, text in texts.items()}
    changed = Cluster(cluster.root)
    vars(changed)["files"] = dict(sorted({**cluster.files, **drafts}.items()))
    return changed
