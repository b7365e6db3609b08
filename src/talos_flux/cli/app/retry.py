"""talos-flux app retry: let Flux try an app again."""

import click

from talos_flux.apps import flux_commands
from talos_flux.cli.commands import CHECK_FAILED, Minutes, subcommand


@subcommand(failed=CHECK_FAILED)
@click.option("--app", required=True, metavar="NAMESPACE/APP", help="Try this app again.")
@click.option("--timeout", type=Minutes(), default=5, metavar="MINUTES", help="Wait so long for Flux; 5 by default.")
def command(app: str, timeout: float) -> None:
    """Let Flux try an app again that it gave up.

    Flux forgets how often a HelmRelease failed, and tries it once more now.

    Exit codes: 0 the app is tried again, with success, 3 it did not succeed.
    """
    flux_commands.retry(app, timeout)
