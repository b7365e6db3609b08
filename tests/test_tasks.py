"""The tasks up to the point where machines are needed: init, configure, secret:set, and what they refuse."""

import hashlib
import importlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml

from tests.doubles.factory import Factory, image_factory
from tests.doubles.machines import MS_01
from tests.doubles.workplace import ANSWERS, REPOSITORY, SOPS, Workplace, environment, set_up
from tests.pins import pinned
from tests.support import tools
from tests.support.given import given
from tests.support.needs import needs
from tests.support.render import PROJECT, Renderer

pytestmark = [needs("task", "talosctl", "age-keygen"), pytest.mark.full]

SCRIPTS = PROJECT / "template" / "scripts"


@pytest.fixture
def onepassword(render: Renderer, tmp_path: Path) -> Workplace:
    """Provide a cluster whose secrets are in 1Password."""
    return set_up(tmp_path, render(ANSWERS))


@pytest.fixture
def sops(render: Renderer, tmp_path: Path) -> Workplace:
    """Provide a cluster whose secrets are encrypted in the repository."""
    return set_up(tmp_path, render(SOPS))


@pytest.fixture
def factory() -> Iterator[Factory]:
    """Provide the Image Factory."""
    with image_factory() as running:
        yield running


def configured(workplace: Workplace, factory: Factory) -> Workplace:
    """After `task init`, a push and `task configure`."""
    workplace.extra["IMAGE_FACTORY_URL"] = factory.url
    workplace.succeeds("init")
    workplace.push()
    workplace.succeeds("configure")
    return workplace


# --- The list ---


def test_plain_task_lists_every_task_of_the_document(onepassword: Workplace) -> None:
    listed = onepassword.succeeds()
    for name in (
        "init", "configure", "reconcile", "bootstrap:talos", "bootstrap:apps", "charts:updates", "docs",
        "new:namespace", "new:app", "move:app", "remove:app", "secret:set", "talos:apply-node", "talos:inventory",
        "adopt:app", "adopt:check",
        "talos:reset", "talos:upgrade", "talos:upgrade-k8s", "talos:upgrade-node", "talos:add-node",
        "talos:replace-node", "etcd:snapshot", "etcd:restore", "kubeconfig", "flux:suspend",
        "flux:resume", "flux:retry", "debug", "backup:keys", "update", "update:check", "update:undo",
    ):  # fmt: skip
        assert re.search(rf"^\* {name}: +\S", listed, re.MULTILINE), name


def test_a_task_that_needs_a_node_says_so(onepassword: Workplace) -> None:
    for name in (
        "talos:apply-node", "talos:upgrade-node", "talos:inventory", "talos:add-node", "talos:replace-node",
    ):  # fmt: skip
        done = onepassword.task(name)
        assert done.returncode != 0
        assert "IP" in done.stderr


# --- init ---


def test_init_makes_the_age_key_and_its_recipient(onepassword: Workplace) -> None:
    onepassword.succeeds("init")
    key = onepassword.root / "age.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    public = tools.run("age-keygen", "-y", key).strip()
    rules = yaml.safe_load(onepassword.read(".sops.yaml"))["creation_rules"]
    assert [rule["age"] for rule in rules] == [public, public]
    assert "age.key" not in onepassword.git("status", "--porcelain")


@pytest.mark.witness
def test_init_makes_missing_items_and_names_what_a_person_must_give(onepassword: Workplace) -> None:
    said = onepassword.succeeds("init")
    items = onepassword.items()
    assert len(items["flux-webhook"]["token"]) == 64
    assert items["grafana"]["admin-user"] == "admin"
    assert len(items["grafana"]["admin-password"]) == 64
    assert "cloudflare" not in items
    assert "task secret:set SECRET=cloudflare KEY=api-token" in said
    assert "task secret:set SECRET=op-credentials KEY=1password-credentials.json" in said


@pytest.mark.witness
def test_init_again_changes_nothing(onepassword: Workplace) -> None:
    onepassword.succeeds("init")
    before = onepassword.every_file() | {onepassword.account: onepassword.account.read_text()}
    onepassword.succeeds("init")
    assert onepassword.every_file() | {onepassword.account: onepassword.account.read_text()} == before


def test_init_fills_the_gaps_of_an_item_and_keeps_the_rest(onepassword: Workplace) -> None:
    account = json.loads(onepassword.account.read_text())
    user = {"id": "a", "label": "admin-user", "type": "STRING", "value": "katherine"}
    site = {"id": "b", "label": "website", "type": "STRING", "value": "kept"}
    account["vaults"]["Homelab"].append({"id": "item", "title": "grafana", "category": "LOGIN", "fields": [user, site]})
    onepassword.account.write_text(json.dumps(account))
    onepassword.succeeds("init")
    grafana = onepassword.items()["grafana"]
    assert (grafana["admin-user"], grafana["website"]) == ("katherine", "kept")
    assert len(grafana["admin-password"]) == 64


@pytest.mark.witness
def test_no_secret_is_an_argument_or_on_disk(onepassword: Workplace, factory: Factory) -> None:
    configured(onepassword, factory)
    onepassword.succeeds("secret:set", "SECRET=cloudflare", "KEY=api-token", stdin="cf-very-secret\n")
    values = [value for item in onepassword.items().values() for value in item.values() if value != "admin"]
    assert "cf-very-secret" in values
    calls = onepassword.calls.read_text()
    files = onepassword.every_file()
    for value in values:
        assert value not in calls
        assert not [path for path, text in files.items() if value in text]
    bundle = yaml.safe_load(onepassword.document("talos-secrets"))
    outside = {path: text for path, text in files.items() if path.parts[:2] != ("talos", "clusterconfig")}
    for value in (bundle["secrets"]["secretboxencryptionsecret"], bundle["certs"]["os"]["key"]):
        assert value not in calls
        assert not [path for path, text in outside.items() if value in text]


@pytest.mark.parametrize("task", ["init", "configure"])
def test_what_bootstrap_will_refuse_is_a_warning_before(task: str, render: Renderer, tmp_path: Path) -> None:
    workplace = set_up(tmp_path, render({}))
    workplace.extra["IMAGE_FACTORY_URL"] = "http://127.0.0.1:9"
    said = workplace.succeeds(task)
    assert "warning: the repository is https://github.com/your-name/anton.git, a placeholder" in said
    assert "warning: the domain is example.com" in said
    assert "warning: the tunnel id" in said
    assert "warning: Flux reads https://github.com/your-name/anton.git, and origin is" in said


def test_init_refuses_a_vault_that_it_cannot_read(onepassword: Workplace) -> None:
    onepassword.account.write_text(json.dumps({"vaults": {"Private": []}}))
    assert "the 1Password vault Homelab can't be read" in onepassword.refuses("init")
    onepassword.account.write_text(json.dumps({"signed_in": False, "vaults": {"Homelab": []}}))
    assert "account is not signed in" in onepassword.refuses("init")


@needs("sops")
def test_init_never_replaces_a_lost_age_key(sops: Workplace) -> None:
    sops.succeeds("init")
    (sops.root / "age.key").unlink()
    assert "restore it from your backup" in sops.refuses("init")


@needs("sops")
def test_init_refuses_a_key_that_is_not_the_recipients(sops: Workplace) -> None:
    sops.succeeds("init")
    (sops.root / "age.key").unlink()
    tools.run("age-keygen", "--output", sops.root / "age.key")
    assert "and .sops.yaml has a rule that encrypts for age1" in sops.refuses("init")


@pytest.mark.parametrize("both", ["{},{}", "[{}, {}]"])
@needs("sops")
def test_a_second_person_may_decrypt_as_well(sops: Workplace, both: str) -> None:
    sops.succeeds("init", "--", "--no-input")
    own = re.findall(r"age1[0-9a-z]+", sops.read(".sops.yaml"))[0]
    other = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    sops.write(".sops.yaml", sops.read(".sops.yaml").replace(f"age: {own}", f"age: {both.format(own, other)}"))
    sops.succeeds("init", "--", "--no-input")


@needs("sops")
def test_init_with_sops_encrypts_and_registers_what_it_makes(sops: Workplace) -> None:
    sops.succeeds("init")
    folder = "kubernetes/apps/monitoring/grafana/app"
    text = sops.read(f"{folder}/grafana.sops.yaml")
    assert "ENC[AES256_GCM" in text and "admin-password" in text
    assert "./grafana.sops.yaml" in yaml.safe_load(sops.read(f"{folder}/kustomization.yaml"))["resources"]
    clear = yaml.safe_load(decrypt(sops, f"{folder}/grafana.sops.yaml"))
    # What somebody types may hold ${...}.
    as_it_is = {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}
    assert clear["kind"] == "Secret" and clear["metadata"] == {"name": "grafana", "annotations": as_it_is}
    assert clear["stringData"]["admin-user"] == "admin"
    before = sops.every_file()
    sops.succeeds("init")
    assert sops.every_file() == before


@pytest.mark.parametrize("backend", ["onepassword", "sops"])
def test_init_makes_a_deploy_key_for_an_ssh_repository(backend: str, render: Renderer, tmp_path: Path) -> None:
    answers = ANSWERS | {"repository_url": "ssh://git@github.com/home/anton.git", "secrets_backend": backend}
    workplace = set_up(tmp_path, render(answers))
    said = workplace.succeeds("init")
    if backend == "sops":
        deploy_key = yaml.safe_load(decrypt(workplace, "bootstrap/deploy-key.sops.yaml"))["stringData"]
    else:
        deploy_key = workplace.items()["deploy-key"]
    private = tmp_path / "identity"
    private.write_text(deploy_key["identity"])
    private.chmod(0o600)
    derived = subprocess.run(["ssh-keygen", "-y", "-f", private], check=True, capture_output=True, text=True).stdout
    assert derived.split()[:2] == deploy_key["identity.pub"].split()[:2]
    assert derived.split()[1] in said
    assert "github.com ssh-ed25519 " in deploy_key["known_hosts"]
    workplace.succeeds("init")
    if backend == "onepassword":
        assert workplace.items()["deploy-key"] == deploy_key


# --- configure ---


@pytest.mark.witness
def test_configure_renders_a_valid_configuration_for_every_node(onepassword: Workplace, factory: Factory) -> None:
    configured(onepassword, factory)
    folder = onepassword.root / "talos" / "clusterconfig"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in folder.iterdir()) == ["k8s-1.yaml", "k8s-2.yaml", "k8s-3.yaml", "talosconfig"]
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in folder.glob("*.yaml"):
        tools.run("talosctl", "validate", "--config", path, "--mode", "metal", "--strict")
        assert f"factory.talos.dev/metal-installer/{MS_01}:{pinned()['pin_talos']}" in path.read_text()
    talosconfig = yaml.safe_load((folder / "talosconfig").read_text())
    assert talosconfig["contexts"]["anton"]["endpoints"] == ["192.168.1.98", "192.168.1.99", "192.168.1.100"]
    assert onepassword.git("status", "--porcelain") == ""


def test_configure_again_keeps_the_keys_of_the_cluster(onepassword: Workplace, factory: Factory) -> None:
    configured(onepassword, factory)
    bundle = onepassword.document("talos-secrets")
    config = onepassword.read("talos/clusterconfig/k8s-1.yaml")
    onepassword.succeeds("configure")
    assert onepassword.document("talos-secrets") == bundle
    assert onepassword.read("talos/clusterconfig/k8s-1.yaml") == config


@needs("sops")
def test_configure_with_sops_encrypts_the_keys_of_the_cluster(sops: Workplace, factory: Factory) -> None:
    configured(sops, factory)
    text = sops.read("talos/secrets.sops.yaml")
    assert "ENC[AES256_GCM" in text
    clear = yaml.safe_load(decrypt(sops, "talos/secrets.sops.yaml"))
    assert clear["trustdinfo"]["token"] not in text
    assert "secrets.sops.yaml is not committed" in sops.succeeds("configure")
    assert yaml.safe_load(decrypt(sops, "talos/secrets.sops.yaml")) == clear


def test_configure_posts_each_schematic(onepassword: Workplace, factory: Factory) -> None:
    configured(onepassword, factory)
    assert [hashlib.sha256(schematic).hexdigest() for schematic in factory.posted] == [MS_01]


def test_configure_stops_when_the_factory_returns_another_id(onepassword: Workplace, factory: Factory) -> None:
    onepassword.extra["IMAGE_FACTORY_URL"] = factory.url
    onepassword.succeeds("init")
    onepassword.push()
    factory.answer = "0" * 64
    refusal = onepassword.refuses("configure")
    assert "0" * 64 in refusal and MS_01 in refusal and "talos/schematic-i915-intel-ucode.yaml" in refusal
    assert not (onepassword.root / "talos" / "clusterconfig").exists()
    factory.answer, factory.status = "", 400
    assert "refuses talos/schematic-i915-intel-ucode.yaml: 400 unknown field in schematic" in onepassword.refuses(
        "configure"
    )


@needs("sops")
@pytest.mark.witness
def test_configure_needs_no_remote_no_commit_and_no_network(sops: Workplace) -> None:
    sops.extra["IMAGE_FACTORY_URL"] = "http://127.0.0.1:9"
    sops.git("remote", "remove", "origin")
    sops.succeeds("init")
    said = sops.succeeds("configure")
    assert "warning: this checkout has no remote origin" in said
    assert "warning: nothing shows" not in said
    assert "http://127.0.0.1:9 does not answer: Connection refused: `task bootstrap:talos` asks it again." in said
    for node in ("k8s-1", "k8s-2", "k8s-3"):
        assert f"✓ talos/clusterconfig/{node}.yaml is valid." in said


def test_configure_warns_of_a_disk_that_may_be_another(render: Renderer, tmp_path: Path) -> None:
    node = {"name": "k8s-1", "address": "192.168.1.98", "interface": "eno1"}
    workplace = set_up(tmp_path, render({**ANSWERS, "nodes": [node | {"disk": "/dev/sda"}]}))
    workplace.extra["IMAGE_FACTORY_URL"] = "http://127.0.0.1:9"
    assert "warning: k8s-1 is installed on /dev/sda, a name that another disk may get" in workplace.succeeds(
        "configure"
    )


def test_configure_names_a_bad_patch_where_nobody_is_signed_in(onepassword: Workplace) -> None:
    onepassword.extra["IMAGE_FACTORY_URL"] = "http://127.0.0.1:9"
    onepassword.account.write_text(json.dumps({"signed_in": False, "vaults": {"Homelab": []}}))
    refusal = onepassword.refuses("configure")
    assert "account is not signed in" in refusal
    assert not list((onepassword.root / "talos/clusterconfig").glob("*"))
    patch = "---\napiVersion: v1alpha1\nkind: SysctlConfig\nparameters: {}\n"
    onepassword.write("talos/patches/global/typo.yaml", patch)
    assert "parameters" in onepassword.refuses("configure")


@needs("sops")
def test_configure_encrypts_what_lies_there_in_clear(sops: Workplace, factory: Factory) -> None:
    sops.extra["IMAGE_FACTORY_URL"] = factory.url
    sops.succeeds("init")
    sops.write(
        "kubernetes/apps/default/thing.sops.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: thing\nstringData:\n  a: hunter2\n",
    )
    sops.push()
    assert "kubernetes/apps/default/thing.sops.yaml is encrypted now" in sops.succeeds("configure")
    text = sops.read("kubernetes/apps/default/thing.sops.yaml")
    assert "hunter2" not in text and "name: thing" in text


def test_configure_refuses_a_patch_that_talos_does_not_know(onepassword: Workplace, factory: Factory) -> None:
    configured(onepassword, factory)
    before = onepassword.read("talos/clusterconfig/k8s-1.yaml")
    onepassword.write(
        "talos/patches/global/typo.yaml", "---\napiVersion: v1alpha1\nkind: SysctlConfig\nparameters: {}\n"
    )
    onepassword.push()
    assert "parameters" in onepassword.refuses("configure")
    assert onepassword.read("talos/clusterconfig/k8s-1.yaml") == before


# --- What bootstrap refuses ---

REFUSING = ("bootstrap:talos", "bootstrap:apps")


@pytest.mark.parametrize("task", REFUSING)
def test_placeholders_are_refused(task: str, render: Renderer, tmp_path: Path) -> None:
    workplace = set_up(tmp_path, render({"repository_url": REPOSITORY, "webhook_provider": "generic-hmac"}))
    assert "the domain is example.com, a placeholder" in workplace.refuses(task)
    settings = "kubernetes/flux/meta/settings/cluster-settings.yaml"
    workplace.write(settings, workplace.read(settings).replace("example.com", "anton.example.net"))
    refusal = workplace.refuses(task)
    assert "00000000-0000-0000-0000-000000000000, a placeholder" in refusal


@pytest.mark.parametrize("task", REFUSING)
def test_an_origin_that_flux_does_not_read_is_refused(task: str, onepassword: Workplace) -> None:
    onepassword.git("config", "remote.origin.url", "https://git.example.net/home/other.git")
    refusal = onepassword.refuses(task)
    assert REPOSITORY in refusal and "https://git.example.net/home/other.git" in refusal
    onepassword.git("remote", "remove", "origin")
    assert "has no remote origin" in onepassword.refuses(task)


@pytest.mark.parametrize("task", REFUSING)
@pytest.mark.witness
def test_an_unpushed_head_is_refused(task: str, onepassword: Workplace) -> None:
    onepassword.write("note.txt", "new\n")
    onepassword.git("add", "--all")
    onepassword.git("commit", "--quiet", "--message", "not pushed")
    head = onepassword.git("rev-parse", "--short", "HEAD").strip()
    assert f"HEAD {head} is not on branch main of origin" in onepassword.refuses(task)


@pytest.mark.parametrize("task", ("bootstrap:talos", "bootstrap:apps"))
def test_an_uncommitted_tree_is_refused_where_it_matters(task: str, onepassword: Workplace) -> None:
    onepassword.write("README.md", "a note\n")
    onepassword.write("kubernetes/apps/default/new.yaml", "a: b\n")
    assert "kubernetes/apps/default/new.yaml is not committed" in onepassword.refuses(task)


def test_a_head_behind_origin_is_pushed(onepassword: Workplace, factory: Factory) -> None:
    onepassword.extra["IMAGE_FACTORY_URL"] = factory.url
    onepassword.succeeds("init")
    onepassword.push()
    onepassword.write("note.txt", "by Renovate\n")
    onepassword.push()
    onepassword.git("reset", "--quiet", "--hard", "HEAD~1")
    onepassword.succeeds("configure")


def test_tasks_that_need_keys_name_the_one_that_makes_them(onepassword: Workplace) -> None:
    for words in (
        ["talos:upgrade"], ["talos:upgrade-k8s"], ["talos:reset", "--", "--yes"],
        ["talos:apply-node", "IP=192.168.1.98"], ["etcd:snapshot"], ["etcd:restore"], ["kubeconfig"],
    ):  # fmt: skip
        assert "run `task configure`" in onepassword.refuses(*words)
    assert not (onepassword.root / "talos/clusterconfig").exists()


@needs("sops")
def test_keys_that_are_pushed_are_not_made_anew(sops: Workplace, factory: Factory) -> None:
    sops.extra["IMAGE_FACTORY_URL"] = factory.url
    sops.succeeds("init")
    sops.push()
    sops.succeeds("configure")
    sops.push()
    sops.git("reset", "--quiet", "--hard", "HEAD~1")
    assert "talos/secrets.sops.yaml is on origin, and not in this checkout" in sops.refuses("configure")


@pytest.mark.parametrize("task", ("bootstrap:talos", "bootstrap:apps"))
def test_an_old_checkout_installs_no_older_versions(task: str, onepassword: Workplace) -> None:
    onepassword.succeeds("init")
    onepassword.push()
    onepassword.write("note.txt", "by Renovate\n")
    onepassword.push()
    onepassword.git("reset", "--quiet", "--hard", "HEAD~1")
    assert "ahead of HEAD" in onepassword.refuses(task)


def test_what_init_names_as_missing_can_be_set(onepassword: Workplace) -> None:
    said = onepassword.succeeds("init")
    commands = re.findall(r"`task secret:set SECRET=(\S+) KEY=(\S+)`", said)
    assert ("onepassword-token", "token") in commands
    for secret, key in commands:
        value = given(onepassword.root, secret, key)
        onepassword.succeeds("secret:set", f"SECRET={secret}", f"KEY={key}", stdin=value)
    assert "still lacks" not in onepassword.succeeds("init")


@pytest.fixture(scope="module")
def library(render: Renderer) -> Iterator[Callable[[str], Any]]:
    """library(name) is one of the modules that the scripts share."""
    scripts = str(render(SOPS) / "scripts")

    def loaded() -> list[str]:
        return [name for name in sys.modules if name == "lib" or name.startswith("lib.")]

    with pytest.MonkeyPatch.context() as patch:
        for name in loaded():  # the template's own, by another test
            patch.delitem(sys.modules, name)
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.syspath_prepend(scripts)
        yield importlib.import_module
        for name in loaded():
            del sys.modules[name]


def test_a_pasted_newline_is_not_part_of_a_value(library: Callable[[str], Any]) -> None:
    as_meant = library("talos_flux.terminal").without_its_writers_newline
    assert (as_meant("abc\n"), as_meant("abc"), as_meant("a\nb\n")) == ("abc", "abc", "a\nb\n")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b", True),
        ("https://github.com/a/b.git", "git@github.com:a/b.git", True),
        ("https://github.com/a/b.git", "ssh://git@github.com/a/b", True),
        ("https://GitHub.com/a/b/", "https://token@github.com/a/b.git", True),
        ("ssh://git@git.example.net:2222/a/b.git", "https://git.example.net/a/b", True),
        ("ssh://git@git.example.net:2222/a/b.git", "ssh://git@git.example.net/a/b", False),
        ("https://github.com:443/a/b", "https://github.com/a/b", True),
        ("git@github.com:/a/b", "ssh://git@github.com/a/b.git", True),
        ("https://github.com/a/b.git", "https://github.com/a/c.git", False),
        ("https://github.com/a/b.git", "https://gitlab.com/a/b.git", False),
        ("https://github.com/a/b.git", "https://github.com/A/b.git", False),
        ("https://github.com/a/b.git", "/srv/git/b.git", False),
    ],
)
def test_spellings_of_one_repository_are_equal(one: str, other: str, same: bool, library: Callable[[str], Any]) -> None:
    same_repository = library("talos_flux.talos.preflight").same_repository
    assert same_repository(one, other) is same
    assert same_repository(other, one) is same


# --- secret:set ---


def decrypt(workplace: Workplace, name: str) -> str:
    """Return the content of an encrypted file."""
    return subprocess.run(
        ["sops", "decrypt", name],
        cwd=workplace.root,
        env=environment() | {"SOPS_AGE_KEY_FILE": str(workplace.root / "age.key")},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.witness
def test_secret_set_writes_the_item(onepassword: Workplace) -> None:
    onepassword.succeeds("secret:set", "SECRET=cloudflare", "KEY=api-token", stdin="one\n")
    assert onepassword.items()["cloudflare"] == {"api-token": "one"}
    onepassword.succeeds("secret:set", "SECRET=cloudflare", "KEY=api-token", stdin="two")
    assert onepassword.items()["cloudflare"] == {"api-token": "two"}


def test_secret_set_keeps_a_value_of_many_lines(onepassword: Workplace) -> None:
    value = '{\n  "verifier": "it\'s",\n  "n": 1\n}\n'
    onepassword.succeeds("secret:set", "SECRET=op-credentials", "KEY=1password-credentials.json", stdin=value)
    assert onepassword.items()["1password-connect"]["1password-credentials.json"] == value


@needs("sops")
def test_secret_set_reaches_every_namespace(sops: Workplace) -> None:
    sops.succeeds("init")
    sops.succeeds("secret:set", "SECRET=cloudflare", "KEY=api-token", stdin="token\n")
    for folder in ("cert-manager/cluster-issuer", "network/external-dns"):
        name = f"kubernetes/apps/{folder}/app/cloudflare.sops.yaml"
        assert yaml.safe_load(decrypt(sops, name))["stringData"] == {"api-token": "token"}


@needs("sops")
def test_secret_set_leaves_other_values_as_they_are(sops: Workplace) -> None:
    sops.succeeds("init")
    name = "kubernetes/apps/monitoring/grafana/app/grafana.sops.yaml"
    user = re.search(r"admin-user: .*", sops.read(name))
    sops.succeeds("secret:set", "SECRET=grafana", "KEY=admin-password", stdin="a 'quoted' \"value\"\n")
    assert user and user[0] in sops.read(name)
    assert yaml.safe_load(decrypt(sops, name))["stringData"]["admin-password"] == "a 'quoted' \"value\""


@needs("sops")
def test_secret_set_serves_an_app_that_somebody_added(sops: Workplace) -> None:
    sops.succeeds("init")
    sops.write("kubernetes/apps/media/films/app/kustomization.yaml", "resources:\n  - ./helmrelease.yaml\n")
    ks = "spec:\n  prune: true # as all\n  path: ./kubernetes/apps/media/films/app\n"
    sops.write("kubernetes/apps/media/films/ks.yaml", ks)
    sops.succeeds("secret:set", "SECRET=films", "KEY=password", "APP=media/films", stdin="x\n")
    decrypting = ks.replace("  path:", "  decryption:\n    provider: sops\n  path:")
    assert sops.read("kubernetes/apps/media/films/ks.yaml") == decrypting
    sops.succeeds("secret:set", "SECRET=films", "KEY=user", "APP=media/films", stdin="me\n")
    assert sops.read("kubernetes/apps/media/films/ks.yaml") == decrypting
    clear = yaml.safe_load(decrypt(sops, "kubernetes/apps/media/films/app/films.sops.yaml"))
    assert clear["stringData"] == {"password": "x", "user": "me"}
    assert "has no kustomization.yaml" in sops.refuses("secret:set", "SECRET=a", "KEY=b", "APP=media/none", stdin="x\n")
    refusal = sops.refuses("secret:set", "SECRET=Films_", "KEY=b", "APP=media/films", stdin="x\n")
    assert "Films_ is no name of a Secret" in refusal
    refusal = sops.refuses("secret:set", "SECRET=films", "KEY=PASS WORD", "APP=media/films", stdin="x\n")
    assert "PASS WORD is no key of a Secret" in refusal


def test_secret_set_finds_the_item_of_an_app_that_somebody_added(onepassword: Workplace) -> None:
    folder = "kubernetes/apps/media/films/app"
    onepassword.write(f"{folder}/kustomization.yaml", "resources:\n  - ./onepassworditem.yaml\n")
    onepassword.write(
        f"{folder}/onepassworditem.yaml",
        "---\nkind: OnePasswordItem\nmetadata:\n  name: films\nspec:\n  itemPath: vaults/Homelab/items/cinema\n",
    )
    onepassword.succeeds("secret:set", "SECRET=films", "KEY=password", "APP=media/films", stdin="x\n")
    onepassword.write(
        f"{folder}/externalsecret.yaml",
        "---\nkind: ExternalSecret\nmetadata:\n  name: a\nspec:\n  target:\n    name: tickets\n"
        "  dataFrom:\n    - extract:\n        key: box office\n",
    )
    onepassword.succeeds("secret:set", "SECRET=tickets", "KEY=password", "APP=media/films", stdin="y\n")
    items = onepassword.items()
    assert (items["cinema"], items["box office"]) == ({"password": "x"}, {"password": "y"})
    assert "no OnePasswordItem or ExternalSecret series" in onepassword.refuses(
        "secret:set", "SECRET=series", "KEY=password", "APP=media/films", stdin="x\n"
    )


def test_secret_set_refuses_what_nobody_reads(onepassword: Workplace) -> None:
    refusal = onepassword.refuses("secret:set", "SECRET=cloudfare", "KEY=api-token", stdin="x\n")
    assert "no Secret cloudfare" in refusal and "cloudflare" in refusal
    refusal = onepassword.refuses("secret:set", "SECRET=cloudflare", "KEY=token", stdin="x\n")
    assert "has no key token; it has api-token" in refusal
    assert "no value" in onepassword.refuses("secret:set", "SECRET=cloudflare", "KEY=api-token", stdin="")
    assert onepassword.items() == {}


def test_secret_set_asks_without_echo(onepassword: Workplace) -> None:
    environ = environment() | {"OP_DOUBLE": str(onepassword.account), "OP_DOUBLE_LOG": str(onepassword.calls)}
    terminal = pexpect.spawn(
        "task",
        ["secret:set", "SECRET=cloudflare", "KEY=api-token"],
        cwd=str(onepassword.root),
        env=environ | {"TERM": "xterm"},
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 200),
    )
    terminal.expect("Zone Read and DNS Edit")
    terminal.sendline("typed-secret")
    terminal.expect(pexpect.EOF)
    assert onepassword.items()["cloudflare"] == {"api-token": "typed-secret"}
    assert "typed-secret" not in terminal.before


# --- A kustomization.yaml that gets one more file ---

Add = Callable[[str, str], str]


@pytest.fixture
def add(library: Callable[[str], Any]) -> Add:
    return library("talos_flux.repository.kustomization_edits").with_resource


@pytest.mark.witness
def test_a_sorted_list_stays_sorted(add: Add) -> None:
    text = "---\nkind: Kustomization\nresources:\n  - ./a.yaml\n  # the chart\n  - ./helmrelease.yaml\n  - ./z.yaml\n"
    assert add(text, "./grafana.sops.yaml") == text.replace(
        "  # the chart\n", "  - ./grafana.sops.yaml\n  # the chart\n"
    )


@pytest.mark.witness
def test_any_other_list_gets_it_at_its_end(add: Add) -> None:
    text = "resources:\n- ./z.yaml # last\n- ./a.yaml # first\n\n# and more\nlabels: []\n"
    assert add(text, "./b.yaml") == text.replace("first\n", "first\n- ./b.yaml\n")


def test_a_listed_file_changes_nothing(add: Add) -> None:
    for text in ("resources:\n  - ./a.yaml\n", "resources:\n  - a.yaml\n", "resources: [./a.yaml]\n"):
        assert add(text, "./a.yaml") == text


def test_a_list_that_is_not_there_is_made(add: Add) -> None:
    assert yaml.safe_load(add("kind: Kustomization\n", "./a.yaml")) == {
        "kind": "Kustomization",
        "resources": ["./a.yaml"],
    }
    assert yaml.safe_load(add("resources: []\nkind: K\n", "./a.yaml")) == {"kind": "K", "resources": ["./a.yaml"]}
    assert yaml.safe_load(add("resources: [./b.yaml]", "./a.yaml")) == {"resources": ["./b.yaml", "./a.yaml"]}


# --- The scripts as code ---


def test_the_scripts_name_their_packages_exactly() -> None:
    for path in SCRIPTS.glob("*.py"):
        header = re.search(r"^# dependencies = \[(.*)\]$", path.read_text(), re.MULTILINE)
        if header:
            assert all("==" in name for name in header[1].split(",")), path
            assert os.access(path, os.X_OK), path
