"""talos-flux charts: say which charts have newer versions, and what each of them changes."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from talos_flux.apps.interrupted import take_back_interrupted_changes
from talos_flux.charts import apply, charts_report, pins, updates
from talos_flux.charts.constraint import number_of
from talos_flux.charts.rendering import is_installed
from talos_flux.charts.sources import opened
from talos_flux.charts.updates import Result, Target, Update
from talos_flux.cli.commands import CHECK_FAILED, Seconds, say_error, subcommand
from talos_flux.errors import UserError
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.post_build import variables_in
from talos_flux.paths import ROOT
from talos_flux.repository.settings import version_of
from talos_flux.terminal import done, progress_to_stderr, step, warn

NEWER, CARE = 1, 2
# The least exit code with which the command fails, by --fail-on.
FAIL_ON = {"update": NEWER, "care": CARE, "failure": CHECK_FAILED}


@subcommand(failed=CHECK_FAILED)
@click.argument("apps", nargs=-1, metavar="[APP]...")
@click.option(
    "--apply",
    "level",
    type=click.Choice(["PATCH", "MINOR"], case_sensitive=False),
    metavar="PATCH|MINOR",
    help="Write newer versions up to this level; one that needs care only for apps that are named.",
)
@click.option(
    "--charts",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Take charts from this folder; may be given several times.",
)
@click.option("--offline", is_flag=True, help="Ask nobody: take --charts, and what helm and helmfile fetched before.")
@click.option(
    "--timeout",
    type=Seconds(0.1, 600),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="Wait so long for an answer.",
)
@click.option("--values", "with_values", is_flag=True, help="Show how the default values differ.")
@click.option(
    "--fail-on",
    type=click.Choice(list(FAIL_ON)),
    default="update",
    show_default=True,
    help="The least that is a failure.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def command(
    apps: Sequence[str],
    level: str | None,
    folders: Sequence[Path],
    timeout: float,
    fail_on: str,
    *,
    offline: bool,
    with_values: bool,
    as_json: bool,
) -> int:
    """Say which charts have newer versions.

    APP is the namespace/name of a HelmRelease, or its name alone; without any, all are looked at. For each version it
    is said what it changes for the values in this repository: default values, schemas, limits for Kubernetes, and the
    images that helm makes of both charts are compared. Nothing is changed without --apply, which writes the version's
    line and nothing else.

    \b
    talos-flux charts media/jellyfin
    talos-flux charts --apply PATCH

    Exit codes: 0 nothing newer, 1 updates, 2 an update that something of yours has to change for, 3 something could
    not be found out.
    """
    if missing := [folder for folder in folders if not folder.is_dir()]:
        raise UserError(f"--charts {missing[0]} is no folder.")
    if level:
        take_back_interrupted_changes()
    cluster = Cluster(ROOT)
    unreadable = [f"{text}." for text in pins.unreadable(cluster)]
    every_pin = pins.pins(cluster)
    named = pins.named(every_pin, apps)
    selected = [pin for pin in every_pin if not named or named & set(pin.users)]
    kubernetes = version_of("kubernetes")
    if number_of(kubernetes) is None:
        raise UserError(f"kubernetesVersion in talos/versions.yaml is {kubernetes}, and no version like v1.2.3.")
    if as_json:
        progress_to_stderr()
    else:
        step(f"Comparing {charts_report.charts(len(selected))}{' with what is here' if offline else ''}")
    if not is_installed():
        warn("helm is not installed, so images are not compared: `mise install` installs it.")
    with opened(folders, timeout, offline=offline) as sources:
        results = updates.look(selected, sources, Target(variables_in(cluster), kubernetes))
    if not as_json:
        charts_report.show(results, ROOT, kubernetes, with_values=with_values)
    edits = write(results, level, named) if level else []
    if as_json:
        data = charts_report.as_data(results, ROOT, kubernetes)
        data["applied"] = [{"path": edit.place.path, "old": edit.old, "new": edit.new} for edit in edits]
        print(json.dumps(data, indent=2, default=str))
    unknown = [*unreadable, *updates.unknowns(results)]
    for sentence in unknown:
        say_error(sentence)
    code = CHECK_FAILED if unknown else code_of(list(apply.not_written(results, edits)))
    return code if code >= FAIL_ON[fail_on] else 0


def write(results: list[Result], level: str, named: set[str]) -> list[apply.Edit]:
    """Print the edits, write all or none, and return them; what needs care is written only for named releases."""
    edits, left_out = apply.chosen(results, level.lower(), named)
    for update in left_out:
        warn(str(update))
    if not edits:
        done(f"Nothing to apply up to {level}.")
        return []
    for edit in edits:
        step(str(edit))
    apply.write(ROOT, edits)
    count = f"{len(edits)} versions are" if len(edits) > 1 else "1 version is"
    done(f"{count} written. `git diff` shows it; nothing is committed.")
    return edits


def code_of(remaining: Sequence[Update]) -> int:
    """Return the exit code for the updates that remain."""
    return CARE if any(update.needs_care for update in remaining) else NEWER if remaining else 0
