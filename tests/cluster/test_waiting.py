"""What is not ready is waited for: each kind of object held back holds up its app, and whatever depends on that."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.actors import ACTS, is_ready
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import Slot
from tests.support import flux
from tests.support.additions import Adder
from tests.support.needs import CLUSTER, needs
from tests.support.render import git
from tests.support.repository import Object

pytestmark = [needs(*CLUSTER), pytest.mark.full, pytest.mark.xdist_group("waiting")]

# The app of which nothing is missing but an object of that kind, in the order in which a cluster comes up. The Gateways
# of the same app wait for their GatewayClass. Nobody waits for FluxInstance: a change to it restarts who would. VolSync
# never says that a ReplicationSource is ready.
WITNESSES = {
    "OnePasswordItem": "keyed",
    "ClusterSecretStore": "cluster-secret-store",
    "ExternalSecret": "secretive",
    "ClusterIssuer": "cluster-issuer",
    "Certificate": "wildcard-certificate",
    "Gateway": "gateways",
    "Receiver": "flux-webhook",
}
SECRETS = {"keyed": "onepassword", "secretive": "external-secret"}
LONGER_THAN_FLUX_LOOKS_AWAY = 4


@pytest.fixture(scope="module")
def live(
    slot: Slot, checkout: Callable[[str, Path], Path], template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Cluster:
    """Provide a cluster that uses every kind that is played, and where none of them gets ready."""
    folder = tmp_path_factory.mktemp("waiting")
    root = checkout("envoy-gateway", folder)
    for name, secret in SECRETS.items():
        data = {"app_image": "ghcr.io/example/app", "app_tag": "1.2.3", "app_exposure": "none"}
        secret_data = {"app_secret": secret, "app_secret_keys": ["TOKEN"]}
        Adder(template).add("app", root / "kubernetes/apps/default" / name, data | secret_data)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "feat: apps")
    cluster = slot.take(root, folder / "run")
    cluster.actors.held |= WITNESSES.keys()
    cluster.start()
    return cluster


def test_every_kind_that_is_played_has_a_witness() -> None:
    assert {kind for _, kind in ACTS} - WITNESSES.keys() == {"FluxInstance", "GatewayClass", "ReplicationSource"}


@pytest.mark.parametrize("kind", WITNESSES)
def test_what_needs_it_waits_and_goes_on_when_it_is_ready(kind: str, live: Cluster) -> None:
    witness = WITNESSES[kind]
    applied = flux.reconcile(live.repository, live.roots)
    dependents = [name for name in live.repository.app if witness in live.repository.requirements(name)]
    [wanted, *_] = [item for item in applied[witness] if item["kind"] == kind]
    live.wait_until(lambda: is_there(live, wanted), f"{kind} {wanted['metadata']['name']} is there")
    until = time.monotonic() + LONGER_THAN_FLUX_LOOKS_AWAY
    while time.monotonic() < until:
        assert not is_ready(live.kustomizations[witness]), f"{witness} does not wait for its {kind}"
        for name in dependents:
            begun = [item["metadata"]["name"] for item in applied[name] if is_there(live, item)]
            assert begun == [], f"{name} does not wait for {witness}"
        time.sleep(0.5)
    live.actors.held.remove(kind)
    live.wait_until(lambda: is_ready(live.kustomizations[witness]), f"{witness} is Ready")


def test_nothing_waits_when_everything_is_ready(live: Cluster) -> None:
    live.wait_until_ready()


def is_there(live: Cluster, item: Object) -> bool:
    metadata = item["metadata"]
    return (
        live.actors.get(item["apiVersion"], item["kind"], metadata.get("namespace", ""), metadata["name"]) is not None
    )
