"""What keeps a change from being merged without a person, as Renovate does where it may."""

import re
from collections.abc import Iterable, Iterator

from talos_flux.diff.chart_raises import Raise
from talos_flux.diff.cluster_diff import ClusterDiff

# What a chart says of its own changes, in the words of artifacthub.io/changes and of conventional commits.
BREAKING = re.compile(r"^removed:|\bbreak(?:s|ing)\b|\b[a-z]+(?:\([^)]*\))?!:|\bmigrat(?:e|ion)\b", re.IGNORECASE)


def what_needs_care(outcome: ClusterDiff) -> list[str]:
    """Return why somebody has to look at a change before it is merged, each as a sentence without a full stop.

    That is what is deleted for good, data and every object of a kind among it; what the API server refuses, such as
    other claims of a StatefulSet; kinds that are served in one version less; charts that our values don't fit, that
    say of themselves that something breaks, or whose major version differs; and whatever is not known.
    """
    return [
        *(f"{key} is deleted for good, {what}" for key, what in outcome.lost),
        *(f"{key} can't be changed by the API server: {paths}" for key, paths in outcome.refused),
        *(f"{key} is served in {versions} no more" for key, versions in outcome.unserved),
        *(reason for one in outcome.raises for reason in _of_a_chart(one)),
        *(f"{name} is not compared: {reason}" for name, reason in outcome.unknown.items()),
    ]


def _of_a_chart(raised: Raise) -> Iterator[str]:
    name = f"{raised.chart} {raised.after}"
    yield from (f"{name}: {problem}" for problem in raised.problems)
    if raised.unknown:
        yield f"{name} is not judged: {raised.unknown}"
    if raised.level == "major":
        yield f"{name} is another major version than {raised.before}"
    yield from (f"{name} says: {line}" for line in breaking(raised.notes))


def breaking(notes: Iterable[str]) -> list[str]:
    """Return the notes of a version that speak of what it breaks."""
    return [line for line in notes if BREAKING.search(line)]
