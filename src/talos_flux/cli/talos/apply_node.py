"""talos-flux talos apply-node: apply a node's rendered configuration."""

import click

from talos_flux.cli.commands import subcommand
from talos_flux.errors import UserError
from talos_flux.process import run
from talos_flux.repository.settings import inventory
from talos_flux.talos import config, encryption, machines
from talos_flux.terminal import done

MODES = ("auto", "no-reboot", "staged", "try")


@subcommand()
@click.argument("address")
@click.option("--mode", default="auto", help=f"How it is applied: {', '.join(MODES[:-1])} or {MODES[-1]}.")
def command(address: str, mode: str) -> None:
    """Apply a node's rendered configuration.

    ADDRESS is the node's IP address. A configuration that is older than what it was rendered from is refused, and so is
    one that encrypts a disk which is not encrypted, or the other way round.
    """
    if mode not in MODES:
        raise UserError(f"MODE is one of {', '.join(MODES)}, not {mode}.")
    cluster = inventory()
    node = cluster.at(address)
    if problem := config.why_the_rendered_configs_are_stale(cluster):
        raise UserError(problem)
    if machines.waits_for_a_configuration(node.address):
        raise UserError(f"{node} is in maintenance mode: `task bootstrap:talos` installs it.")
    encryption.refuse_another_encryption(node)
    run(
        "talosctl", "apply-config", "--nodes", node.address, "--endpoints", node.address, "--file", node.config,
        "--mode", mode, show=True,
    )  # fmt: skip
    done(f"{node} has its configuration, mode {mode}.")
