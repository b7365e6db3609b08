"""Upgrades: one node at a time, and the next only when the cluster can spare it."""

import argparse
import time
from collections.abc import Sequence

from lib import etcd, readiness, releases, snapshots, talos
from lib.arguments import minutes
from lib.cluster import Inventory, Node, version_of
from lib.health import waiting
from lib.health.gate import Verdict
from lib.process import ToolFailed, run
from lib.systems import system_of, systems_of
from lib.terminal import Refusal, confirm, done, step, warn

# What is upgraded is what is pushed, and the newest of it.
CHECKS = (
    readiness.why_the_tree_is_not_the_commit,
    readiness.why_flux_would_not_see_this_commit,
    readiness.why_this_checkout_is_old,
)

# talosctl returns when the node is up again, which it may still be about to say.
ANSWER_MINUTES = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of every upgrade."""
    parser.add_argument("--yes", action="store_true", help="upgrade without asking; for scripts")
    parser.add_argument("--timeout", type=minutes, default=30, metavar="MINUTES", help="how long one step may take; 30")


def refuse_unless_ready() -> None:
    """Refusal without keys, or when this checkout is not what the cluster follows."""
    talos.refuse_without_talosconfig()
    readiness.refuse_unless_ready(CHECKS)


def refuse_unless_open(cluster: Inventory) -> Verdict:
    """The gate, now; Refusal names what keeps it shut."""
    verdict = waiting.look(cluster)
    if not verdict.open:
        raise Refusal(
            f"the cluster can't spare a node now: {in_short(verdict)}. `./scripts/cluster-health-monitor.py` says more."
        )
    return verdict


def wait_until_open(cluster: Inventory, minutes: float, resume: str) -> None:
    """The gate, until it is open; Refusal after so long, with the command that goes on."""
    step("Waiting until everything is well")
    verdict = waiting.wait(cluster, minutes, lambda what: step(f"Waiting for {what}"))
    if not verdict.open:
        raise Refusal(
            f"stopped, since the cluster is not well after {minutes:g} minutes: {in_short(verdict)}. "
            f"When it is, `{resume}` goes on."
        )


def in_short(verdict: Verdict) -> str:
    """The first thing that is wrong, and how many more are."""
    first, *more = verdict.wrong
    return f"{first.removesuffix('.')}{f' (and {len(more)} more)' if more else ''}"


def in_order(cluster: Inventory) -> list[Node]:
    """Workers first, since a version that fails there costs no etcd; then the controllers, the one that leads last.

    So etcd chooses a new leader once.
    """
    leader = etcd.look(cluster).leader
    return sorted(cluster.nodes, key=lambda node: (node.controller, node == leader))


def upgrade(
    cluster: Inventory, nodes: Sequence[Node], arguments: argparse.Namespace, more: Sequence[str], resume: str
) -> None:
    """Upgrade the nodes that need it, in this order; Refusal at the first problem. Run again, it goes on from there."""
    wanted = version_of("talos")
    runs = systems_of(cluster.nodes)
    due = [node for node in nodes if not runs[node].is_wanted_of(node)]
    for node in nodes:
        if node not in due:
            done(f"{node} runs {runs[node]} already.")
    if not due:
        # An interruption may have left something, such as a node that is still cordoned.
        verdict = waiting.look(cluster)
        for text in (*verdict.wrong, *verdict.warnings):
            warn(text)
        return
    for node in due:
        releases.refuse_a_jump(f"Talos on {node}", runs[node].version, wanted)
    verdict = refuse_unless_open(cluster)
    for version in verdict.kubernetes:
        releases.refuse_unless_together(wanted, version)
    for text in verdict.warnings:
        warn(text)
    changes = "; ".join(f"{node} from {runs[node]}" for node in due)
    confirm(
        f"Talos {wanted} comes to {changes}. Each restarts, one at a time, and what runs there moves or is away "
        "meanwhile. Upgrade?",
        yes=arguments.yes,
    )
    done(f"etcd as it was before: {snapshots.described(snapshots.take(cluster))}.")
    for position, node in enumerate(due):
        _upgrade_one(cluster, node, arguments.timeout, more, resume)
        wait_until_open(cluster, arguments.timeout, resume)
        left = len(due) - position - 1
        done(f"{node} runs {system_of(node)}{f', {left} to go' if left else ''}.")


def _upgrade_one(cluster: Inventory, node: Node, timeout: float, more: Sequence[str], resume: str) -> None:
    """talosctl pulls the image, installs it, drains the node, restarts it and lets pods come back."""
    step(f"Upgrading {node} to {node.image}")
    # A worker has no kubeconfig to drain with, so that a controller passes on what is for it.
    endpoints = [node] if node.controller else cluster.controllers
    # Where pods have nowhere else to go, draining only fails; they are ended in order by the restart.
    alone = ["--drain=false"] if len(cluster.nodes) == 1 else []
    try:
        run(
            "talosctl", "upgrade", "--nodes", node.address,
            "--endpoints", ",".join(one.address for one in endpoints),
            "--image", node.image, "--timeout", f"{timeout:g}m", *alone, *more,
            show=True,
        )  # fmt: skip
    except ToolFailed:
        raise Refusal(
            f"stopped, since {node} was not upgraded, as talosctl says above: it may be cordoned "
            f"(`kubectl uncordon {node.name}`). When the reason is gone, `{resume}` goes on."
        ) from None
    _wait_for_the_system(node, timeout, resume)


def _wait_for_the_system(node: Node, timeout: float, resume: str) -> None:
    """Until the node runs what was installed; Refusal when it runs what it did before."""
    deadline = time.monotonic() + 60 * min(timeout, ANSWER_MINUTES)
    while True:
        try:
            system = system_of(node)
            if system.is_wanted_of(node):
                return
            reason = f"it runs {system}, as Talos starts the previous system again when the new one fails"
        except Refusal as refusal:
            reason = str(refusal).removesuffix(".")
        if time.monotonic() >= deadline:
            raise Refusal(
                f"stopped, since {node} does not run Talos {version_of('talos')} after its upgrade: {reason}. "
                f"`talosctl dmesg --nodes {node.address}` may say why; then `{resume}` goes on."
            )
        time.sleep(2)


def upgrade_kubernetes(cluster: Inventory, arguments: argparse.Namespace, more: Sequence[str], resume: str) -> None:
    """Upgrade the control plane, then every kubelet; talosctl goes from node to node by itself."""
    wanted = version_of("kubernetes")
    for system in systems_of(cluster.nodes).values():
        releases.refuse_unless_together(system.version, wanted)
    verdict = refuse_unless_open(cluster)
    old = verdict.kubernetes - {wanted}
    if not old:
        done(f"Kubernetes is {wanted} already, on every node.")
        return
    for version in sorted(old):
        releases.refuse_a_jump("Kubernetes", version, wanted)
    for text in verdict.warnings:
        warn(text)
    confirm(
        f"Kubernetes becomes {wanted} instead of {', '.join(sorted(old))}, on {etcd.names(cluster.nodes)}. Pods stay; "
        "the way back to an older minor version is a snapshot of etcd. Upgrade?",
        yes=arguments.yes,
    )
    done(f"etcd as it was before: {snapshots.described(snapshots.take(cluster))}.")
    node = cluster.controllers[0]
    step(f"Upgrading Kubernetes to {wanted}")
    try:
        run(
            "talosctl", "upgrade-k8s", "--nodes", node.address, "--endpoints", node.address,
            "--to", wanted.removeprefix("v"), *more,
            show=True,
        )  # fmt: skip
    except ToolFailed:
        raise Refusal(
            f"stopped, since Kubernetes is not {wanted} everywhere, as talosctl says above. "
            f"When the reason is gone, `{resume}` goes on."
        ) from None
    wait_until_open(cluster, arguments.timeout, resume)
    if left := refuse_unless_open(cluster).kubernetes - {wanted}:
        raise Refusal(f"stopped, since {', '.join(sorted(left))} still runs somewhere: `{resume}` goes on.")
    done(f"Kubernetes is {wanted}.")
