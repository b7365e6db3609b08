"""talos-flux app move: move an app to another namespace."""

import click

from talos_flux.apps.claims import claims_in
from talos_flux.apps.interrupted import take_back_interrupted_changes
from talos_flux.apps.managed import refuse_if_managed
from talos_flux.apps.move import Move, is_stricter, namespace_to_move_to
from talos_flux.apps.references import (
    addresses_of,
    mounts_of,
    refuse_while_read,
    registrations,
    registry,
    say_if_empty,
    unregistered,
)
from talos_flux.cli.commands import subcommand
from talos_flux.paths import ROOT
from talos_flux.repository.apps import Repository
from talos_flux.repository.kustomization_edits import with_resource
from talos_flux.repository.transaction import FileTransaction
from talos_flux.terminal import confirm, done, warn


@subcommand()
@click.option("--app", "namespaced_name", default="", metavar="NAMESPACE/APP", help="Move this app.")
@click.option("--to", default="", metavar="NAMESPACE", help="Move it to this namespace.")
@click.option("--yes", is_flag=True, help="Move without asking.")
def command(namespaced_name: str, to: str, *, yes: bool) -> None:
    """Move an app to another namespace. Its data is not moved: the cluster makes it anew there.

    What stands in the way is said first; then everything happens, or nothing.
    """
    take_back_interrupted_changes()
    repository = Repository(ROOT)
    app = repository.app_at(namespaced_name)
    refuse_if_managed(app)
    namespace = namespace_to_move_to(repository, app, to)
    refuse_while_read(repository, app.folder)
    move = Move(repository, app, namespace)
    move.refuse_if_files_are_left_behind()
    files, lines = move.files(), registrations(repository, app) or [f"./{app.folder.name}/ks.yaml"]
    doubts, addresses, mounts = move.doubts(files), addresses_of(repository, app), mounts_of(repository, app)
    before, after = (repository.pod_security(name) for name in (app.namespace, namespace))
    claims = claims_in(repository, app.folder).in_words(app.namespace)
    if yes:
        warn(f"Moving carries no data. {claims}")
    confirm(f"Moving carries no data. {claims} Move {app} to {namespace}?", yes=yes)

    with FileTransaction() as change:
        for path, text in files.items():
            change.write(path, text)
        change.move(app.folder, move.new_folder)
        change.write(registry(repository, app.namespace), unregistered(repository, app))
        new_registry = registry(repository, namespace)
        text = new_registry.read_text()
        for line in lines:
            text = with_resource(text, line)
        change.write(new_registry, text)

    done(f"{repository.short(move.new_folder)} is {app}, and namespace {namespace} lists it.")
    for doubt in doubts:
        warn(f"look at {doubt}: is it there, seen from namespace {namespace}?")
    for address in addresses:
        warn(f"{address} is an address of {app}: it is in namespace {namespace} now.")
    for mount in mounts:
        warn(f"{mount} mounts a claim of {app}, which can only be mounted in namespace {namespace} now.")
    if is_stricter(after, before):
        warn(f"namespace {namespace} allows {after} pods, {app.namespace} {before} ones: does {app} need more?")
    say_if_empty(repository, app)
    done("Next: `git add kubernetes && git commit`, then push.")
