"""Secrets that are kept in the repository: encrypted by the cluster's own tasks, decrypted by Flux."""

import base64
from collections.abc import Iterator

import pytest

from tests.cluster.cluster import AGE_SECRET, NAMESPACE, Cluster, message_of
from tests.doubles.workplace import set_up
from tests.support import tools
from tests.support.cases import EXAMPLES
from tests.support.render import Renderer

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.xdist_group("encrypted")]


@pytest.fixture(scope="module")
def live(render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The example that keeps its Secrets with SOPS, after `task init` and a `task secret:set` for each value."""
    folder = tmp_path_factory.mktemp("encrypted")
    workplace = set_up(folder, render(EXAMPLES["sops"]))
    workplace.succeeds("init")
    cluster = Cluster(workplace.root, folder / "run")
    secrets = cluster.repository.documents("bootstrap/secrets.yaml")[0]["secrets"]
    given = {(one["name"], key["name"]) for one in secrets for key in one["keys"] if key["made"] == "given"}
    try:
        for name, key in sorted(given):
            workplace.succeeds("secret:set", f"SECRET={name}", f"KEY={key}", stdin=f"value of {name}")
        cluster.commit()
        yield cluster
    finally:
        cluster.stop()


def test_without_its_key_the_error_is_plain_and_with_it_every_secret_arrives(live: Cluster) -> None:
    def says(text: str) -> bool:
        return text in message_of(live.kustomizations.get("cluster-issuer", {}))

    live.start()
    live.wait_until(lambda: says('secrets "sops-age" not found'), "Flux says that it has no key")
    other = tools.run("age-keygen")
    give_key(live, other)
    live.wait_until(lambda: says("cannot get sops data key"), "Flux says that the key is another")
    give_key(live, (live.checkout / "age.key").read_text())
    live.wait_until_ready()
    found = live.actors.get("v1", "Secret", "cert-manager", "cloudflare")
    assert found
    assert base64.b64decode(found["data"]["api-token"]).decode() == "value of cloudflare"


def give_key(live: Cluster, key: str) -> None:
    """As `task bootstrap:apps` does."""
    metadata = {"name": AGE_SECRET, "namespace": NAMESPACE}
    live.server.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"age.agekey": key}})
