#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["lightkube==1.0.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Upgrade Talos on one node to the version in talos/versions.yaml, while everything is well.

What is unknown here goes to `talosctl upgrade`.
"""

from lib import upgrading
from lib.arguments import FAILED, Parser
from lib.cluster import inventory
from lib.terminal import command


def main() -> None:
    """Talos keeps the old system, and boots it again when the new one fails."""
    parser = Parser(__doc__)
    parser.add_argument("address", help="IP address of the node")
    upgrading.add_options(parser)
    arguments, more = parser.parse_known_args()
    cluster = inventory()
    node = cluster.at(arguments.address)
    upgrading.refuse_unless_ready()
    upgrading.upgrade(cluster, [node], arguments, more, f"task talos:upgrade-node IP={node.address}")


if __name__ == "__main__":
    command(main, failed=FAILED)
