"""talos-flux gate: say whether a node may be upgraded now."""

import click

from talos_flux.cli.commands import CHECK_FAILED, subcommand, timeout_option, watch_options
from talos_flux.diagnose import gate, waiting
from talos_flux.diagnose.report import show
from talos_flux.diagnose.runner import run
from talos_flux.repository import settings
from talos_flux.terminal import err, out


@subcommand(failed=CHECK_FAILED)
@click.option("-v", "--verbose", is_flag=True, help="Also say what is well.")
@click.option("--wait", is_flag=True, help="Wait until a node may be upgraded, and say for what.")
@timeout_option(20, "With --wait, wait so long.")
@watch_options
def command(
    timeout: float, context: str | None, interval: float, *, verbose: bool, wait: bool, watch: bool, as_json: bool
) -> int:
    """Say whether a node may be upgraded now.

    etcd must have a quorum and a member to spare; the nodes, the control plane, the network, DNS and Flux must be
    whole. An app that fails stops no upgrade and is a warning. Looking changes nothing.

    Exit codes: 0 ready, 1 ready with warnings, 2 not ready, 3 something could not be looked at.
    """
    inventory = settings.inventory()
    if watch:
        examine = gate.Gate(inventory, verbose=verbose).examine
        return run(gate.KINDS, examine, context=context, watch=True, interval=interval, as_json=as_json)
    if wait:
        verdict = waiting.wait(inventory, timeout, say_what_for, context=context, verbose=verbose)
    else:
        verdict = waiting.look(inventory, context=context, verbose=verbose)
    show(verdict, out, as_json=as_json)
    return verdict.code


def say_what_for(condition: str) -> None:
    """Print on stderr what is waited for."""
    err.print(f"waiting for {condition}", markup=False)
