"""talos-flux app adopt: copy an app of another repository into this one."""

import click

from talos_flux.apps.adopt import Adoption, other_repository
from talos_flux.apps.interrupted import take_back_interrupted_changes
from talos_flux.apps.mending.drafts import with_drafts
from talos_flux.apps.mending.equivalents import Equivalents
from talos_flux.apps.mending.menders import plan_of
from talos_flux.apps.mending.mending_lines import MendingReport
from talos_flux.apps.mending.plan import MendingPlan
from talos_flux.check.rule import Finding
from talos_flux.cli.commands import subcommand
from talos_flux.errors import UserError
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.paths import ROOT
from talos_flux.repository.apps import Repository, namespace_and_name
from talos_flux.repository.transaction import FileTransaction
from talos_flux.terminal import done, out, warn
from talos_flux.validate.external_tools import yamllint


@subcommand()
@click.option("--app", default="", metavar="NAMESPACE/APP", help="Copy this app.")
@click.option("--from", "old", default="", metavar="FOLDER", help="Copy it from this checkout of the other repository.")
@click.option("--mend", is_flag=True, help="Write the lines that mend it as well.")
def command(app: str, old: str, *, mend: bool) -> None:
    """Copy an app of another repository into this one, so that Flux applies it here as it does there.

    Everything is written, or nothing. What its root filled in is written into ks.yaml, components and chart sources
    come along, and manifests get the style of this repository where that changes nothing in them. Then it says what the
    checks find in it: for each error the lines to write, where another line can mend it, which kinds nobody brings,
    which variables nobody fills in, and what yamllint refuses.

    \b
    Exit codes: 0 copied, whatever is left to mend; 1 refused, and nothing changed.
    """
    take_back_interrupted_changes()
    app_identity = namespace_and_name(app, "APP")
    repository = Repository(ROOT)
    adoption = Adoption(repository, other_repository(old), *app_identity)
    adoption.refuse_what_is_taken()
    texts = adoption.texts()
    own = set(texts) - {repository.short(adoption.registry)}
    here = Cluster(ROOT)
    plan = plan_of(Equivalents(here, adoption.old, old), with_drafts(here, texts), own.__contains__)

    with FileTransaction() as change:
        draft = change.copy(adoption.old.root / adoption.folder)
        for path, text in adoption.files.items():
            (draft / path).write_text(text)
        change.move(draft, adoption.new_folder)
        for new, before in adoption.shared_to_copy.items():
            change.move(change.copy(adoption.old.root / before), ROOT / new)
        for path, text in {**adoption.shared_texts, **(plan.texts if mend else {})}.items():
            change.write(ROOT / path, text)
        change.write(adoption.registry, texts[repository.short(adoption.registry)])
        for name in adoption.sources:
            path = repository.short(repository.folder_of_sources / f"{name}.yaml")
            change.write(ROOT / path, plan.texts.get(path, texts[path]) if mend else texts[path])

    new, changed_style = repository.short(adoption.new_folder), adoption.styled_only()
    done(
        f"{new} is {adoption.namespaced_name}, and its namespace lists it. "
        f"Changed: {', '.join(sorted(set(adoption.files) - set(changed_style))) or 'nothing'}."
    )
    if changed_style:
        done(f"In the style of this repository, with the same meaning: {', '.join(sorted(changed_style))}.")
    for name in adoption.sources:
        done(f"its chart's source {name} is new in {repository.short(repository.folder_of_sources)}.")
    for path in adoption.shared_to_copy:
        done(f"{path} came along: the app builds on it.")
    warn_of_what_differs(adoption, new)
    show_mendings(plan, style_findings(own), is_written=mend)
    done("Next: `task check` says all, `task adopt:check` what Flux would do.")


def warn_of_what_differs(adoption: Adoption, new: str) -> None:
    """Warn about what differs from the other repository: charts, Secrets, variables and components."""
    for before, source in adoption.other_charts():
        source_path = adoption.repository.short(source.path)
        warn(f"its chart was {before}, and is {source.url} {source.version} now: {source_path}.")
    for name in adoption.secrets_elsewhere():
        warn(f"Flux reads its Secret {name} in flux-system from now on: it must be there.")
    for path in adoption.filled_from_now_on():
        warn(f"{new}/{path}: Flux filled in no variable there, and does here. Write $${{…}} for what a program reads.")
    for sentence in adoption.variables_in_words():
        warn(f"{new}/{sentence}")
    for path in adoption.left_behind():
        warn(f"{path} stays behind: it makes Namespaces, settings or keys, which are here without it. Take it out.")
    for path in adoption.shared_and_different():
        warn(f"{path} is another one there: this repository's stays.")


def style_findings(own: set[str]) -> list[Finding]:
    """Return what yamllint finds in the app's files; without yamllint, say so."""
    try:
        return list(yamllint(Cluster(ROOT), own))
    except UserError as refusal:
        warn(str(refusal))
        return []


def show_mendings(plan: MendingPlan, style: list[Finding], *, is_written: bool) -> None:
    """Print what is to mend, or what has been mended, and what is left."""
    report = MendingReport(plan, style, is_written=is_written)
    for line in report.lines():
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    done(report.summary())
