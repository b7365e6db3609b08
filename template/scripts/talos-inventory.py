#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Show links and disks of a machine that runs Talos, installed or in maintenance mode."""

import argparse

from lib import machines
from lib.terminal import command


def main() -> None:
    """Only reads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="IP address of the machine")
    arguments = parser.parse_args()
    machines.show(arguments.address, machines.inspect(arguments.address))


if __name__ == "__main__":
    command(main)
