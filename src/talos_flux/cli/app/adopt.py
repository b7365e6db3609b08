"""talos-flux app adopt: copy an app of another repository into this one."""

import shlex
from pathlib import Path

import click

from talos_flux.apps.adopt import Adoption, other_repository
from talos_flux.apps.interrupted import take_back_interrupted_changes
from talos_flux.check.rule import Severity
from talos_flux.check.rules import findings
from talos_flux.cli.commands import subcommand
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.paths import ROOT
from talos_flux.repository.apps import Repository, namespace_and_name
from talos_flux.repository.kustomization_edits import with_resource
from talos_flux.repository.transaction import FileTransaction
from talos_flux.terminal import done, out, warn


@subcommand()
@click.option("--app", default="", metavar="NAMESPACE/APP", help="Copy this app.")
@click.option("--from", "old", default="", metavar="FOLDER", help="Copy it from this checkout of the other repository.")
def command(app: str, old: str) -> None:
    """Copy an app of another repository into this one, so that Flux applies it here as it does there.

    Everything is written, or nothing; then the checks say what they find in it.
    """
    take_back_interrupted_changes()
    app_identity = namespace_and_name(app, "APP")
    repository = Repository(ROOT)
    adoption = Adoption(repository, other_repository(old), *app_identity)
    adoption.refuse_what_is_taken()
    files, sources, left_behind = adoption.files(), adoption.sources(), adoption.components_left_behind()

    with FileTransaction() as change:
        draft = change.copy(adoption.old.root / adoption.folder)
        for path, text in files.items():
            (draft / path).write_text(text)
        change.move(draft, adoption.new_folder)
        text = adoption.registry.read_text()
        for line in adoption.registrations:
            text = with_resource(text, line)
        change.write(adoption.registry, text)
        for name, content in sources.items():
            change.write(repository.folder_of_sources / f"{name}.yaml", content)

    new = repository.short(adoption.new_folder)
    done(
        f"{new} is {adoption.namespaced_name}, and its namespace lists it. "
        f"Changed: {', '.join(sorted(files)) or 'nothing'}."
    )
    for name in sources:
        done(f"its chart's source {name} is new in {repository.short(repository.folder_of_sources)}.")
    warn_of_what_differs(adoption, new, left_behind)
    show_findings(new)
    done("Next: `task check` says all, `task adopt:check` what Flux would do.")


def warn_of_what_differs(adoption: Adoption, new: str, left_behind: dict[str, str]) -> None:
    """Warn about what differs from the other repository: charts, Secrets, variables and components."""
    for before, source in adoption.other_charts():
        source_path = adoption.repository.short(source.path)
        warn(f"its chart was {before}, and is {source.url} {source.version} now: {source_path}.")
    for name in adoption.secrets_elsewhere():
        warn(f"Flux reads its Secret {name} in flux-system from now on: it must be there.")
    for path in adoption.filled_from_now_on():
        warn(f"{new}/{path}: Flux filled in no variable there, and does here. Write $${{…}} for what a program reads.")
    for path, name, parent in adoption.no_longer_filled():
        warn(f"{new}/{path}: {parent} filled in ${{{name}}} there, and nothing does here: write its value.")
    for folder, before in left_behind.items():
        parent, component = shlex.quote(str(Path(folder).parent)), shlex.quote(str(adoption.old.root / before))
        warn(f"{folder} is not here: take the entry out, or mkdir -p {parent} && cp -r {component} {parent}/")


def show_findings(new: str) -> None:
    """Print the errors that the checks find in the app's new folder, and count the warnings."""
    of_the_app = [finding for finding in findings(Cluster(ROOT)) if finding.place.path.startswith(f"{new}/")]
    errors = [finding for finding in of_the_app if finding.rule.severity is Severity.ERROR]
    for finding in errors:
        out.print(f"  {finding}", markup=False, highlight=False, soft_wrap=True)
    done(f"Errors to mend: {len(errors)}; warnings, which can wait: {len(of_the_app) - len(errors)}.")
