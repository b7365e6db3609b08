"""talos-flux backup restore: put an app's volumes back as they were backed up."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime

import click

from talos_flux.apps.backups import (
    Backup,
    backups_of,
    in_words,
    moment,
    refuse_without_backups,
    restore,
    wait_until_nothing_mounts,
    writers,
)
from talos_flux.cli.backup import volume_options
from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.repository.apps import Repository
from talos_flux.terminal import confirm, done, step, warn


@subcommand(failed=CHECK_FAILED)
@volume_options
@click.option("--as-of", "time", default="", help="Take the last backup before this time, e.g. 2026-11-20T03:00.")
@click.option("--yes", is_flag=True, help="Restore without asking.")
def command(namespaced_name: str, volume: str, time: str, *, yes: bool) -> None:
    """Put an app's volumes back as they were backed up.

    Flux and the app are stopped first, and go on in the end, whatever happens in between.
    """
    refuse_without_backups()
    app = Repository(ROOT).app_at(namespaced_name)
    as_of = moment(time) if time else None
    backups = backups_of(app.namespace, app.name, volume)
    claims = [backup.claim for backup in backups]
    lost = losses(backups, as_of)
    if yes:
        warn(lost)
    confirm(f"{lost} Stop {app} and restore?", yes=yes)

    left = []
    with ExitStack() as stopped:
        for writer in writers(app.namespace, app.name, claims):
            # Registered first, so that a stop that was interrupted is reverted as well.
            stopped.callback(writer.start)
            writer.stop()
            step(f"{writer} is stopped.")
        wait_until_nothing_mounts(app.namespace, claims)
        for backup in backups:
            step(f"{backup} is being restored.")
            try:
                restore(backup, as_of)
                done(f"{backup} is as it was backed up.")
            except UserError as refusal:
                left.append(backup)
                warn(str(refusal))
    if left:
        raise UserError(f"{', '.join(map(str, left))} was not restored; {app} runs again.")
    done(f"{app} starts again.")


def losses(backups: Sequence[Backup], as_of: datetime | None) -> str:
    """Return in words what a restore overwrites."""
    volumes = ", ".join(f"{backup} ({backup.last})" for backup in backups)
    when = f"the last backup of {in_words(as_of)} or before" if as_of else "the last backup"
    return f"Everything in {volumes} becomes as in {when}; what came later is lost."
