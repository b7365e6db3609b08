#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Render the machine configurations into talos/clusterconfig, encrypt every *.sops.* file, and check both."""

import argparse
from pathlib import Path

from lib import readiness, sops, talos
from lib.cluster import Inventory, inventory, short
from lib.process import ROOT, TALOSCONFIG, run, write_private
from lib.store import store
from lib.terminal import Refusal, command, done, step, warn


def encrypt_what_is_in_clear() -> None:
    """A *.sops.* file in clear is about to be committed by mistake."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.sops.*").splitlines()
    paths = [ROOT / name for name in listed if name != ".sops.yaml" and (ROOT / name).exists()]
    clear = [path for path in paths if not sops.is_encrypted(path)]
    if not clear:
        return
    sops.refuse_unless_usable()
    for path in clear:
        sops.encrypt_in_place(path)
        done(f"{short(path)} is encrypted now; change its values if it was ever pushed in clear.")


def post_schematics(cluster: Inventory) -> None:
    """The factory builds images only for schematics that it knows."""
    for path, expected in talos.schematics(cluster).items():
        returned = talos.post_schematic(path)
        if returned != expected:
            raise Refusal(
                f"{short(path)} has the id {returned} at the Image Factory, and talos/inventory.yaml names "
                f"{expected}: the nodes would run other extensions than the file says."
            )
        done(f"the Image Factory knows {short(path)}.")


def secrets_bundle() -> str:
    """The cluster's keys; made once, and never on disk in clear."""
    store().refuse_unless_usable()
    bundle = store().talos_secrets()
    if bundle is None:
        bundle = talos.new_secrets_bundle()
        place = store().create_talos_secrets(bundle)
        done(f"the cluster's keys are new: {place}.")
    return bundle


def render(cluster: Inventory, bundle: str) -> None:
    """Every node's configuration is checked before the first is written."""
    rendered: dict[Path, str] = {}
    for node in cluster.nodes:
        rendered[node.config] = talos.render(cluster, node, bundle)
        talos.validate(node, rendered[node.config])
    rendered[TALOSCONFIG] = talos.render_talosconfig(cluster, bundle)
    for old in talos.private_folder().glob("*.yaml"):
        if old not in rendered:
            old.unlink()
    for path, content in rendered.items():
        write_private(path, content)
        done(f"{short(path)} is valid." if path != TALOSCONFIG else f"{short(path)} is for talosctl.")


def main() -> None:
    """Refuse early, change little, check before writing."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    readiness.refuse_unless_ready(readiness.BEFORE_CONFIGURE)
    cluster = inventory()
    encrypt_what_is_in_clear()
    post_schematics(cluster)
    step("Rendering the machine configurations")
    render(cluster, secrets_bundle())
    if problem := readiness.why_the_tree_is_not_the_commit():
        warn(problem)
    done("Next: `task bootstrap:talos`.")


if __name__ == "__main__":
    command(main)
