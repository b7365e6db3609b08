"""Renders talos/ and the cluster's keys into talos/clusterconfig; all is checked before the first file is written."""

from pathlib import Path

from talos_flux.errors import UserError
from talos_flux.paths import TALOSCONFIG
from talos_flux.process import write_private
from talos_flux.repository.settings import Inventory, short
from talos_flux.secrets.store import store
from talos_flux.talos import config
from talos_flux.terminal import done


def post_schematics(cluster: Inventory) -> None:
    """Make the nodes' schematics known to the Image Factory, which builds images for no others.

    Raise UserError when it gives one another id than talos/inventory.yaml, NoAnswer when it can't be reached.
    """
    for path, expected in config.schematics(cluster).items():
        returned = config.post_schematic(path)
        if returned != expected:
            raise UserError(
                f"{short(path)} has the id {returned} at the Image Factory, and talos/inventory.yaml names "
                f"{expected}: the nodes would run other extensions than the file says."
            )
        done(f"the Image Factory knows {short(path)}.")


def secrets_bundle() -> str:
    """Return the cluster's secrets bundle; it is made once, and is never on disk in clear."""
    store().refuse_unless_usable()
    bundle = store().talos_secrets()
    if bundle is None:
        bundle = config.new_secrets_bundle()
        location = store().create_talos_secrets(bundle)
        done(f"the cluster's keys are new: {location}.")
    return bundle


def refuse_invalid_configs(cluster: Inventory) -> None:
    """Check every node's configuration, with keys made for that alone, and write nothing; UserError for a bad one."""
    bundle = config.new_secrets_bundle()
    for node in cluster.nodes:
        config.validate(node, config.render(cluster, node, bundle))
        done(f"the configuration of {node.name} is valid, and is not written without the cluster's keys.")


def write_configs(cluster: Inventory, bundle: str) -> None:
    """Write every node's configuration and talosconfig, once all of them are valid, and remove those of other nodes."""
    rendered: dict[Path, str] = {}
    for node in cluster.nodes:
        rendered[node.config] = config.render(cluster, node, bundle)
        config.validate(node, rendered[node.config])
    rendered[TALOSCONFIG] = config.render_talosconfig(cluster, bundle)
    for old in config.private_folder().glob("*.yaml"):
        if old not in rendered:
            old.unlink()
    for path, content in rendered.items():
        write_private(path, content)
        done(f"{short(path)} is valid." if path != TALOSCONFIG else f"{short(path)} is for talosctl.")
