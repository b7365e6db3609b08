"""talos-flux talos replace-node: put a new machine in the place of a dead node."""

from talos_flux.cli.commands import CHECK_FAILED, subcommand
from talos_flux.cli.talos import joining_options
from talos_flux.errors import UserError
from talos_flux.repository.settings import inventory
from talos_flux.talos import add_node, preflight
from talos_flux.talos.write_configs import post_schematics
from talos_flux.terminal import confirm_by_name, done


@subcommand(failed=CHECK_FAILED)
@joining_options
def command(address: str, timeout: float, *, yes: bool) -> None:
    """Put a new machine in the place of a dead node.

    The machine is in maintenance mode, at ADDRESS, the IP address of a node that is dead for good. That node's member
    is taken out of etcd and the node out of Kubernetes; then the machine joins as `talos-flux talos add-node` lets
    it. Everything is looked at before anything is removed. Run again after an interruption, it goes on.
    """
    cluster = inventory()
    node = cluster.at(address)
    preflight.refuse_unless_ready(preflight.BEFORE_BOOTSTRAP)
    state = add_node.refuse_unless_there_is_a_cluster(cluster, node)
    machine = add_node.look_at_its_machine(cluster, node)
    if not machine.maintenance:
        raise UserError(
            f"{node} runs this cluster, so there is nothing to replace. `task talos:reset IP={node.address}` wipes it "
            "and lets it leave in good order; a replacement that was interrupted goes on with "
            f"`task talos:add-node IP={node.address}`."
        )
    post_schematics(cluster)
    confirm_by_name(add_node.losses(node), node.name, yes=yes)
    for member in state.members_of(node):
        add_node.remove_member(state, node, member)
        done(f"{member.name or node.name} is no member of etcd any more ({member.id}).")
    add_node.remove_node(node)
    done(f"{node.name} is no node of Kubernetes any more.")
    add_node.join(cluster, node, machine, timeout)
