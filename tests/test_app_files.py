"""What follows from the answers of one app, in each kind that has pods of its own."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from talos_flux.template.render import Template
from tests.support.render import VERSION
from tests.test_app_rules import APP

ACCESS = {"external_access": "none", "storage": "local-path", "secrets_backend": "onepassword"}


@pytest.fixture(scope="module")
def ours(template: Path) -> Template:
    return Template(template, commit=VERSION, source=str(template))


@pytest.mark.parametrize(
    ("answers", "strategy"),
    [
        ({}, "RollingUpdate"),
        ({"app_mounts": [{"path": "/media", "nfs": "nas.lan:/media"}]}, "RollingUpdate"),
        ({"app_mounts": [{"path": "/config", "pvc": "5Gi"}]}, "Recreate"),
        # Nobody knows whether several nodes can mount it, unless several pods do.
        ({"app_mounts": [{"path": "/shared", "claim": "a-claim"}]}, "Recreate"),
        ({"app_mounts": [{"path": "/shared", "claim": "a-claim"}], "app_replicas": 2}, "RollingUpdate"),
        ({"app_gpu": "intel"}, "Recreate"),
    ],
)
def test_a_pod_ends_before_the_next_starts_where_both_may_not_hold_the_same(
    ours: Template, answers: Mapping[str, Any], strategy: str
) -> None:
    files = ours.render({}, {**APP, **ACCESS, **answers, "app_kind": "manifests"})
    deployment = yaml.safe_load(files[PurePosixPath("app/deployment.yaml")].content)
    assert deployment["spec"]["strategy"]["type"] == strategy
    files = ours.render({}, {**APP, **ACCESS, **answers, "app_kind": "app-template"})
    release = yaml.safe_load(files[PurePosixPath("app/helmrelease.yaml")].content)
    (controller,) = release["spec"]["values"]["controllers"].values()
    assert controller["strategy"] == strategy


def test_every_mount_has_a_volume_of_its_own_name(ours: Template) -> None:
    for paths, names in {
        ("/config", "/srv/config", "/cache"): ["config", "config-2", "cache"],
        ("/data-3", "/data", "/x/data"): ["data-3", "data", "data-4"],
        ("/data-3", "/data-4", "/data", "/x/data", "/y/data"): ["data-3", "data-4", "data", "data-5", "data-6"],
        ("/config-files-2", "/config-files"): ["config-files-2", "config-files-3"],
    }.items():
        mounts = [{"path": path, "emptyDir": ""} for path in paths]
        volumes = ours.answers({}, {**APP, **ACCESS, "app_read_only": False, "app_mounts": mounts})["app_volumes"]
        assert [volume["name"] for volume in volumes] == names


def test_a_port_of_a_container_is_listed_once(ours: Template) -> None:
    for metrics, ports, listed in (
        (9090, [("TCP", 8080), ("UDP", 8080), ("TCP", 9090)], ["http", "metrics", "udp-8080"]),
        (8080, [("TCP", 9090)], ["http", "tcp-9090"]),
    ):
        answers = {
            "app_scrape": True,
            "app_scrape_port": metrics,
            "app_load_balancer_ports": [{"port": port, "protocol": protocol} for protocol, port in ports],
        }
        files = ours.render({}, {**APP, **ACCESS, **answers, "app_kind": "manifests"})
        deployment = yaml.safe_load(files[PurePosixPath("app/deployment.yaml")].content)
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert [port["name"] for port in container["ports"]] == listed


@pytest.mark.parametrize("kind", ["manifests", "app-template"])
def test_a_secret_may_say_the_time_zone(ours: Template, kind: str) -> None:
    secret = {"app_secret": "onepassword", "app_secret_keys": ["TZ"]}
    for path, file in ours.render({}, {**APP, **ACCESS, **secret, "app_kind": kind}).items():
        if path.name in ("deployment.yaml", "helmrelease.yaml"):
            assert "${TIMEZONE}" not in file.content.decode()


@pytest.mark.parametrize("kind", ["manifests", "app-template"])
def test_in_a_cluster_with_ipv6_an_app_has_its_own_address_in_both_families(ours: Template, kind: str) -> None:
    lan = {"app_load_balancer_ports": [{"port": 53, "protocol": "UDP"}], "app_kind": kind}
    both = {"load_balancer_cidr_ipv6": "fd12:3456:789a:1::/64"}
    named = {"app_load_balancer_address": "192.168.1.105"}
    assert _service({**lan, **both}, ours) == ("PreferDualStack", None)
    assert _service({**lan, **both, **named}, ours) == ("PreferDualStack", "192.168.1.105,fd12:3456:789a:1::1:105")
    assert _service({**lan, **named}, ours) == (None, "192.168.1.105")


def _service(answers: Mapping[str, Any], ours: Template) -> tuple[str | None, str | None]:
    """Return the family policy of the Service with an address of its own, and the addresses that it asks for."""
    files = ours.render({}, {**APP, **ACCESS, **answers})
    if answers["app_kind"] == "manifests":
        [service] = [
            item
            for item in yaml.safe_load_all(files[PurePosixPath("app/service.yaml")].content)
            if item["spec"].get("type") == "LoadBalancer"
        ]
        spec, annotations = service["spec"], service["metadata"].get("annotations", {})
    else:
        spec = yaml.safe_load(files[PurePosixPath("app/helmrelease.yaml")].content)["spec"]["values"]["service"]["lan"]
        annotations = spec.get("annotations", {})
    return spec.get("ipFamilyPolicy"), annotations.get("lbipam.cilium.io/ips")
