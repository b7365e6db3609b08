"""Everything that the commit hook and CI check, one check after the other."""

from collections.abc import Callable, Iterable, Iterator

from talos_flux.charts.at_hand import Registries
from talos_flux.charts.chart_values import REFUSED, ChartJudgement, in_one_line
from talos_flux.charts.image_references import MISSING_IMAGE, ImageJudgement
from talos_flux.check import output
from talos_flux.check.rule import Finding, Severity, is_waived
from talos_flux.check.rules import findings
from talos_flux.errors import UserError
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.process import has
from talos_flux.terminal import err
from talos_flux.validate import external_tools
from talos_flux.validate.staged import private, staged

Check = Callable[[Cluster, set[str] | None], Iterable[Finding]]


def validate(
    cluster: Cluster, chosen: set[str] | None, registries: Registries, *, in_full: bool
) -> tuple[list[Finding], list[str]]:
    """Return the findings by location, without hints, and why checks could not run, each without a full stop.

    `chosen` are the files to check, None for all. What could not be judged is in the cluster's `unjudged` then, by name
    if wanted `in_full`.
    """
    findings_of_all: list[Finding] = []
    failures: list[str] = []
    for check in _checks():
        try:
            findings_of_all += check(cluster, chosen)
        except UserError as refusal:
            failures.append(str(refusal).removesuffix("."))
    findings_of_all += findings(cluster)
    findings_of_all += _by_registries(cluster, chosen, registries, in_full=in_full)
    if not cluster.kustomizations:
        failures.append(output.NO_ROOT.removesuffix("."))
    # A set, because the same line can be wrong in the work tree and in the index.
    selected = {
        finding
        for finding in findings_of_all
        if (chosen is None or finding.place.path in chosen) and finding.rule.severity is not Severity.HINT
    }
    by_place = sorted(
        _without_what_a_rule_says_better(selected),
        key=lambda finding: (finding.place.path, finding.place.line, finding.rule.id),
    )
    return by_place, failures


def _by_registries(
    cluster: Cluster, chosen: set[str] | None, registries: Registries, *, in_full: bool
) -> Iterator[Finding]:
    """Yield what is wrong by charts and registries, unless it is waived, and note what these don't tell."""
    for judgement, rule, what in (
        (ChartJudgement(cluster, registries), REFUSED, "chart"),
        (ImageJudgement(cluster, registries), MISSING_IMAGE, "image"),
    ):
        for finding in judgement.findings(chosen):
            if not is_waived(cluster.files.get(finding.place.path), finding):
                yield finding
        if not_judged := judgement.not_judged:
            names = {f"{one.name}: {one.why}" for one in not_judged}
            cluster.unjudged[rule.id] = names if in_full else {in_one_line(not_judged, what)}


def _without_what_a_rule_says_better(findings: set[Finding]) -> set[Finding]:
    """Return the findings without those of gitleaks at a place where a rule of ours names the secret."""
    of_gitleaks = {finding for finding in findings if finding.rule is external_tools.GITLEAKS}
    named = {finding.place for finding in findings - of_gitleaks if finding.rule.id.startswith("secret-")}
    return {finding for finding in findings if finding not in of_gitleaks or finding.place not in named}


def _checks() -> list[Check]:
    """Return the checks of other tools, without those of gitleaks and talosctl where these are not installed."""
    checks: list[Check] = [external_tools.yamllint, external_tools.kustomize, staged, private]
    for tool, check, unchecked in (
        ("gitleaks", external_tools.gitleaks, "secrets are looked for by this repository's own rules alone"),
        ("talosctl", external_tools.machines, "machine configurations are not checked"),
    ):
        if has(tool):
            checks.append(check)
        else:
            err.print(f"{tool} is not installed: {unchecked}.", markup=False)
    return checks
