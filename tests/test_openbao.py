"""OpenBao as the store of secrets: its own server and program judge, and External Secrets on a real API server."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.doubles.factory import Factory, image_factory
from tests.doubles.openbao import MOUNT, Server, openbao
from tests.doubles.workplace import ANSWERS, Workplace, environment, set_up
from tests.support import apiserver, processes
from tests.support.additions import Adder
from tests.support.app_cases import IMAGE, TO_S3
from tests.support.flux import reconcile
from tests.support.given import given
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.support.repository import Repository

pytestmark = [needs("bao", "task", "age-keygen", "talosctl"), pytest.mark.full, pytest.mark.xdist_group("openbao")]

# The controller ends by itself where a test does not end it.
SECONDS = "900"


@pytest.fixture
def bao(tmp_path: Path) -> Iterator[Server]:
    """Provide a server."""
    with openbao(tmp_path / "openbao") as running:
        yield running


@pytest.fixture
def role(bao: Server, workplace: Workplace) -> tuple[str, str]:
    """Provide id and secret of the cluster's role, made as the page says."""
    return bao.does_what_the_page_says(workplace.read("docs/runbooks/first-boot.md"))


@pytest.fixture
def workplace(bao: Server, render: Renderer, tmp_path: Path) -> Workplace:
    """Provide a cluster whose secrets are in OpenBao."""
    made = set_up(tmp_path, render(ANSWERS | TO_S3 | bao.answers))
    made.extra |= bao.environment()
    return made


@pytest.fixture
def factory() -> Iterator[Factory]:
    """Provide the Image Factory."""
    with image_factory() as running:
        yield running


def with_all_values(workplace: Workplace, role: tuple[str, str]) -> None:
    """Give every Secret its values, as a person does after `task init` named what it lacks."""
    workplace.succeeds("init")
    for secret in yaml.safe_load(workplace.read("bootstrap/secrets.yaml"))["secrets"]:
        for key in secret["keys"]:
            if key.get("made") == "given" and secret["name"] != "openbao-approle":
                name, value = key["name"], given(workplace.root, secret["name"], key["name"])
                workplace.succeeds("secret:set", f"SECRET={secret['name']}", f"KEY={name}", stdin=value)
    for name, value in zip(("role-id", "secret-id"), role, strict=True):
        workplace.succeeds("secret:set", "SECRET=openbao-approle", f"KEY={name}", stdin=value)


@pytest.mark.witness
def test_the_role_that_the_page_makes_reads_everything_but_the_keys_of_talos(
    bao: Server, role: tuple[str, str]
) -> None:
    for name in ("grafana", "talos-secrets"):
        assert bao.bao("kv", "put", f"-mount={MOUNT}", name, "-", stdin='{"a": "b"}').returncode == 0
    identity, secret = role
    signed_in = bao.bao("write", "-field=token", "auth/approle/login", f"role_id={identity}", f"secret_id={secret}")
    token = signed_in.stdout.strip()

    def read(name: str) -> subprocess.CompletedProcess[str]:
        return bao.bao("read", "-format=json", f"{MOUNT}/data/{name}", token=token)

    assert json.loads(read("grafana").stdout)["data"]["data"] == {"a": "b"}
    assert "permission denied" in read("talos-secrets").stderr
    written = bao.bao("write", f"{MOUNT}/data/grafana", "-", token=token, stdin='{"data": {"a": "c"}}')
    assert "permission denied" in written.stderr


@pytest.mark.witness
def test_init_makes_what_is_missing_once_and_no_value_is_an_argument(
    bao: Server, role: tuple[str, str], workplace: Workplace, factory: Factory
) -> None:
    with_all_values(workplace, role)
    assert "still lacks" not in workplace.succeeds("init")
    workplace.extra["IMAGE_FACTORY_URL"] = factory.url
    workplace.push()
    assert f"entry talos-secrets of mount {MOUNT} in OpenBao" in workplace.succeeds("configure")
    before = bao.entries()
    assert len(before["grafana"]["admin-password"]) == 64
    assert before["openbao-approle"] == {"role-id": role[0], "secret-id": role[1]}
    assert {"cluster", "certs"} <= yaml.safe_load(before["talos-secrets"]["secrets.yaml"]).keys()
    workplace.succeeds("init")
    workplace.succeeds("configure")
    assert bao.entries() == before
    said = bao.calls.read_text() + "".join(
        text for path, text in workplace.every_file().items() if "clusterconfig" not in path.parts
    )
    values = {value for fields in before.values() for value in fields.values()}
    assert [value for value in values - {"admin"} if value in said] == []


def test_a_value_that_is_set_leaves_the_others_as_they_are(
    bao: Server, role: tuple[str, str], workplace: Workplace
) -> None:
    text = "two\nlines: 'x' \"$Y\"\n"
    bao.bao("kv", "put", f"-mount={MOUNT}", "grafana", "-", stdin='{"mine": "kept", "admin-user": "me"}')
    workplace.succeeds("secret:set", "SECRET=grafana", "KEY=admin-password", stdin="typed")
    assert bao.entries()["grafana"] == {"mine": "kept", "admin-user": "me", "admin-password": "typed"}
    folder = "kubernetes/apps/media/films/app"
    workplace.write(f"{folder}/kustomization.yaml", "resources:\n  - ./externalsecret.yaml\n")
    workplace.write(
        f"{folder}/externalsecret.yaml",
        "---\nkind: ExternalSecret\nmetadata:\n  name: films\nspec:\n  dataFrom:\n    - extract:\n"
        "        key: box office\n",
    )
    workplace.succeeds("secret:set", "SECRET=films", "KEY=config", "APP=media/films", stdin=text)
    assert bao.entries()["box office"] == {"config": text}


def test_what_can_not_be_read_is_refused_in_a_sentence(
    bao: Server, role: tuple[str, str], workplace: Workplace
) -> None:
    start = f"mount {MOUNT} of OpenBao at {bao.address} can't be read (`bao login`): "
    workplace.extra["BAO_TOKEN"] = "another"  # noqa: S105
    assert workplace.refuses("init") == f"{start}permission denied."
    workplace.extra["BAO_TOKEN"] = bao.token
    bao.bao("operator", "seal")
    assert workplace.refuses("init").startswith(start)
    assert bao.entries() == {}


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[apiserver.ApiServer]:
    """Provide an API server that nobody else looks at."""
    folder = tmp_path / "apiserver"
    yield apiserver.running(folder, os.getpid())
    processes.stop(folder)


@pytest.fixture
def external_secrets(own_server: apiserver.ApiServer, tmp_path: Path) -> Iterator[Path]:
    """Run the controller of External Secrets, and provide its log."""
    kubeconfig, log = tmp_path / "kubeconfig", tmp_path / "external-secrets.log"
    kubeconfig.write_text(own_server.kubeconfig())
    others = ("cluster-external-secret", "cluster-push-secret", "push-secret")
    words = ["--metrics-addr=0", "--loglevel=warn", *(f"--enable-{kind}-reconciler=false" for kind in others)]
    with log.open("w") as written:
        running = subprocess.Popen(
            ["timeout", SECONDS, "external-secrets", *words],
            env=environment() | {"KUBECONFIG": str(kubeconfig)},
            stdin=subprocess.DEVNULL, stdout=written, stderr=written,
        )  # fmt: skip
        try:
            yield log
        finally:
            running.terminate()
            running.wait()


@needs("external-secrets", "kube-apiserver", "flux-build")
def test_external_secrets_makes_the_secrets_of_the_cluster_of_the_entries(
    bao: Server,
    role: tuple[str, str],
    workplace: Workplace,
    template: Path,
    own_server: apiserver.ApiServer,
    external_secrets: Path,
) -> None:
    with_all_values(workplace, role)
    app = {"app_mounts": [{"path": "/config", "pvc": "1Gi"}], "app_backup": True, "app_secret": "external-secret"}
    films = workplace.root / "kubernetes/apps/media/films"
    Adder(template).add("app", films, IMAGE | app | {"app_secret_keys": ["API_KEY"]})
    workplace.succeeds("secret:set", "SECRET=films", "KEY=API_KEY", "APP=media/films", stdin="k-1")
    entries = bao.entries()
    data = {name: text for name, text in entries["openbao-approle"].items()}
    applied = [item for items in reconcile(Repository(workplace.root, ANSWERS)).values() for item in items]
    wanted = [item for item in applied if item["kind"] == "ExternalSecret"]
    [store] = [item for item in applied if item["kind"] == "ClusterSecretStore"]
    for namespace in {"external-secrets", *(item["metadata"]["namespace"] for item in wanted)}:
        own_server.has_namespace(namespace)
    metadata = {"name": "openbao-approle", "namespace": "external-secrets"}
    own_server.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
    for item in (store, *wanted):
        own_server.apply(item)

    def secrets() -> dict[str, dict[str, str]]:
        found = own_server.everything("v1", "Secret")
        return {
            item["metadata"]["name"]: {key: base64.b64decode(text).decode() for key, text in item["data"].items()}
            for item in found
            if item.get("data")
        }

    names = {item["spec"]["target"]["name"] for item in wanted}
    assert {"cloudflare", "films", "films-config-backup", "grafana"} <= names
    processes.wait_until(lambda: names <= secrets().keys())
    made = secrets()
    assert made["films"] == {"API_KEY": "k-1"}
    assert made["grafana"] == entries["grafana"]
    repository = {"RESTIC_REPOSITORY": "s3:https://s3.example.net/volumes/media/films/config"}
    assert made["films-config-backup"] == entries["backups"] | repository | {"AWS_DEFAULT_REGION": "us-east-1"}
