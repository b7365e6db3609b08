"""Upgrades: one node at a time, and the next one only when the cluster can spare it."""

import time
from collections.abc import Sequence

from talos_flux.diagnose import waiting
from talos_flux.diagnose.gate import Verdict
from talos_flux.errors import UserError
from talos_flux.process import ToolError, run
from talos_flux.repository.settings import Inventory, Node, version_of
from talos_flux.talos import config, etcd, etcd_snapshots, preflight, skew
from talos_flux.talos.installed import system_of, systems_of
from talos_flux.terminal import confirm, done, step, warn

# Only what is pushed is installed, and only the newest commit of it.
CHECKS = (
    preflight.why_the_tree_is_not_the_commit,
    preflight.why_flux_would_not_see_this_commit,
    preflight.why_this_checkout_is_old,
)

# talosctl returns when the node is up again, which may be a little before its API answers.
ANSWER_MINUTES = 3


def refuse_unless_ready() -> None:
    """Raise UserError without talosconfig, or when this checkout is not what the cluster follows."""
    config.refuse_without_talosconfig()
    preflight.refuse_unless_ready(CHECKS)


def refuse_unless_open(cluster: Inventory) -> Verdict:
    """Return the gate's verdict now; UserError when the gate is shut, with the reason."""
    verdict = waiting.look(cluster)
    if not verdict.open:
        raise UserError(
            f"the cluster can't spare a node now: {verdict.in_short}. `./scripts/cluster-health-monitor.py` says more."
        )
    return verdict


def wait_until_open(cluster: Inventory, minutes: float, resume: str) -> None:
    """Wait until the gate is open; UserError after so many minutes, with the command that goes on."""
    step("Waiting until everything is well")
    verdict = waiting.wait(cluster, minutes, lambda reason: step(f"Waiting for {reason}"))
    if not verdict.open:
        raise UserError(
            f"stopped, since the cluster is not well after {minutes:g} minutes: {verdict.in_short}. "
            f"When it is, `{resume}` goes on."
        )


def in_order(cluster: Inventory) -> list[Node]:
    """Return workers first, since a version that fails there costs no etcd; then the controllers, the leader last.

    So etcd chooses a new leader once.
    """
    leader = etcd.look(cluster).leader
    return sorted(cluster.nodes, key=lambda node: (node.controller, node == leader))


def upgrade(
    cluster: Inventory, nodes: Sequence[Node], minutes: float, more: Sequence[str], resume: str, *, yes: bool
) -> None:
    """Upgrade the nodes that need it, in this order; UserError at the first problem. Run again, it goes on from there.

    `minutes` is what one step may take, `more` are further arguments for talosctl, `resume` is the task that goes on.
    """
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
        skew.refuse_a_jump(f"Talos on {node}", runs[node].version, wanted)
    verdict = refuse_unless_open(cluster)
    for version in verdict.kubernetes:
        skew.refuse_unless_together(wanted, version)
    for text in verdict.warnings:
        warn(text)
    changes = "; ".join(f"{node} from {runs[node]}" for node in due)
    confirm(
        f"Talos {wanted} comes to {changes}. Each restarts, one at a time, and what runs there moves or is away "
        "meanwhile. Upgrade?",
        yes=yes,
    )
    done(f"etcd as it was before: {etcd_snapshots.described(etcd_snapshots.take(cluster))}.")
    for position, node in enumerate(due):
        _upgrade_one(cluster, node, minutes, more, resume)
        wait_until_open(cluster, minutes, resume)
        left = len(due) - position - 1
        done(f"{node} runs {system_of(node)}{f', {left} to go' if left else ''}.")


def _upgrade_one(cluster: Inventory, node: Node, timeout: float, more: Sequence[str], resume: str) -> None:
    """Run `talosctl upgrade`: it pulls the image, installs it, drains the node, restarts it and lets pods come back."""
    step(f"Upgrading {node} to {node.image}")
    # A worker has no kubeconfig to drain with, so the request goes through a controller.
    endpoints = [node] if node.controller else cluster.controllers
    # With one node pods have nowhere else to go and draining fails; the restart stops them in order.
    alone = ["--drain=false"] if len(cluster.nodes) == 1 else []
    try:
        run(
            "talosctl", "upgrade", "--nodes", node.address,
            "--endpoints", ",".join(endpoint.address for endpoint in endpoints),
            "--image", node.image, "--timeout", f"{timeout:g}m", *alone, *more,
            show=True,
        )  # fmt: skip
    except ToolError:
        raise UserError(
            f"stopped, since {node} was not upgraded, as talosctl says above: it may be cordoned "
            f"(`kubectl uncordon {node.name}`). When the reason is gone, `{resume}` goes on."
        ) from None
    _wait_for_the_system(node, timeout, resume)


def _wait_for_the_system(node: Node, timeout: float, resume: str) -> None:
    """Wait until the node runs what was installed; UserError when it runs what it did before."""
    deadline = time.monotonic() + 60 * min(timeout, ANSWER_MINUTES)
    while True:
        try:
            system = system_of(node)
            if system.is_wanted_of(node):
                return
            reason = f"it runs {system}, as Talos starts the previous system again when the new one fails"
        except UserError as refusal:
            reason = str(refusal).removesuffix(".")
        if time.monotonic() >= deadline:
            raise UserError(
                f"stopped, since {node} does not run Talos {version_of('talos')} after its upgrade: {reason}. "
                f"`talosctl dmesg --nodes {node.address}` may say why; then `{resume}` goes on."
            )
        time.sleep(2)


def upgrade_kubernetes(cluster: Inventory, minutes: float, more: Sequence[str], resume: str, *, yes: bool) -> None:
    """Upgrade the control plane, then every kubelet; talosctl goes from node to node by itself."""
    wanted = version_of("kubernetes")
    for system in systems_of(cluster.nodes).values():
        skew.refuse_unless_together(system.version, wanted)
    verdict = refuse_unless_open(cluster)
    old = verdict.kubernetes - {wanted}
    if not old:
        done(f"Kubernetes is {wanted} already, on every node.")
        return
    for version in sorted(old):
        skew.refuse_a_jump("Kubernetes", version, wanted)
    for text in verdict.warnings:
        warn(text)
    confirm(
        f"Kubernetes becomes {wanted} instead of {', '.join(sorted(old))}, on {etcd.names(cluster.nodes)}. Pods stay; "
        "the way back to an older minor version is a snapshot of etcd. Upgrade?",
        yes=yes,
    )
    done(f"etcd as it was before: {etcd_snapshots.described(etcd_snapshots.take(cluster))}.")
    node = cluster.controllers[0]
    step(f"Upgrading Kubernetes to {wanted}")
    try:
        run(
            "talosctl", "upgrade-k8s", "--nodes", node.address, "--endpoints", node.address,
            "--to", wanted.removeprefix("v"), *more,
            show=True,
        )  # fmt: skip
    except ToolError:
        raise UserError(
            f"stopped, since Kubernetes is not {wanted} everywhere, as talosctl says above. "
            f"When the reason is gone, `{resume}` goes on."
        ) from None
    wait_until_open(cluster, minutes, resume)
    if left := refuse_unless_open(cluster).kubernetes - {wanted}:
        raise UserError(f"stopped, since {', '.join(sorted(left))} still runs somewhere: `{resume}` goes on.")
    done(f"Kubernetes is {wanted}.")
