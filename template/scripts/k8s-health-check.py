#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["lightkube==1.0.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Say what is wrong in the cluster, in words: API, keys, etcd, nodes, network, storage, secrets, Flux, pods.

Looking changes nothing, and no secret's value is read.

Exit codes: 0 healthy, 1 warnings, 2 critical, 3 something could not be looked at.
"""

from lib import cluster
from lib.arguments import FAILED, Parser
from lib.flux.graph import Graph
from lib.health.access import access
from lib.health.api import api
from lib.health.certificates import certificates, secrets
from lib.health.etcd import Etcd
from lib.health.flux import flux
from lib.health.network import network
from lib.health.nodes import nodes
from lib.health.pods import pods
from lib.health.report import Report
from lib.health.running import add_options, run
from lib.health.storage import storage
from lib.health.unknown import unknown
from lib.kube import kinds
from lib.kube.snapshot import Snapshot
from lib.terminal import command

KINDS = (*kinds.CORE, *kinds.BROUGHT, *kinds.FLUX, kinds.WARNING)


def main() -> int:
    """Everything, or one namespace."""
    parser = Parser(__doc__)
    parser.add_argument("-v", "--verbose", action="store_true", help="also say what is well")
    parser.add_argument("-n", "--namespace", default="", help="only what is in it")
    add_options(parser)
    arguments = parser.parse_args()
    inventory = cluster.inventory()
    expected = [node.name for node in inventory.nodes]
    etcd = None if arguments.namespace else Etcd(inventory)
    keys = access(inventory, arguments.context)

    def examine(snapshot: Snapshot) -> Report:
        where = arguments.namespace
        others = [look(snapshot, where) for look in (network, storage, certificates, secrets)]
        told = {problem.subject for problem in others[0].problems}
        below = [api(snapshot), keys, *etcd.parts, nodes(snapshot, expected)] if etcd else []
        parts = [*below, *others, flux(Graph.of(snapshot), where), pods(snapshot, where, told)]
        unseen = [*(etcd.unknown if etcd else []), *unknown(snapshot, where)]
        return Report(parts, unseen, verbose=arguments.verbose)

    return run(KINDS, examine, arguments)


if __name__ == "__main__":
    command(main, failed=FAILED)
