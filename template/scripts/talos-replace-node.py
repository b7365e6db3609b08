#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["lightkube==1.0.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Put a new machine, in maintenance mode, in the place of a node that is dead for good.

Its member is taken out of etcd and its node out of Kubernetes; then the machine joins as `task talos:add-node` lets
it. Run again after an interruption, it goes on.
"""

from lib import joining, readiness
from lib.arguments import FAILED, Parser, minutes
from lib.cluster import inventory
from lib.terminal import Refusal, command, confirm_by_name, done


def main() -> None:
    """Everything is looked at before anything is removed."""
    parser = Parser(__doc__)
    parser.add_argument("address", help="IP address of the node")
    parser.add_argument("--yes", action="store_true", help="replace it without asking; for scripts")
    parser.add_argument("--timeout", type=minutes, default=20, metavar="MINUTES", help="how long one step may take; 20")
    arguments = parser.parse_args()
    cluster = inventory()
    node = cluster.at(arguments.address)
    readiness.refuse_unless_ready(readiness.BEFORE_BOOTSTRAP)
    state = joining.refuse_unless_there_is_a_cluster(cluster, node)
    machine = joining.look_at_its_machine(cluster, node)
    if not machine.maintenance:
        raise Refusal(
            f"{node} runs this cluster, so there is nothing to replace. `task talos:reset IP={node.address}` wipes it "
            "and lets it leave in good order; a replacement that was interrupted goes on with "
            f"`task talos:add-node IP={node.address}`."
        )
    confirm_by_name(joining.losses(node), node.name, yes=arguments.yes)
    for member in state.members_of(node):
        joining.remove_member(state, node, member)
        done(f"{member.name or node.name} is no member of etcd any more ({member.id}).")
    joining.remove_node(node)
    done(f"{node.name} is no node of Kubernetes any more.")
    joining.join(cluster, node, machine, arguments.timeout)


if __name__ == "__main__":
    command(main, failed=FAILED)
