"""talos-flux app resume: let Flux follow an app again."""

import click

from talos_flux.apps import flux_commands
from talos_flux.cli.commands import CHECK_FAILED, subcommand, timeout_option


@subcommand(failed=CHECK_FAILED)
@click.option("--app", required=True, metavar="NAMESPACE/APP", help="Follow this app again.")
@timeout_option(5, "Wait so long for Flux.")
def command(app: str, timeout: float) -> None:
    """Let Flux follow an app again.

    Flux applies Git again to the app's Kustomization and HelmReleases.

    Exit codes: 0 nothing of the app is suspended, 3 it did not succeed.
    """
    flux_commands.resume(app, timeout)
