"""talos-flux validate: check this repository as the commit hook and CI do."""

from pathlib import Path

import click

from talos_flux.charts.at_hand import registries
from talos_flux.check import output
from talos_flux.cli.commands import CHECK_FAILED, say_error, subcommand
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.paths import ROOT
from talos_flux.validate import external_tools
from talos_flux.validate.all_checks import validate


@subcommand(failed=CHECK_FAILED)
@click.option("--changed", is_flag=True, help="Check only what differs from the last commit.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "github"]),
    default="text",
    show_default=True,
    help="github annotates lines.",
)
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="FILE", help="Write there what GitLab shows at the lines."
)
@click.option(
    "--fail-on",
    type=click.Choice(["warning", "error"]),
    default="warning",
    show_default=True,
    help="The least that is a failure.",
)
@click.option(
    "--offline",
    is_flag=True,
    envvar="TALOS_FLUX_OFFLINE",
    help="Ask no registry: judge by the charts that are on this computer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings for programs.")
def command(form: str, report: Path | None, fail_on: str, *, changed: bool, offline: bool, as_json: bool) -> int:
    """Check this repository as the commit hook and CI do.

    \b
    yamllint           YAML is well formed, and no key stands twice
    kustomize          every kustomization builds, with every file that it lists
    gitleaks           nothing looks like a password, a key or a token, not in archives either
    charts             values fit the schema of their chart, and the chart is there
    talosctl           every machine configuration is one, where it is installed
    talos-flux check   everything that this repository's own rules know

    Every file is looked at that git tracks or would add. Secrets that can be read are found also in the staged text
    where that differs. Charts are fetched and kept, for a minute at most: what is not here by then is said, and no
    error, and neither is a registry that does not answer. With --offline, as the commit hook has it, nobody is asked.

    Exit codes: 0 nothing found, 1 warnings (0 with --fail-on=error), 2 errors, 3 a check could not run.
    """
    chosen = external_tools.changed() if changed else None
    cluster = Cluster(ROOT)
    with registries(offline=offline) as asked:
        findings, failures = validate(cluster, chosen, asked, in_full=as_json)
    findings = output.condensed(findings)
    output.show(findings, "json" if as_json else form, cluster.unjudged)
    if report:
        try:
            output.report(findings, report)
        except OSError as error:
            failures.append(f"{report} can't be written: {error.strerror}")
    for failure in failures:
        say_error(f"{failure}.")
    if failures:
        return CHECK_FAILED
    if not findings and not as_json:
        print(f"Nothing found in {len(cluster.files if chosen is None else chosen)} files.")
    code = output.exit_code(findings)
    return 0 if code == output.WARNINGS and fail_on == "error" else code
