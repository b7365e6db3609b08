"""talos-flux configure: render the machine configurations and encrypt every *.sops.* file."""

from talos_flux.cli.commands import subcommand
from talos_flux.errors import UserError
from talos_flux.repository.settings import inventory
from talos_flux.secrets import sops
from talos_flux.talos import config, preflight
from talos_flux.talos.write_configs import post_schematics, refuse_invalid_configs, secrets_bundle, write_configs
from talos_flux.terminal import done, step, warn


@subcommand()
def command() -> None:
    """Render the machine configurations, and encrypt *.sops.* files.

    They are rendered into talos/clusterconfig, and every one is checked before the first is written. Nothing needs to
    be pushed for it, and no network: what `talos-flux bootstrap talos` will refuse is a warning here.
    """
    preflight.refuse_without_git()
    preflight.warn_unless_ready(preflight.WARNED_OF)
    cluster = inventory()
    sops.encrypt_what_is_in_clear()
    try:
        post_schematics(cluster)
    except config.NoAnswer as failed:
        warn(f"{str(failed).removesuffix('.')}: `task bootstrap:talos` asks it again.")
    step("Rendering the machine configurations")
    try:
        bundle = secrets_bundle()
    except UserError:
        # What is wrong with the patches is told without the cluster's keys, too.
        refuse_invalid_configs(cluster)
        raise
    write_configs(cluster, bundle)
    for node in cluster.nodes:
        if node.disk_may_be_another:
            warn(
                f"{node.name} is installed on {node.disk}, a name that another disk may get, such as the USB stick: "
                f"give disk_serial, which `task talos:inventory IP={node.address}` shows."
            )
    if problem := preflight.why_the_tree_is_not_the_commit():
        warn(problem)
    done("Next: `task bootstrap:talos`.")
