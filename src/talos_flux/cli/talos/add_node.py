"""talos-flux talos add-node: make a machine a node of the running cluster."""

from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.cli.talos import joining_options
from talos_flux.repository.settings import inventory
from talos_flux.talos import add_node, preflight
from talos_flux.talos.write_configs import post_schematics


@subcommand(failed=CHECK_FAILED)
@joining_options
def command(address: str, timeout: float, *, yes: bool) -> None:
    """Make a machine in maintenance mode a node of the cluster.

    Talos is installed on it, and it becomes the node that talos/inventory.yaml has at ADDRESS, an IP address. The
    node comes from the answer `nodes`: docs/runbooks/nodes.md, Change a node. The other nodes stay as they are. Run
    again after an interruption, it goes on.
    """
    cluster = inventory()
    node = cluster.at(address)
    preflight.refuse_unless_ready(preflight.BEFORE_BOOTSTRAP)
    add_node.refuse_unless_there_is_a_cluster(cluster, node)
    machine = add_node.look_at_its_machine(cluster, node)
    if machine.maintenance:
        post_schematics(cluster)
    add_node.confirm_the_disk(node, machine, yes=yes)
    add_node.join(cluster, node, machine, timeout)
