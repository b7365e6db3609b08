"""Secrets that are kept in the repository, encrypted by its own tasks: Flux decrypts them, or says why not."""

import base64
from pathlib import Path

import pytest

from tests.cluster.cluster import AGE_SECRET, NAMESPACE, Cluster, message_of
from tests.cluster.conftest import LIVE
from tests.cluster.state import differences
from tests.conftest import one_worker_each
from tests.support import tools
from tests.support.additions import Adder
from tests.support.app_cases import IMAGE
from tests.support.flux import LOOKS_LIKE_A_NUMBER
from tests.support.given import OF_FORM
from tests.support.needs import CLUSTER, needs
from tests.support.render import git

pytestmark = [
    needs(*CLUSTER, "sops", "age-keygen", "task"),
    pytest.mark.full,
    pytest.mark.parametrize("live", one_worker_each(["sops"], prefix=LIVE), indirect=True),
]


def test_every_secret_arrives_decrypted(live: Cluster) -> None:
    live.wait_until_ready()
    found = live.actors.get("v1", "Secret", "cert-manager", "cloudflare")
    assert found
    assert base64.b64decode(found["data"]["api-token"]).decode() == OF_FORM["cloudflare-token"]


def test_a_backup_finds_its_keys_beside_it_and_as_they_are(live: Cluster, template: Path) -> None:
    live.wait_until_ready()
    app = IMAGE | {"app_mounts": [{"path": "/config", "pvc": "1Gi"}], "app_backup": True}
    Adder(template).add("app", live.checkout / "kubernetes/apps/media/films", app)
    live.commit()
    live.wait_until_ready()
    assert differences(live) == []
    found = live.actors.get("v1", "Secret", "media", "films-config-backup")
    assert found
    values = {key: base64.b64decode(value).decode() for key, value in found["data"].items()}
    assert values == {
        "RESTIC_REPOSITORY": "/mnt/backups/media/films/config",
        "RESTIC_PASSWORD": LOOKS_LIKE_A_NUMBER,
    }


def test_without_its_key_or_with_another_the_error_is_plain(live: Cluster) -> None:
    def says(text: str) -> bool:
        return text in message_of(live.kustomizations["cluster-issuer"])

    live.wait_until_ready()
    live.server.call("DELETE", f"/api/v1/namespaces/{NAMESPACE}/secrets/{AGE_SECRET}")
    git(live.checkout, "commit", "--quiet", "--allow-empty", "--message", "feat: nothing")
    live.push()
    live.wait_until(lambda: says('secrets "sops-age" not found'), "Flux says that it has no key")
    live.give_key(tools.run("age-keygen"))
    live.wait_until(lambda: says("cannot get sops data key"), "Flux says that the key is another")
    live.give_key((live.checkout / "age.key").read_text())
    live.wait_until_ready()
