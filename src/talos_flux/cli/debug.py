"""talos-flux debug: say how an app is."""

import click

from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.diagnose import app_state
from talos_flux.diagnose.app_report import examine, show_more
from talos_flux.diagnose.report import show
from talos_flux.terminal import out


@subcommand(failed=CHECK_FAILED)
@click.option("--app", "namespaced_name", required=True, metavar="NAMESPACE/APP", help="Look at this app.")
@click.option("--json", "as_json", is_flag=True, help="Print the report for programs, without the logs.")
def command(namespaced_name: str, *, as_json: bool) -> int:
    """Say how an app is, from Flux down to its containers.

    What is not ready names its reason; the last warnings and the failing logs follow. Looking changes nothing.

    Exit codes: 0 healthy, 1 warnings, 2 critical, 3 something could not be looked at.
    """
    app = app_state.find(namespaced_name)
    report, failing = examine(app)
    show(report, out, as_json=as_json)
    if not as_json:
        show_more(app, failing)
    return CHECK_FAILED if report.unknown else int(report.level)
