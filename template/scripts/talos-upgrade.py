#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["lightkube==1.0.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Upgrade Talos on every node that does not run the version in talos/versions.yaml, one at a time.

Before the first, etcd is kept in snapshots/; before each next one, everything must be well again. It stops at the
first problem, and run again it goes on from there. What is unknown here goes to `talosctl upgrade`.
"""

from lib import upgrading
from lib.arguments import FAILED, Parser
from lib.cluster import inventory
from lib.terminal import command, done


def main() -> None:
    """Workers, then controllers, the one that leads etcd last."""
    parser = Parser(__doc__)
    upgrading.add_options(parser)
    arguments, more = parser.parse_known_args()
    upgrading.refuse_unless_ready()
    cluster = inventory()
    upgrading.upgrade(cluster, upgrading.in_order(cluster), arguments, more, "task talos:upgrade")
    done("Next: `task talos:upgrade-k8s`, if talos/versions.yaml has a new version of Kubernetes as well.")


if __name__ == "__main__":
    command(main, failed=FAILED)
