"""talos-flux backup now: back an app's volumes up now."""

from talos_flux.apps.backups import back_up, backups_of, refuse_without_backups
from talos_flux.cli.backup import volume_options
from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.paths import ROOT
from talos_flux.repository.apps import Repository
from talos_flux.terminal import done, step


@subcommand(failed=CHECK_FAILED)
@volume_options
def command(namespaced_name: str, volume: str) -> None:
    """Back an app's volumes up now.

    Do so before something that may go wrong. One volume is backed up after the other.
    """
    refuse_without_backups()
    app = Repository(ROOT).app_at(namespaced_name)
    for backup in backups_of(app.namespace, app.name, volume):
        step(f"{backup} is being backed up ({backup.last}).")
        back_up(backup)
        done(f"{backup} is backed up.")
