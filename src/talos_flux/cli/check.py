"""talos-flux check: find in the files what would break the cluster."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from talos_flux.check import output
from talos_flux.check.graph_mermaid import graph_mermaid
from talos_flux.check.graph_svg import graph_svg
from talos_flux.check.rule import Severity
from talos_flux.check.rules import RULES, findings
from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.errors import UserError, did_you_mean
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.paths import ROOT

GRAPHS = {"mermaid": graph_mermaid, "svg": graph_svg}


@subcommand(failed=CHECK_FAILED)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--root", type=click.Path(path_type=Path), default=ROOT, help="Check another repository of this layout.")
@click.option("--rule", "rules", multiple=True, metavar="ID", help="Apply only this rule; may be given several times.")
@click.option(
    "--explain",
    metavar="ID",
    default="",
    help="Explain a rule, or all: why, what to do, and what it can't judge here.",
)
@click.option("--format", "form", type=click.Choice(["text", "github"]), default="text", help="github annotates lines.")
@click.option(
    "--graph",
    type=click.Choice(list(GRAPHS)),
    is_flag=False,
    flag_value="mermaid",
    help="Draw what waits for what, and check nothing.",
)
@click.option("--hints", is_flag=True, help="Show hints, too: what breaks nothing, and is a matter of taste.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings for programs.")
def command(
    paths: Sequence[Path],
    root: Path,
    rules: Sequence[str],
    explain: str,
    form: str,
    graph: str | None,
    *,
    hints: bool,
    as_json: bool,
) -> int:
    """Find in the files what would break the cluster.

    What Flux applies is checked, after every patch, in the namespace it ends up in. PATH limits the findings to files
    and folders, --rule to rules: otherwise what warns of one thing many times is shown once, and hints are counted. A
    finding that is meant to be so is waived in its line, or in a comment above:
    `# allow <rule>: <reason>`.

    Exit codes: 0 nothing found, 1 warnings, 2 errors, 3 the check itself failed.
    """
    refuse_unknown_rules([*rules, *([explain] if explain not in ("", "all") else [])])
    if explain:
        print_rules(explain)
        print_unjudged(explain, root)
        return 0
    chosen = places(paths, root)
    cluster = Cluster(root.resolve())
    if graph and cluster.kustomizations:
        print(GRAPHS[graph](cluster))
        return 0
    every = [finding for finding in findings(cluster, rules) if is_in(finding.place.path, chosen)]
    hidden = [] if hints or rules else [finding for finding in every if finding.rule.severity is Severity.HINT]
    reported = [finding for finding in every if finding not in hidden]
    # Whoever asks for a rule wants to see all that it finds.
    reported = reported if rules else output.condensed(reported)
    output.show(reported, "json" if as_json else form, cluster.unjudged)
    if form == "text" and not as_json:
        output.say_hints(hidden)
    if not cluster.kustomizations:
        sys.stdout.flush()
        raise UserError(output.NO_ROOT)
    if not reported and not as_json:
        print(f"Nothing found in {len(cluster.kustomizations)} Kustomizations and {len(cluster.objects)} objects.")
    return output.exit_code(reported)


def refuse_unknown_rules(names: Sequence[str]) -> None:
    """Raise UserError when a name is not a rule's."""
    for name in names:
        if name not in RULES:
            raise UserError(f"{name} is no rule{did_you_mean(name, RULES)} --explain all lists them.")


def places(paths: Sequence[Path], root: Path) -> list[str]:
    """Return the paths relative to the repository; UserError when one is not in it."""
    if not root.is_dir():
        raise UserError(f"{root} is no folder.")
    if missing := [path for path in paths if not path.exists()]:
        raise UserError(f"{missing[0]} is not there.")
    relative = [os.path.relpath(path.resolve(), root.resolve()) for path in paths]
    for path, relative_path in zip(paths, relative, strict=True):
        if relative_path.split("/")[0] == "..":
            raise UserError(f"{path} is not in {root.resolve()}.")
    return relative


def is_in(path: str, chosen: Sequence[str]) -> bool:
    """Return whether a path is one of these, or below one; True when there are none."""
    return not chosen or any(folder in (".", path) or path.startswith(f"{folder}/") for folder in chosen)


def print_rules(name: str) -> None:
    """Print what a rule is about, or all of them."""
    for rule in RULES.values():
        if name in ("all", rule.id):
            print(f"{rule.id} ({rule.severity.value})\n  {rule.why}\n  {rule.fix}")


def print_unjudged(name: str, root: Path) -> None:
    """Print what a rule leaves alone in a repository, reason by reason, those with most of it first."""
    rule = RULES.get(name)
    if not rule or not rule.unjudged or not root.is_dir():
        return
    by_reason: dict[str, list[str]] = {}
    for place, text in rule.unjudged(Cluster(root.resolve())):
        what, _, reason = text.partition(": ")
        by_reason.setdefault(reason, []).append(f"    {place.path}:{place.line}: {what}")
    count = sum(map(len, by_reason.values()))
    print(f"  Not judged here: {count or 'nothing'}")
    for reason, lines in sorted(by_reason.items(), key=lambda entry: (-len(entry[1]), entry[0])):
        print("\n".join([f"  {reason}:", *dict.fromkeys(lines)]))
