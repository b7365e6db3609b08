"""talos-flux etcd snapshot: keep etcd as it is now."""

from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.repository.settings import inventory
from talos_flux.talos import config, etcd_snapshots
from talos_flux.terminal import done, step


@subcommand(failed=CHECK_FAILED)
def command() -> None:
    """Keep etcd as it is now in snapshots/.

    Git ignores that folder, and only you can read it: a snapshot holds every Secret in clear. Older ones stay.
    """
    config.refuse_without_talosconfig()
    step("Asking etcd for a snapshot")
    taken = etcd_snapshots.take(inventory())
    done(f"{etcd_snapshots.described(taken)} holds every Secret in clear: keep a copy like a password.")
