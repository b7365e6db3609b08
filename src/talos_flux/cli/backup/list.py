"""talos-flux backup list: list the backups of an app's volumes."""

from talos_flux.apps.backups import backups_of, refuse_without_backups, snapshots_of
from talos_flux.cli.backup import volume_options
from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.paths import ROOT
from talos_flux.repository.apps import Repository
from talos_flux.terminal import out, step


@subcommand(failed=CHECK_FAILED)
@volume_options
def command(namespaced_name: str, volume: str) -> None:
    """List the backups of an app's volumes.

    Each has the time that `talos-flux backup restore --as-of` takes. A pod beside the app asks restic, and goes
    again.
    """
    refuse_without_backups()
    app = Repository(ROOT).app_at(namespaced_name)
    for backup in backups_of(app.namespace, app.name, volume):
        step(f"{backup} is looked up, in a pod of its own.")
        snapshots = snapshots_of(backup)
        out.print(f"[bold]{backup}[/bold]: {len(snapshots)} backup{'' if len(snapshots) == 1 else 's'}")
        for snapshot in snapshots:
            out.print(f"  {snapshot}", markup=False)
