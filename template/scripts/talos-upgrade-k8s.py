#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["lightkube==1.0.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Upgrade Kubernetes to the version in talos/versions.yaml, node by node, while everything is well.

Before, etcd is kept in snapshots/. What is unknown here goes to `talosctl upgrade-k8s`.
"""

from lib import upgrading
from lib.arguments import FAILED, Parser
from lib.cluster import inventory
from lib.terminal import command


def main() -> None:
    """The control plane on every controller, then every kubelet."""
    parser = Parser(__doc__)
    upgrading.add_options(parser)
    arguments, more = parser.parse_known_args()
    upgrading.refuse_unless_ready()
    upgrading.upgrade_kubernetes(inventory(), arguments, more, "task talos:upgrade-k8s")


if __name__ == "__main__":
    command(main, failed=FAILED)
