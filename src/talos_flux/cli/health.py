"""talos-flux health: say what is wrong in the cluster."""

import click

from talos_flux.cli.commands import CHECK_FAILED, subcommand, watch_options
from talos_flux.diagnose.flux.dependency_graph import Graph
from talos_flux.diagnose.probes.api_server import api
from talos_flux.diagnose.probes.certificates import certificates, secrets
from talos_flux.diagnose.probes.credentials import access
from talos_flux.diagnose.probes.etcd_health import Etcd
from talos_flux.diagnose.probes.flux_health import flux
from talos_flux.diagnose.probes.network import network
from talos_flux.diagnose.probes.nodes import nodes
from talos_flux.diagnose.probes.pods import pods
from talos_flux.diagnose.probes.storage import storage
from talos_flux.diagnose.probes.unobserved import unknown
from talos_flux.diagnose.report import Report
from talos_flux.diagnose.runner import run
from talos_flux.kube import kinds
from talos_flux.kube.snapshot import Snapshot
from talos_flux.repository import settings

KINDS = (*kinds.CORE, *kinds.BROUGHT, *kinds.FLUX, kinds.WARNING)


@subcommand(failed=CHECK_FAILED)
@click.option("-v", "--verbose", is_flag=True, help="Also say what is well.")
@click.option("-n", "--namespace", default="", metavar="NAME", help="Look only at what is in this namespace.")
@watch_options
def command(namespace: str, context: str | None, interval: float, *, verbose: bool, watch: bool, as_json: bool) -> int:
    """Say what is wrong in the cluster, in words.

    Looked at are the API, the keys, etcd, nodes, network, storage, secrets, Flux and pods. Looking changes nothing,
    and no secret's value is read.

    Exit codes: 0 healthy, 1 warnings, 2 critical, 3 something could not be looked at.
    """
    inventory = settings.inventory()
    expected = [node.name for node in inventory.nodes]
    etcd = None if namespace else Etcd(inventory)
    keys = access(inventory, context)

    def examine(snapshot: Snapshot) -> Report:
        others = [look(snapshot, namespace) for look in (network, storage, certificates, secrets)]
        reported = {problem.subject for problem in others[0].problems}
        below = [api(snapshot), keys, *etcd.parts, nodes(snapshot, expected)] if etcd else []
        parts = [*below, *others, flux(Graph.of(snapshot), namespace), pods(snapshot, namespace, reported)]
        unseen = [*(etcd.unknown if etcd else []), *unknown(snapshot, namespace)]
        return Report(parts, unseen, verbose=verbose)

    return run(KINDS, examine, context=context, watch=watch, interval=interval, as_json=as_json)
