"""The questions at a real terminal, typed key by key: defaults, other networks, every error seen once."""

import os
import re
from pathlib import Path

import pexpect
import pytest
import yaml

from tests.support import pictures
from tests.support import terminal as screens
from tests.support.needs import needs
from tests.support.questions import questions
from tests.test_questions import ASKED, questionnaire  # noqa: F401  (a fixture)
from tests.tools import records
from tests.tools.records import dns

pytestmark = [needs("copier", "terminal"), pytest.mark.full]

ENTER, ESCAPE, DOWN, CLEAR_LINE = "\r", "\x1b", "\x1b[B", "\x05\x15"


class Terminal:
    """A person at `copier copy`: sees a prompt, types, sees a refusal, types again."""

    def __init__(self, template: Path, destination: Path) -> None:
        self.destination = destination
        self.process = pexpect.spawn(
            "copier",
            ["copy", str(template), str(destination)],
            encoding="utf-8",
            dimensions=(70, 200),
            timeout=30,
            # Nobody answers when the prompt asks the terminal where its cursor is.
            env=os.environ | {"PROMPT_TOOLKIT_NO_CPR": "1"},
        )

    def sees(self, words: str) -> None:
        self.process.expect(re.compile(r"[\s\S]*?".join(map(re.escape, words.split()))))

    def answers(self, name: str, *attempts: tuple[str, str] | str) -> None:
        """Answer one question; an attempt is a text, or a (bad text, words of its refusal)."""
        question = questions()[name]
        self.sees(re.sub(r"{{.*", "", question["help"].splitlines()[0])[:60])
        is_yaml = question["type"] == "yaml" and question.get("multiline", True)
        submit = ESCAPE + ENTER if is_yaml else ENTER
        for attempt in attempts or ("",):
            text, refusal = (attempt, "") if isinstance(attempt, str) else attempt
            is_text = "choices" not in question and question["type"] != "bool"
            self.process.send((CLEAR_LINE if is_text and text else "") + text)
            if question["type"] != "bool" or not text:  # y is an answer at once
                self.process.send(submit)
            if refusal:
                self.sees(refusal)

    def ends(self) -> dict:
        """Return the recorded answers, once Copier has ended well."""
        self.process.expect(pexpect.EOF)
        self.process.close()
        assert self.process.exitstatus == 0, self.process.before
        return yaml.safe_load((self.destination / ".copier-answers.yml").read_text())


# Asked only with an IPv6 network of the nodes, and with another backend, backups or alerts.
DUAL_STACK = ("pod_cidr_ipv6", "service_cidr_ipv6", "bgp_router_address_ipv6", "load_balancer_cidr_ipv6")
OF_OTHER_BACKENDS = [name for each in records.backends() for name in each.questions]
UPKEEP = ("backup_s3_url", "backup_s3_region", "backup_nfs", "ntfy_topic")


def asked_when_advanced(*but: str) -> list[str]:
    """Every question that is asked then, but those that do not apply."""
    return [
        name
        for name, question in questions().items()
        if question.get("when") is not False
        and question.get("ask") is not False
        and name not in (*DUAL_STACK, *UPKEEP, *OF_OTHER_BACKENDS, *but)
    ]


@pytest.fixture
def terminal(questionnaire, tmp_path):  # noqa: F811
    terminal = Terminal(questionnaire, tmp_path / "cluster")
    yield terminal
    terminal.process.close(force=True)


def test_enter_all_the_way_is_anton(terminal):
    for name in ASKED:
        terminal.answers(name)
    answers = terminal.ends()
    assert (answers["cluster_name"], len(answers["nodes"])) == ("anton", 3)


def test_another_home_network_moves_every_address(terminal):
    given = {"node_cidr": ["10.0.0.0/24"]}
    for name in ASKED:
        terminal.answers(name, *given.get(name, []))
    answers = terminal.ends()
    assert answers["default_gateway"] == "10.0.0.1"
    assert [node["address"] for node in answers["nodes"]] == ["10.0.0.98", "10.0.0.99", "10.0.0.100"]


@pytest.mark.witness
def test_in_a_small_network_each_mistake_is_named_and_can_be_mended(terminal):
    node = "[{{name: one, address: {}, disk: /dev/sda, interface: eth0}}]".format
    given = {
        "cluster_name": [("Small!", "Small! is not a DNS label"), "small"],
        "repository_url": [
            ("git@github.com:a/b.git", "write ssh://git@github.com/a/b.git"),
            "ssh://git@github.com/a/b.git",
        ],
        "domain": [("localhost", "localhost is not a domain"), "home.example.net"],
        "timezone": [("berlin", "berlin is not a time zone"), "Europe/Berlin"],
        "node_cidr": [("192.168.7.1/28", "did you mean 192.168.7.0/28"), "192.168.7.0/28"],
        "default_gateway": [("192.168.8.1", "192.168.8.1 is not in node_cidr"), "192.168.7.1"],
        "api_address": [("192.168.7.1", "used by both api_address and default_gateway"), "192.168.7.2"],
        "load_balancer_pool": [
            ("192.168.7.1-192.168.7.6", "contains 192.168.7.1, which is default_gateway"),
            "192.168.7.10-192.168.7.14",
        ],
        "nodes": [(node("192.168.7.2"), "used by both node one and api_address"), node("192.168.7.3")],
        "cloudflare_tunnel_id": [("mine", "mine is not a UUID"), "6f2b0a57-31c4-4f0e-8c62-1a7d3c5e9b40"],
    }
    for name in ASKED:
        terminal.answers(name, *given.get(name, []))
    answers = terminal.ends()
    assert (answers["dns_address"], answers["external_address"]) == ("192.168.7.10", "192.168.7.12")


def test_a_number_that_is_none_is_named_and_can_be_mended(terminal):
    given: dict[str, list] = {
        "advanced": ["y"],
        "load_balancer_announcement": [DOWN],
        "bgp_router_address": ["192.168.1.254"],
        "bgp_router_asn": [("abc", "abc is not an autonomous system number"), "64513"],
        "bgp_node_asn": [("", "nothing is not an autonomous system number"), "64514"],
    }
    for name in asked_when_advanced("repository_known_hosts", "controllers_run_apps", "external_dns_target"):
        terminal.answers(name, *given.get(name, []))
    answers = terminal.ends()
    assert (answers["bgp_router_asn"], answers["bgp_node_asn"]) == (64513, 64514)


def test_without_a_dns_provider_no_outside_is_offered(terminal):
    outside = ("acme_server", "external_dns_target", "external_address", "tunnel_transport", "cloudflare_tunnel_id")
    bgp = ("bgp_router_address", "bgp_router_asn", "bgp_node_asn")
    given = {"advanced": ["y"], "dns_provider": [DOWN * len(dns.providers())]}
    for name in asked_when_advanced("repository_known_hosts", "controllers_run_apps", *outside, *bgp):
        terminal.answers(name, *given.get(name, []))
    answers = terminal.ends()
    assert (answers["dns_provider"], answers["external_access"], answers["webhook_provider"]) == (
        "none",
        "none",
        "none",
    )


# What is typed at each prompt, by what stands in it. The last answer breaks a rule.
TYPED = {
    "Name of the cluster": "attic",
    "Where Flux finds": "https://github.com/me/attic.git",
    "Ask the rare questions": "",
    "Domain of the apps": "example.net",
    "Time zone": "Europe/Berlin",
    "IPv4 network of the nodes": "10.0.0.0/24",
    "Router of that network": "",
    "Address of the Kubernetes API": "10.0.0.1",
}


def test_the_picture_of_the_questions(questionnaire: Path, tmp_path: Path) -> None:  # noqa: F811
    command = ["copier", "copy", str(questionnaire), "my-cluster"]
    with screens.Terminal(command, tmp_path, (104, 40), {"PROMPT_TOOLKIT_NO_CPR": "1"}) as screen:
        for prompt, answer in TYPED.items():
            screen.shows(prompt)
            screen.press(f"{CLEAR_LINE if answer else ''}{answer}{ENTER}")
        said = "10.0.0.1 is used by both api_address and default_gateway"
        screen.shows(said)
        helps = [line for name in ASKED[: len(TYPED)] for line in questions()[name]["help"].splitlines()]
        pictures.take(screen, "questions", "copier copy", *helps, said)
