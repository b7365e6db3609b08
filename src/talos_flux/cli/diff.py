"""talos-flux diff: show what a change of this repository does in the cluster."""

import json
from concurrent.futures import ThreadPoolExecutor

import click

from talos_flux.charts.sources import opened
from talos_flux.charts.updates import Target
from talos_flux.cli.commands import subcommand
from talos_flux.diff import diff_report
from talos_flux.diff.base_tree import base_of, unpacked
from talos_flux.diff.care import what_needs_care
from talos_flux.diff.chart_raises import raises
from talos_flux.diff.cluster_diff import ClusterDiff, by_app
from talos_flux.diff.differences import compare
from talos_flux.diff.flate import folder_of_roots, render
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.post_build import variables_in
from talos_flux.paths import ROOT
from talos_flux.repository.git_files import refuse_anything_but_a_repository
from talos_flux.repository.settings import version_of
from talos_flux.template.update.forge import LONGEST, forget_the_token, request_of_this_run
from talos_flux.terminal import done, progress_to_stderr, step, warn

TIMEOUT_SECONDS = 30
SHORT = 12
NEEDS_CARE = 2


@subcommand()
@click.argument("base", default="", metavar="[REVISION]")
@click.option("--fields", "with_fields", is_flag=True, help="Show how each object differs, too.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="Print for people, for a pull request, or for programs.",
)
@click.option("--comment", is_flag=True, help="In CI: write it into the pull request, as one comment that is renewed.")
@click.option(
    "--fail-on",
    type=click.Choice(["care"]),
    help="Fail where somebody has to look before it is merged: Renovate merges nothing then.",
)
def command(base: str, form: str, fail_on: str | None, *, with_fields: bool, comment: bool) -> int:
    """Show what a change does in the cluster.

    The files as they are here are compared with REVISION, by default with where this branch left the one that Flux
    follows. Both sides are rendered as Flux does, charts with their values included: which objects are added, changed
    or removed, which pods restart, what is deleted for good, what the API server refuses, and whether the values fit a
    chart of another version. What a Secret holds is hidden. Charts come from their registries.

    \b
    talos-flux diff
    talos-flux diff --fields HEAD~1

    Exit codes: 0 it is shown, 1 it could not be found out, 2 it needs care, with --fail-on=care.
    """
    refuse_anything_but_a_repository()
    request = request_of_this_run() if comment else None
    forget_the_token()
    if form == "text":
        step("Rendering both sides, charts included")
    else:
        progress_to_stderr()
    cluster_diff = difference(base_of(base))
    if request:
        done(f"It is in {request.comment(diff_report.MARK, diff_report.as_markdown(cluster_diff, LONGEST))}.")
    if form == "json":
        print(json.dumps(diff_report.as_data(cluster_diff), indent=2, default=str))
    elif form == "markdown":
        print(diff_report.as_markdown(cluster_diff, LONGEST))
    else:
        diff_report.show(cluster_diff, with_fields=with_fields)
    if cluster_diff.unknown:
        return 1
    reasons = what_needs_care(cluster_diff) if fail_on else []
    for reason in reasons:
        warn(f"Needs care: {reason}.")
    return NEEDS_CARE if reasons else 0


def difference(commit: str) -> ClusterDiff:
    """Return what the files here do in the cluster that those of a commit do not."""
    with unpacked(commit) as tree, opened((), TIMEOUT_SECONDS, offline=False) as sources:
        clusters = Cluster(tree), Cluster(ROOT)
        root = folder_of_roots(*clusters)
        with ThreadPoolExecutor(2) as pool:
            before, after = pool.map(render, (tree, ROOT), (ROOT, tree), (root, root))
        target = Target(variables_in(clusters[1]), version_of("kubernetes"))
        raised = list(raises(*clusters, sources, target))
        return by_app(commit[:SHORT], compare(before, after), after, clusters, raised)
