#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["lightkube==1.0.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Install Talos on a machine in maintenance mode and make it the node that talos/inventory.yaml has at its address.

The node comes from the answer `nodes`: docs/runbooks/nodes.md, Change a node. Run again after an interruption, it goes
on.
"""

from lib import joining, readiness
from lib.arguments import FAILED, Parser, minutes
from lib.cluster import inventory
from lib.terminal import command


def main() -> None:
    """The other nodes stay as they are."""
    parser = Parser(__doc__)
    parser.add_argument("address", help="IP address of the node")
    parser.add_argument("--yes", action="store_true", help="wipe its disk without asking; for scripts")
    parser.add_argument("--timeout", type=minutes, default=20, metavar="MINUTES", help="how long one step may take; 20")
    arguments = parser.parse_args()
    cluster = inventory()
    node = cluster.at(arguments.address)
    readiness.refuse_unless_ready(readiness.BEFORE_BOOTSTRAP)
    joining.refuse_unless_there_is_a_cluster(cluster, node)
    machine = joining.look_at_its_machine(cluster, node)
    joining.confirm_the_disk(node, machine, yes=arguments.yes)
    joining.join(cluster, node, machine, arguments.timeout)


if __name__ == "__main__":
    command(main, failed=FAILED)
