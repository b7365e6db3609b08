"""talos-flux app remove: take an app out of the repository."""

import click

from talos_flux.apps.interrupted import take_back_interrupted_changes
from talos_flux.apps.managed import refuse_if_managed
from talos_flux.apps.references import addresses_of, mounts_of, registrations, registry, say_if_empty, unregistered
from talos_flux.apps.remove import items_of, losses, refuse_while_needed, unshared_sources
from talos_flux.cli.commands import subcommand
from talos_flux.paths import ROOT
from talos_flux.repository.apps import Repository
from talos_flux.repository.transaction import FileTransaction
from talos_flux.secrets.store import store
from talos_flux.terminal import confirm, done, warn


@subcommand()
@click.option("--app", "namespaced_name", default="", metavar="NAMESPACE/APP", help="Remove this app.")
@click.option("--yes", is_flag=True, help="Remove without asking.")
def command(namespaced_name: str, *, yes: bool) -> None:
    """Take an app out of the repository: its folder, its registration, and its chart source if nothing else uses it.

    What stands in the way is said first; then everything happens, or nothing.
    """
    take_back_interrupted_changes()
    repository = Repository(ROOT)
    app = repository.app_at(namespaced_name)
    refuse_if_managed(app)
    refuse_while_needed(repository, app)
    sources = {source.path for source in unshared_sources(repository, app)}
    lines = registrations(repository, app)
    items, addresses, mounts = items_of(repository, app), addresses_of(repository, app), mounts_of(repository, app)
    lost = losses(repository, app)
    if yes:
        warn(lost)
    confirm(f"{lost} Remove {app}?", yes=yes)

    with FileTransaction() as change:
        if lines:
            change.write(registry(repository, app.namespace), unregistered(repository, app))
        for path in sources:
            change.delete(path)
        change.delete(app.folder)

    done(f"{repository.short(app.folder)} is gone{', and its line in the namespace' if lines else ''}.")
    for path in sources:
        done(f"{repository.short(path)} is gone: no other app uses it.")
    for item in items:
        done(f"{store().in_words(item)} is as it was: delete it there once nothing needs it.")
    for address in addresses:
        warn(f"{address} is an address of {app}.")
    for mount in mounts:
        warn(f"{mount} mounts a claim of {app}.")
    say_if_empty(repository, app)
    done("Next: `git add kubernetes && git commit`, then push.")
