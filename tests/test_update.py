"""A later release of the template never changes a recorded answer in silence, nor fights a raised version."""

import shutil
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import copier
import pytest
import yaml
from copier._template import load_template_config

from tests.support.needs import needs
from tests.support.questions import all_questions
from tests.support.render import PROJECT, commit_all, git, quicker
from tests.test_questions import questionnaire  # noqa: F401  (a fixture)
from tests.tools import records
from tests.tools.records import generator

CILIUM = Path("kubernetes/flux/meta/repos/cilium.yaml")


def commit(folder: Path, message: str, tag: str = "") -> None:
    commit_all(folder, message)
    if tag:
        git(folder, "tag", tag)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file.name} holds {old!r} {text.count(old)} times"
    file.write_text(text.replace(old, new))


class Release:
    """All questions and the chart sources as a template with a tag, and a cluster that was created from it."""

    def __init__(self, folder: Path, **data: str) -> None:
        self.template = folder / "template"
        self.cluster = folder / "cluster"
        for part in ("questions", "macros", "template/kubernetes/flux/meta/repos"):
            shutil.copytree(PROJECT / part, self.template / part)
        for file in ("copier.yml", "template/{{ _copier_conf.answers_file }}.jinja"):
            shutil.copy(PROJECT / file, self.template / file)
        commit(self.template, "feat: first release", "v1.0.0")
        copier.run_copy(str(self.template), self.cluster, data=data, defaults=True, quiet=True, unsafe=False)
        commit(self.cluster, "feat: the cluster")

    def release(self) -> None:
        commit(self.template, "feat: second release", "v2.0.0")

    def update(self, **data: str) -> dict:
        """Update as Renovate's copier manager does, and return the answers that are recorded then."""
        copier.run_update(
            str(self.cluster), data=data, defaults=True, skip_answered=True, overwrite=True, quiet=True, unsafe=False
        )
        return self.answers()

    def answers(self) -> dict:
        return yaml.safe_load((self.cluster / ".copier-answers.yml").read_text())


@pytest.fixture
def release(tmp_path) -> Release:
    return Release(tmp_path)


@needs("copier")
def test_a_copy_follows_the_next_release_and_keeps_its_answers_and_an_edit(copie, release):
    answers = {"cluster_name": "second", "domain": "second.example.net"}
    first = copie.copy(answers, template_dir=release.template, vcs_ref="v1.0.0")
    assert (first.exit_code, first.exception) == (0, None)
    source = first.project_dir / CILIUM
    replace(source, "tag: 1.20.2", "tag: 1.20.7")
    commit(first.project_dir, "feat: the cluster, and an edit")
    replace(release.template / "macros/flux.jinja", "  interval: 15m\n  layer", "  interval: 20m\n  layer")
    release.release()
    second = copie.update(first, vcs_ref="v2.0.0")
    assert (second.exit_code, second.exception, second.answers) == (0, None, first.answers)
    assert "tag: 1.20.7" in source.read_text() and "interval: 20m" in source.read_text()


@needs("copier")
def test_a_default_that_changes_later_flips_no_cluster(release):
    replace(release.template / "questions/access.yml", "else 'quic' }}", "else 'http2' }}")
    release.release()
    assert release.update()["tunnel_transport"] == "quic"


@needs("copier")
@pytest.mark.parametrize(
    ("question", "rules", "old", "new"),
    [
        (
            "domain",
            "macros/names.jinja",
            "{% if not is_domain(text) %}",
            "{% if not is_domain(text) or text.endswith('.com') %}",
        ),
        (
            "node_cidr",
            "macros/rules.jinja",
            "network_error(network, 8, 29)",
            "network_error(network, 25, 29)",
        ),
        (
            "service_cidr",
            "macros/rules.jinja",
            "network_error(network, 12, 24)",
            "network_error(network, 17, 24)",
        ),
    ],
)
@pytest.mark.full
def test_a_stricter_rule_stops_the_update_and_names_the_answer(release, question, rules, old, new):
    before = release.answers()[question]
    replace(release.template / rules, old, new)
    release.release()
    with pytest.raises(ValueError, match=question):
        release.update()
    assert release.answers()[question] == before
    assert git(release.cluster, "status", "--porcelain") == ""


@pytest.mark.slow
def test_a_choice_that_is_gone_stops_the_update_and_names_the_answer(tmp_path):
    release = Release(tmp_path, storage="none")
    replace(release.template / "questions/components.yml", "    none - bring your own: none\n", "")
    release.release()
    with pytest.raises(ValueError, match="'storage': 'none' is not in"):
        release.update()
    assert release.answers()["storage"] == "none"
    assert git(release.cluster, "status", "--porcelain") == ""


@needs("copier")
@pytest.mark.full
def test_what_calls_flux_follows_when_nothing_can_reach_it_any_more(release):
    assert release.update(external_access="none")["webhook_provider"] == "none"


@needs("copier")
def test_a_raised_pin_of_the_template_leaves_the_clusters_version_alone(release):
    replace(release.template / "questions/component_pins.yml", "default: 1.20.2", "default: 1.99.0")
    release.release()
    before = (release.cluster / CILIUM).read_text()
    assert release.update()["pin_cilium"] == "1.20.2"
    assert (release.cluster / CILIUM).read_text() == before


@needs("copier")
@pytest.mark.full
def test_what_renovate_raised_survives_when_the_template_raises_it_too(release):
    replace(release.cluster / CILIUM, "tag: 1.20.2", "tag: 1.20.7")
    commit(release.cluster, "chore: raise cilium")
    replace(release.template / "questions/component_pins.yml", "default: 1.20.2", "default: 1.99.0")
    replace(
        release.template / "macros/flux.jinja", "  interval: 15m\n  layerSelector:", "  interval: 20m\n  layerSelector:"
    )
    release.release()
    release.update()
    assert "tag: 1.20.7" in (release.cluster / CILIUM).read_text()
    assert "interval: 20m" in (release.cluster / CILIUM).read_text()
    assert "<<<<<<<" not in (release.cluster / CILIUM).read_text()


@needs("copier")
@pytest.mark.full
def test_a_component_that_comes_later_starts_at_that_releases_version(release):
    replace(release.template / "questions/component_pins.yml", "default: 1.12.1", "default: 1.13.0")
    release.release()
    assert release.update(storage="longhorn")["pin_longhorn"] == "1.13.0"


# --- Every answer that has a rule ---

HOST_KEY = "git.example.net ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000000"
# None of these is the default, so that an answer that is replaced shows.
INSTANCES: dict[str, dict[str, Any]] = {
    "direct with bgp": {
        "cluster_name": "home-1",
        "repository_url": "ssh://git@git.example.net/home.git",
        "repository_known_hosts": HOST_KEY,
        "repository_branch": "prod",
        "domain": "home.example.net",
        "timezone": "Europe/Berlin",
        "node_cidr": "10.0.0.0/24",
        "node_cidr_ipv6": "2001:db8:1:2::/64",
        "default_gateway": "10.0.0.254",
        "dns_servers": ["9.9.9.9"],
        "ntp_servers": ["ntp.example.net"],
        "vlan_id": 4000,
        "pod_cidr": "10.100.0.0/16",
        "service_cidr": "10.101.0.0/16",
        "pod_cidr_ipv6": "fd00:100::/56",
        "service_cidr_ipv6": "fd00:101::/112",
        "api_address": "10.0.0.20",
        "api_extra_sans": ["k8s.example.net"],
        "load_balancer_mode": "snat",
        "load_balancer_announcement": "bgp",
        "bgp_router_address": "10.0.0.254",
        "bgp_router_asn": 64513,
        "bgp_node_asn": 64514,
        "bgp_router_address_ipv6": "2001:db8:1:2::1",
        "load_balancer_pool": "10.0.0.128-10.0.0.140",
        "load_balancer_cidr_ipv6": "2001:db8:1:3::/64",
        "dns_address": "10.0.0.130",
        "internal_address": "10.0.0.131",
        "external_address": "10.0.0.132",
        "nodes": [{"name": "one", "address": "10.0.0.21", "disk": "/dev/sda", "interface": "eth0"}],
        "controllers_run_apps": False,
        "talos_extensions": ["siderolabs/i915"],
        "ingress_backend": "envoy-gateway",
        "external_access": "direct",
        "external_dns_target": "dyn.example.net",
        "webhook_provider": "gitlab",
        "ci": "gitlab",
        "renovate_automerge": "patch",
        "onepassword_vault": "My Vault",
        "storage": "none",
        "components": ["spegel"],
    },
    "sops and a schematic": {
        "docker_hub_mirror": "https://harbor.example.net",
        "talos_schematic_id": "0" * 64,
        "cloudflare_tunnel_id": "6f2b0a57-31c4-4f0e-8c62-1a7d3c5e9b40",
        "acme_server": "staging",
        "tunnel_transport": "http2",
        "secrets_backend": "sops",
        "backups": "s3",
        "backup_s3_url": "https://s3.eu-central-1.amazonaws.com/home",
        "backup_s3_region": "us-west-2",
        "alerts": "ntfy",
        "ntfy_topic": "https://ntfy.sh/home-7c1f0e",
    },
    "no dns provider": {"dns_provider": "none", "backups": "nfs", "backup_nfs": "nas.example.net:/backups"},
    **{each.name: each.answers for each in records.backends() if each.questions},
    **{each.name: each.additions[-1] for each in generator.records() if each.answers},
    "namespace": {"generator": "namespace", "ns_name": "media", "ns_pod_security": "restricted"},
    "app": {
        "generator": "app",
        "app_name": "films",
        "app_namespace": "media",
        "app_image": "ghcr.io/example/films",
        "app_tag": "1.2.3",
        "ingress_backend": "envoy-gateway",
        "external_access": "direct",
        "onepassword_vault": "My Vault",
        "storage": "none",
        "app_kind": "manifests",
        "app_port": 8080,
        "app_exposure": "external",
        "app_host": "www.${DOMAIN}",
        "app_mounts": [{"path": "/films", "nfs": "nas.example.net:/films"}],
        "app_secret": "onepassword",
        "app_secret_item": "Films at home",
        "app_secret_keys": ["KEY"],
        "app_tier": "core",
        "app_probe_path": "/healthz",
        "app_env": {"LEVEL": "info"},
        "app_args": ["--verbose"],
        "app_config_files": {"/etc/films.yaml": "a: b"},
        "app_requests": {"cpu": "20m", "memory": "1Gi"},
        "app_limits": {"memory": "2Gi"},
        "app_replicas": 2,
        "app_user": 1001,
        "app_group": 1002,
        "app_fs_group": 1003,
        "app_gpu": "intel",
        "app_load_balancer_ports": [{"port": 22000, "protocol": "TCP"}],
        "app_load_balancer_address": "192.168.1.109",
        "app_timeout": 60,
        "app_depends_on": ["echo"],
        "app_scrape": True,
        "app_scrape_port": 9090,
        "app_scrape_path": "/stats",
    },
    "app of nginx": {
        "generator": "app",
        "app_name": "films",
        "app_namespace": "media",
        "app_image": "ghcr.io/example/films",
        "app_tag": "1.2.3",
        "app_port": 8080,
        "app_upload_size": "10g",
    },
    "chart": {
        "generator": "app",
        "app_name": "films",
        "app_namespace": "media",
        "app_chart_url": "oci://ghcr.io/example/films",
        "app_chart_version": "1.2.3",
        "app_values": {"replicas": 2},
        "app_port": 8080,
        "app_service": "films-web",
    },
    "app with sops": {
        "generator": "app",
        "app_name": "films",
        "app_namespace": "media",
        "app_image": "ghcr.io/example/films",
        "app_tag": "1.2.3",
        "secrets_backend": "sops",
        "app_schedule": "@daily",
    },
}
HAVE_NO_DEFAULT = {
    # What identifies it,
    "cluster_name",
    "repository_url",
    "domain",
    "timezone",
    "node_cidr",
    "default_gateway",
    "api_address",
    "load_balancer_pool",
    "nodes",
    *(name for each in generator.records() for name in (*each.parts_of_the_path, each.reads)),
    "app_image",
    "app_tag",
    "app_chart_url",
    "app_chart_version",
    # and what only its owner knows.
    "repository_known_hosts",
    "bgp_router_address",
    "bgp_router_asn",
    "bgp_node_asn",
    "bgp_router_address_ipv6",
    "external_dns_target",
    *(name for each in records.backends() for name in each.questions),
    "backup_s3_url",
    "backup_nfs",
    "ntfy_topic",
}
# What an addition needs of its cluster is no default.
NEEDED = {(each.name, name) for each in generator.records() for name in each.cluster}
QUESTIONS = all_questions()
RULED = {
    name: question
    for name, question in QUESTIONS.items()
    if question.get("when") is not False and ("choices" in question or "validator" in question)
}
CASES = [
    pytest.param(instance, name, id=f"{name} of {instance}")
    for instance, answers in INSTANCES.items()
    for name in answers
    if name in RULED
]


first_configuration = cache(load_template_config)


def tightened(question: dict, name: str, answer: Any) -> dict:
    """Return the question as a later release may have it: it no longer offers the answer, or its rule refuses it."""
    refused = answer if isinstance(answer, list) else [answer]
    if choices := question.get("choices"):
        left = {
            label: choice
            for label, choice in choices.items()
            if (choice["value"] if isinstance(choice, dict) else choice) not in refused
        }
        return question | {"choices": left}
    return question | {"validator": question["validator"] + f"{{{{ 'refused now' if {name} == {answer!r} }}}}"}


@pytest.fixture(scope="session")
def instances(questionnaire: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """Each of INSTANCES, as a copy made it."""
    folder = tmp_path_factory.mktemp("instances")
    with quicker():
        for name, answers in INSTANCES.items():
            copier.run_copy(str(questionnaire), folder / name, data=answers, defaults=True, quiet=True)
    return folder


@pytest.fixture
def later_release(questionnaire: Path, instances: Path, tmp_path: Path) -> Callable[..., dict]:  # noqa: F811
    """later_release(instance, changed questions, without an answer) -> what that instance records then.

    Copier asks in `recopy` as it does in `update`, and needs no three renders and clones for it.
    """

    def ask(instance: str, changed: dict[str, dict], without: str = "") -> dict:
        answers_file = tmp_path / ".copier-answers.yml"
        recorded = yaml.safe_load((instances / instance / answers_file.name).read_text())
        recorded.pop(without, None)
        answers_file.write_text(yaml.safe_dump(recorded))
        configuration = first_configuration(questionnaire / "copier.yml") | changed
        load = mock.patch("copier._template.load_template_config", lambda *_, **__: deepcopy(configuration))
        with quicker(), load:
            copier.run_recopy(tmp_path, defaults=True, overwrite=True, quiet=True, unsafe=False)
        return yaml.safe_load(answers_file.read_text())

    return ask


def test_each_question_that_has_a_rule_is_tried():
    tried = {name for answers in INSTANCES.values() for name in answers}
    # Nobody answers a version that follows from another answer.
    follows = {name for name, question in RULED.items() if question.get("ask") is False and name.endswith("_tag")}
    assert set(RULED) - tried - follows == set()


@needs("copier")
@pytest.mark.full
@pytest.mark.parametrize(("instance", "name"), CASES)
def test_a_stricter_rule_replaces_no_recorded_answer(later_release, instance, name):
    question = tightened(QUESTIONS[name], name, INSTANCES[instance][name])
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        print(name, "is", later_release(instance, {name: question})[name])


@needs("copier")
@pytest.mark.parametrize(
    ("instance", "name"),
    [
        case
        for case in CASES
        # With the default of this one, the IPv6 network that BGP announces would be another.
        if case.values[1] not in {"generator", "load_balancer_announcement", *HAVE_NO_DEFAULT}
        and case.values not in NEEDED
    ],
)
@pytest.mark.full
def test_a_question_that_was_never_recorded_has_its_default(later_release, instance, name):
    answers = later_release(instance, {}, without=name)
    assert answers[name] != INSTANCES[instance][name]
