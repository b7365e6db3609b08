"""What the files of Talos and of the Secrets say, or one sentence about what is wrong with them."""

from pathlib import Path

import pytest

from talos_flux.errors import UserError
from talos_flux.repository import settings
from talos_flux.secrets.declared import Secret
from talos_flux.talos import machines

NODE = "- {name: k8s-1, address: 192.168.1.98, role: controller, image: factory.talos.dev/x}\n"


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ("nodes: []\n", "names no node whose role is controller"),
        (f"nodes:\n{NODE.replace('controller', 'worker')}", "names no node whose role is controller"),
        ("nodes:\n", "nodes is a list of nodes"),
        ("nodes: [k8s-1]\n", "nodes is a list of nodes"),
        (f"nodes:\n{NODE.replace('role', 'rule')}", "has a node that can't be used"),
        ("", "has no nodes"),
    ],
)
def test_an_inventory_that_cannot_be_used_is_one_sentence(
    nodes: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inventory.yaml").write_text(f"cluster: anton\nendpoint: https://192.168.1.101:6443\n{nodes}")
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    monkeypatch.setattr(settings, "INVENTORY", tmp_path / "inventory.yaml")
    with pytest.raises(UserError, match=reason):
        settings.inventory.__wrapped__()


@pytest.mark.parametrize(
    ("image", "mode"),
    [
        ("factory.talos.dev/metal-installer/376567", "metal"),
        ("factory.talos.dev/metal-installer-secureboot/376567", "metal"),
        ("factory.talos.dev/nocloud-installer/376567", "cloud"),
        ("factory.talos.dev/nocloud-installer-secureboot/376567", "cloud"),
        ("ghcr.io/siderolabs/installer", "metal"),
    ],
)
def test_a_guest_with_a_cloud_init_drive_is_checked_as_what_it_is(image: str, mode: str) -> None:
    assert settings.Node("one", "192.168.1.98", "controller", image).mode == mode


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"name": "a"}, "no keys"),
        ({"keys": [{"name": "a"}]}, "name"),
        ({"name": "a", "keys": [{"title": "a"}]}, "title"),
        ({"name": "a", "keys": [], "colour": "red"}, "colour"),
    ],
)
def test_a_declared_secret_that_cannot_be_used_is_one_sentence(entry: dict[str, object], reason: str) -> None:
    with pytest.raises(UserError, match=f"bootstrap/secrets.yaml has a Secret that can't be used: .*{reason}"):
        Secret.read(entry)


def test_a_machine_that_answers_with_nothing_does_not_wait_for_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "ask", lambda *_, **__: "")
    assert not machines.waits_for_a_configuration("192.168.1.98")
    with pytest.raises(UserError, match=r"192.168.1.98 does not answer"):
        machines.inspect("192.168.1.98")
