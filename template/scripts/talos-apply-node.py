#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Apply a node's rendered configuration."""

import argparse

from lib import machines, talos
from lib.cluster import inventory
from lib.process import run
from lib.terminal import Refusal, command, done

MODES = ("auto", "no-reboot", "staged", "try")


def main() -> None:
    """The rendered configuration must be of now."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="IP address of the node")
    parser.add_argument("--mode", default="auto", help=f"one of {', '.join(MODES)}")
    arguments = parser.parse_args()
    if arguments.mode not in MODES:
        raise Refusal(f"MODE is one of {', '.join(MODES)}, not {arguments.mode}.")
    cluster = inventory()
    node = cluster.at(arguments.address)
    if problem := talos.why_the_rendered_configs_are_stale(cluster):
        raise Refusal(problem)
    if machines.waits_for_a_configuration(node.address):
        raise Refusal(f"{node} is in maintenance mode: `task bootstrap:talos` installs it.")
    run(
        "talosctl", "apply-config", "--nodes", node.address, "--endpoints", node.address, "--file", node.config,
        "--mode", arguments.mode, show=True,
    )  # fmt: skip
    done(f"{node} has its configuration, mode {arguments.mode}.")


if __name__ == "__main__":
    command(main)
