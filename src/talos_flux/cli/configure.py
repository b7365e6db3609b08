"""talos-flux configure: render the machine configurations and encrypt every *.sops.* file."""

from talos_flux.cli.commands import subcommand
from talos_flux.repository.settings import inventory
from talos_flux.secrets import sops
from talos_flux.talos import preflight
from talos_flux.talos.write_configs import post_schematics, secrets_bundle, write_configs
from talos_flux.terminal import done, step, warn


@subcommand()
def command() -> None:
    """Render the machine configurations, and encrypt *.sops.* files.

    They are rendered into talos/clusterconfig, and every one is checked before the first is written.
    """
    preflight.refuse_unless_ready(preflight.BEFORE_CONFIGURE)
    cluster = inventory()
    sops.encrypt_what_is_in_clear()
    post_schematics(cluster)
    step("Rendering the machine configurations")
    write_configs(cluster, secrets_bundle())
    if problem := preflight.why_the_tree_is_not_the_commit():
        warn(problem)
    done("Next: `task bootstrap:talos`.")
