"""talos-flux backup keys: say whether every key is where it must be."""

import click

from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.diagnose.key_copies import copies, examine
from talos_flux.diagnose.problem import Level
from talos_flux.diagnose.report import show
from talos_flux.terminal import out


@subcommand(failed=CHECK_FAILED)
@click.option("--json", "as_json", is_flag=True, help="Print the result for programs.")
def command(*, as_json: bool) -> int:
    """Say whether every key is where it must be.

    Also says which copies bring the cluster back. What is encrypted is decrypted in memory; no value is printed, and
    nothing is changed.

    Exit codes: 0 all are there, 2 something is missing, 3 the check itself failed.
    """
    report = examine()
    show(report, out, as_json=as_json)
    if not as_json:
        out.print("Keep outside of this computer and of the cluster:")
        for line in copies():
            out.print(f"  - {line}", markup=False)
    return Level.CRITICAL if report.level else Level.HEALTHY
