"""Rules about patches without a target, and about what copies and merges leave behind."""

from collections.abc import Iterator, Sequence

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from talos_flux.paths import ANSWERS_FILE
from talos_flux.repository.conflicts import leftovers
from talos_flux.repository.files import Map, Unreadable
from talos_flux.repository.generators import generators


@rule(
    "kustomize-patch-without-target",
    Severity.WARNING,
    "A patch about nothing is ignored when it has a target, and stops the whole build when it has none.",
    "Correct what the patch is about, or remove it.",
)
def kustomize_patch_without_target(cluster: Cluster) -> Violations:
    """Find patches of kustomization.yaml files that match nothing.

    A patch of a component is one where no build that includes the component has a match.
    """
    for place in cluster.idle_patches:
        yield place, f"nothing that is built with {place.path} is what it is about"


@rule(
    "folder-differs",
    Severity.WARNING,
    "An update of the app from its template writes to the folder that its recorded answers name, not to this one.",
    "Move the app with `task move:app`, or correct the answers.",
)
def folder_differs(cluster: Cluster) -> Violations:
    """Find recorded answers of apps, beside their ks.yaml, that name another folder."""
    for path, file in cluster.files.items():
        folders = file.folder.split("/")
        if file.name != ANSWERS_FILE or f"{file.folder}/ks.yaml" not in cluster.files or len(folders) < 2:
            continue
        try:
            answers = next((document for document in file.documents if isinstance(document, Map)), None)
        except Unreadable as reason:
            yield Place(path, reason.line), f"the file {reason}"
            continue
        for key, folder in named_by_folders(folders):
            if answers and answers.get(key) and str(answers[key]) != folder:
                yield Place(path, answers.lines[key]), f"{key} is {answers[key]}, and the folder {folder}"


def named_by_folders(folders: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the answers that the path of a folder gives, each with its part of the path."""
    for each in generators().values():
        if each.is_in_a_namespace:
            yield from zip(each.parts_of_the_path, folders[-2:], strict=True)


@rule(
    "conflict-marker",
    Severity.ERROR,
    "What a merge left undecided breaks the file that it is in.",
    "Decide, and remove the markers and the files that the merge left.",
)
def conflict_marker(cluster: Cluster) -> Violations:
    """Find conflict markers, and *.rej and *.orig files, anywhere."""
    for path, file in cluster.files.items():
        for line, text in leftovers(path, file.text):
            yield Place(path, line), text
