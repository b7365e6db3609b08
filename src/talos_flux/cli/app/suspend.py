"""talos-flux app suspend: let Flux leave an app alone."""

import click

from talos_flux.apps import flux_commands
from talos_flux.cli.commands import CHECK_FAILED, subcommand, timeout_option


@subcommand(failed=CHECK_FAILED)
@click.option("--app", required=True, metavar="NAMESPACE/APP", help="Leave this app alone.")
@timeout_option(5, "Wait so long for Flux.")
def command(app: str, timeout: float) -> None:
    """Let Flux leave an app alone, so that you can repair it by hand.

    Flux leaves the app's Kustomization and HelmReleases as they are.

    Exit codes: 0 all of the app is suspended, 3 it did not succeed.
    """
    flux_commands.suspend(app, timeout)
