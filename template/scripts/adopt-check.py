#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0", "semver==3.1.1"]
# ///
"""Say from the files alone what Flux would delete, leave and make anew when this repository replaces another.

    ./scripts/adopt-check.py --from ../old

A Kustomization that is in both, by namespace and name, deletes what it no longer has. The others of the old repository
count as `deletionPolicy: Orphan`: they go, and what they applied stays. What charts make is not in the files.

Exit codes: 0 nothing is lost, 1 something is deleted, moved or goes with its root, 3 the comparison itself failed.
"""

from lib.adopting import other_repository
from lib.arguments import FAILED, Parser
from lib.checks.flux import Cluster
from lib.comparing.comparison import Comparison, unreadable
from lib.comparing.words import is_lossless, sections, summary
from lib.process import ROOT
from lib.terminal import Refusal, command


def this() -> Cluster:
    """This repository; Refusal when not all of it can be read, as what is missing would look as if it were deleted."""
    cluster = Cluster(ROOT)
    for text in unreadable(cluster):
        raise Refusal(f"this repository can't be read as a whole: {text}.")
    if not cluster.kustomizations:
        raise Refusal("this repository has nothing that Flux applies: no Kustomization applies others.")
    return cluster


def main() -> int:
    """Print every difference that matters, then what to do."""
    parser = Parser(__doc__)
    parser.add_argument("--from", dest="old", default="", metavar="FOLDER", help="a checkout of the old repository")
    arguments = parser.parse_args()
    found = Comparison(other_repository(arguments.old), this())
    for heading, lines in sections(found):
        print(f"{heading}:")
        for line in lines:
            print(f"  {line}")
        print()
    print(f"{summary(found)} {what_next(found)}")
    return 0 if is_lossless(found) else 1


def what_next(found: Comparison) -> str:
    """What the person does now."""
    if not is_lossless(found):
        return (
            "Next: bring along what you want to keep, or annotate it in the old repository with "
            "kustomize.toolkit.fluxcd.io/prune: disabled and push that; then ask again."
        )
    if found.unprepared:
        return "Next: deletionPolicy: Orphan in the old repository; then ask again."
    return "Next: `flux diff kustomization cluster-apps --path kubernetes/apps` asks the cluster."


if __name__ == "__main__":
    command(main, failed=FAILED)
