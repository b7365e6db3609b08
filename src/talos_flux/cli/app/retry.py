"""talos-flux app retry: let Flux try an app again."""

import click

from talos_flux.apps import flux_commands
from talos_flux.cli.commands import CHECK_FAILED, subcommand, timeout_option


@subcommand(failed=CHECK_FAILED)
@click.option("--app", required=True, metavar="NAMESPACE/APP", help="Try this app again.")
@timeout_option(5, "Wait so long for Flux.")
def command(app: str, timeout: float) -> None:
    """Let Flux try an app again that it gave up.

    Flux forgets how often a HelmRelease failed, and tries it once more now.

    Exit codes: 0 the app is tried again, with success, 3 it did not succeed.
    """
    flux_commands.retry(app, timeout)
