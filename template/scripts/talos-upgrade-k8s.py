#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Upgrade Kubernetes to the version in talos/versions.yaml, node by node."""

import argparse

from lib import talos
from lib.cluster import inventory, version_of
from lib.process import run
from lib.terminal import command, done, step


def main() -> None:
    """talosctl checks the path between the versions itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    _, more = parser.parse_known_args()
    talos.refuse_without_talosconfig()
    node = inventory().controllers[0]
    version = version_of("kubernetes").removeprefix("v")
    step(f"Upgrading Kubernetes to {version}")
    run(
        "talosctl", "upgrade-k8s", "--nodes", node.address, "--endpoints", node.address, "--to", version, *more,
        show=True,
    )  # fmt: skip
    done(f"Kubernetes is {version}.")


if __name__ == "__main__":
    command(main)
