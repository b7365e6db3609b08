#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Fetch kubeconfig, which Git ignores and only you can read, from the first controller that gives it."""

from lib import talos
from lib.arguments import FAILED, Parser, minutes
from lib.cluster import inventory
from lib.installing import fetch_kubeconfig
from lib.machines import Patience
from lib.terminal import command, step


def main() -> None:
    """Whoever has talosconfig may have it."""
    parser = Parser(__doc__)
    parser.add_argument("--timeout", type=minutes, default=1, metavar="MINUTES", help="how long to try; 1")
    arguments = parser.parse_args()
    talos.refuse_without_talosconfig()
    step(f"Asking the controllers for a kubeconfig, for at most {arguments.timeout:g} min")
    fetch_kubeconfig(inventory(), Patience(arguments.timeout, pause=1), "task kubeconfig")


if __name__ == "__main__":
    command(main, failed=FAILED)
