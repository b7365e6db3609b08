#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Install what must run before Flux does, then Flux, which brings everything else."""

import argparse

from lib import readiness, secrets
from lib.cluster import inventory, look_up, short
from lib.machines import Patience
from lib.process import AGE_KEY, KUBECONFIG, ROOT, ToolFailed, run
from lib.secrets import Key, Secret
from lib.store import store
from lib.terminal import Refusal, command, done, step

PENDING = "status in (pending-install, pending-upgrade, pending-rollback)"


def wait_for_nodes(patience: Patience) -> None:
    """They register before they are Ready, which takes a network."""
    wanted = {node.name for node in inventory().nodes}

    def all_are_there() -> bool:
        listed = run("kubectl", "get", "nodes", "--output", "name", timeout=30).split()
        missing = wanted - {name.removeprefix("node/") for name in listed}
        patience.last = f"{', '.join(sorted(missing))} has not registered"
        return not missing

    step("Waiting for the nodes to register")
    patience.until("the registration of every node", all_are_there)
    done(f"The nodes are registered: {', '.join(sorted(wanted))}.")


def make_namespaces() -> None:
    """The namespaces of every app, as Flux will have them."""
    for path in sorted((ROOT / "kubernetes/apps").glob("*/namespace.yaml")):
        run(
            "kubectl", "apply", "--server-side", "--force-conflicts", "--field-manager", "bootstrap", "--filename", path
        )
    done("The namespaces are there.")


def value_of(secret: Secret, key: Key) -> str:
    """A value that the cluster needs before Flux runs: age.key, or what the store holds."""
    if key.made != "from age.key":
        return store().value(secret, key)
    if not AGE_KEY.exists():
        raise Refusal("age.key is missing: restore it from your backup, or make a new one with `task init`.")
    return AGE_KEY.read_text()


def make_secrets() -> None:
    """Secrets that no app brings; their values go from the store to the cluster through a pipe."""
    store().refuse_unless_usable()
    for secret in secrets.wanted():
        if secret.namespace and not secret.app:
            values = {key.name: value_of(secret, key) for key in secret.keys}
            secrets.apply(secrets.manifest(secret, values, with_namespace=True))
            done(f"Secret {secret} is there.")


def forget_interrupted_releases() -> None:
    """A helm that was killed leaves its release pending, and every later one refuses to touch that.

    Only its record goes, not what it installed. A release that Flux has taken over is Flux's own business.
    """
    for path in look_up(ROOT / "bootstrap/apps.yaml", "apps"):
        namespace, _, name = path.partition("/")
        where = ("--namespace", namespace, "--output", "name")
        found = run("kubectl", "get", "secrets", *where, "--selector", f"owner=helm,name={name},{PENDING}")
        if found and not is_fluxs(name, where):
            run("kubectl", "delete", "--namespace", namespace, *found.split())
            done(f"The installation of {name} was interrupted and begins anew.")


def is_fluxs(name: str, where: tuple[str, ...]) -> bool:
    """Whether a HelmRelease of that name is there; before Flux is, nobody knows what that would be."""
    try:
        return bool(run("kubectl", "get", "helmreleases.helm.toolkit.fluxcd.io", name, *where, "--ignore-not-found"))
    except ToolFailed as failed:
        if "doesn't have a resource type" in failed.said:
            return False
        raise


def main() -> None:
    """Everything is applied, not created: a second run changes only what is missing or old."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=float, default=20, metavar="MINUTES", help="how long to wait for the nodes")
    arguments = parser.parse_args()
    readiness.refuse_unless_ready(readiness.BEFORE_BOOTSTRAP)
    if not KUBECONFIG.exists():
        raise Refusal(f"{short(KUBECONFIG)} is missing: run `task bootstrap:talos`.")
    wait_for_nodes(Patience(arguments.timeout))
    make_namespaces()
    make_secrets()
    forget_interrupted_releases()
    step("Installing the network, certificates and Flux")
    run("helmfile", "--file", "bootstrap/helmfile.yaml.gotmpl", "sync", "--hide-notes", show=True)
    done("Flux runs and brings the rest: `kubectl get kustomizations --namespace flux-system --watch` shows it.")


if __name__ == "__main__":
    command(main)
