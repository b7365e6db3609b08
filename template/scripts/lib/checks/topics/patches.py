"""Patches about nothing, and what copies and merges leave behind."""

from lib.checks.files import Map, Unreadable
from lib.checks.flux import Cluster
from lib.checks.objects import Place
from lib.checks.rules import Found, Severity, rule
from lib.leftovers import leftovers


@rule(
    "kustomize-patch-without-target",
    Severity.WARNING,
    "A patch about nothing is ignored when it has a target, and stops the whole build when it has none.",
    "Correct what the patch is about, or remove it.",
)
def kustomize_patch_without_target(cluster: Cluster) -> Found:
    """Patches of kustomization.yaml files; those of a component where no build that includes it has a match."""
    for place in cluster.idle_patches:
        yield place, f"nothing that is built with {place.path} is what it is about"


@rule(
    "folder-differs",
    Severity.WARNING,
    "An update of the app from its template writes to the folder that its recorded answers name, not to this one.",
    "Move the app with move-app.py, or correct the answers.",
)
def folder_differs(cluster: Cluster) -> Found:
    """Recorded answers of apps, beside their ks.yaml."""
    for path, file in cluster.files.items():
        folders = file.folder.split("/")
        if file.name != ".copier-answers.yml" or f"{file.folder}/ks.yaml" not in cluster.files or len(folders) < 2:
            continue
        try:
            answers = next((document for document in file.documents if isinstance(document, Map)), None)
        except Unreadable as reason:
            yield Place(path, reason.line), f"the file {reason}"
            continue
        for key, folder in (("app_namespace", folders[-2]), ("app_name", folders[-1])):
            if answers and answers.get(key) and str(answers[key]) != folder:
                yield Place(path, answers.lines[key]), f"{key} is {answers[key]}, and the folder {folder}"


@rule(
    "conflict-marker",
    Severity.ERROR,
    "What a merge left undecided breaks the file that it is in.",
    "Decide, and remove the markers and the files that the merge left.",
)
def conflict_marker(cluster: Cluster) -> Found:
    """Conflict markers, and *.rej and *.orig files, anywhere."""
    for path, file in cluster.files.items():
        for line, text in leftovers(path, file.text):
            yield Place(path, line), text
