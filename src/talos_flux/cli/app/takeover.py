"""talos-flux app takeover: say what Flux would do when this repository replaces another."""

import click

from talos_flux.apps.adopt import other_repository
from talos_flux.apps.takeover.comparison import Comparison, unreadable
from talos_flux.apps.takeover.sentences import is_lossless, sections, summary
from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.errors import UserError
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.paths import ROOT


@subcommand(failed=CHECK_FAILED)
@click.option("--from", "old", default="", metavar="FOLDER", help="Compare with this checkout of the old repository.")
def command(old: str) -> int:
    """Say from the files what Flux would delete, leave and make anew when this repository replaces another.

    \b
        talos-flux app takeover --from ../old

    A Kustomization that is in both, by namespace and name, deletes what it no longer has. The others of the old
    repository count as `deletionPolicy: Orphan`: they go, and what they applied stays. What charts make is not in the
    files.

    Exit codes: 0 nothing is lost, 1 something is deleted, moved or goes with its root, 3 the comparison itself failed.
    """
    comparison = Comparison(other_repository(old), this_repository())
    for heading, lines in sections(comparison):
        print(f"{heading}:")
        for line in lines:
            print(f"  {line}")
        print()
    print(f"{summary(comparison)} {what_next(comparison)}")
    return 0 if is_lossless(comparison) else 1


def this_repository() -> Cluster:
    """Return this repository.

    UserError when a file can't be read, since its objects would look deleted.
    """
    cluster = Cluster(ROOT)
    for text in unreadable(cluster):
        raise UserError(f"this repository can't be read as a whole: {text}.")
    if not cluster.kustomizations:
        raise UserError("this repository has nothing that Flux applies: no Kustomization applies others.")
    return cluster


def what_next(comparison: Comparison) -> str:
    """Return the next step for the user."""
    if not is_lossless(comparison):
        return (
            "Next: bring along what you want to keep, or annotate it in the old repository with "
            "kustomize.toolkit.fluxcd.io/prune: disabled and push that; then ask again."
        )
    if comparison.unprepared:
        return "Next: deletionPolicy: Orphan in the old repository; then ask again."
    return "Next: `flux diff kustomization cluster-apps --path kubernetes/apps` asks the cluster."
